//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// programs are what scripts may run.
func programs() map[string]func() { return map[string]func(){"mailmill": main} }

// condition says whether scripts can have what they ask for.
func condition(string) (bool, error) { return false, nil }

func disk(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("there are no small disks here") }
