package main

import (
	"log/slog"
)

// openServer logs in to the account of a destination, and prepares to write there.
func (a *app) openServer(c *conversion, p *place, into *opened, log *slog.Logger) error {
	return usage("%s: servers cannot be written to yet", p)
}
