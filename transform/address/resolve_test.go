package address_test

import (
	"testing"

	"mailmill/formats"
	"mailmill/transform/address"
)

// resolveOne resolves a recipient by its name and its stored address.
func resolveOne(t testing.TB, r *address.Resolver, name, stored string) *formats.Address {
	t.Helper()
	a := &formats.Address{Name: name, Stored: stored, Via: formats.ViaNone}
	if _, err := r.Apply(t.Context(), &formats.Item{Mail: &formats.Mail{To: []*formats.Address{a}}}); err != nil {
		t.Fatal(err)
	}
	return a
}
