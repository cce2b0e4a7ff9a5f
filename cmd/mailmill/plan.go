package main

import (
	"fmt"
	"log/slog"
	"slices"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/transform/address"
	"mailmill/transform/filter"
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
	if len(which.include) > 0 && !a.quiet && !includesAny(plan.Filters, from.archives) {
		fmt.Fprintln(a.stderr, "No folder is what --include asks for; mailmill inspect shows what they are called.")
	}
	for _, archive := range from.archives {
		plan.Sources = append(plan.Sources, load.Input{Name: archive.Info().Path, Source: archive})
	}
	return plan, nil
}

// includesAny reports whether any folder of the archives passes the filters.
func includesAny(filters []load.Filter, archives []extract.Archive) bool {
	for _, f := range filters {
		patterns, ok := f.(*filter.Folders)
		if !ok {
			continue
		}
		return slices.ContainsFunc(archives, func(archive extract.Archive) bool {
			return slices.ContainsFunc(archive.Folders(), func(f *formats.Folder) bool { return patterns.Match(f) })
		})
	}
	return true
}
