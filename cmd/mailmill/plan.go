package main

import (
	"log/slog"

	"mailmill/load"
	"mailmill/transform/address"
)

// plan opens the sources and returns a run over them that goes nowhere yet.
func (a *app) plan(from *sources, which *filters, names []string, jobs int, log *slog.Logger) (load.Plan, error) {
	plan := load.Plan{Jobs: jobs, Log: log}
	if jobs < 0 || jobs > 1024 {
		return plan, usage("--jobs takes a number from 1 to 1024, not %d", jobs)
	}
	var err error
	if plan.Filters, plan.Steps, err = which.build(); err != nil {
		return plan, err
	}
	plan.Steps = append(plan.Steps, &address.Resolver{})
	if err := from.open(a, names, log); err != nil {
		return plan, err
	}
	if err := which.checkFolders(a, from.archives); err != nil {
		return plan, err
	}
	for _, archive := range from.archives {
		plan.Sources = append(plan.Sources, load.Input{Name: archive.Info().Path, Source: archive})
	}
	return plan, nil
}
