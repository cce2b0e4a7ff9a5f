package main

import (
	"log/slog"

	"mailmill/load"
)

// plan opens the sources and returns a run over them that goes nowhere yet. Its last step is to be that of [app.learn].
func (a *app) plan(from *sources, which *filters, names []string, jobs int, log *slog.Logger) (load.Plan, error) {
	plan := load.Plan{Jobs: jobs, Log: log}
	err := checkJobs(jobs)
	if err != nil {
		return plan, err
	}
	if plan.Filters, plan.Steps, err = which.build(); err != nil {
		return plan, err
	}
	if err := from.open(a, names, log); err != nil {
		return plan, err
	}
	if err := which.checkFolders(a, from.archives); err != nil {
		return plan, err
	}
	plan.Steps = append(plan.Steps, from.steps()...)
	plan.Sources = from.inputs()
	return plan, nil
}

// inputs returns the sources as runs have them.
func (s *sources) inputs() (list []load.Input) {
	for _, archive := range s.archives {
		list = append(list, load.Input{Name: archive.Info().Path, Source: archive})
	}
	return list
}

// maxJobs is far more than helps anybody.
const maxJobs = 1024

// checkJobs refuses a number of workers that there cannot be; 0 is one for each processor.
func checkJobs(n int) error {
	if n < 0 || n > maxJobs {
		return usage("--jobs takes a number from 1 to %d, not %d", maxJobs, n)
	}
	return nil
}
