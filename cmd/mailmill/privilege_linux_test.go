package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"mailmill/formats/corpustest"
)

// programs are what scripts may run: commoner runs a command as somebody who is bound by permissions, which root is
// not.
func programs() map[string]func() {
	return map[string]func(){"mailmill": main, "commoner": commoner}
}

func commoner() {
	runtime.LockOSThread()
	if os.Geteuid() == 0 {
		const capDacOverride, capDacReadSearch = 1, 2 // linux/capability.h
		for _, capability := range []uintptr{capDacOverride, capDacReadSearch} {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, capability, 0); errno != 0 {
				fmt.Fprintln(os.Stderr, "commoner: root cannot lay down its rights:", errno)
				os.Exit(99)
			}
		}
	}
	path, err := exec.LookPath(os.Args[1])
	if err == nil {
		// What the thread has given up is gone for the program that takes its place.
		err = syscall.Exec(path, os.Args[1:], os.Environ())
	}
	fmt.Fprintln(os.Stderr, "commoner:", err)
	os.Exit(99)
}

// condition says whether scripts can have what they ask for: a disk of their own, which only root makes. In CI none goes
// without.
func condition(name string) (bool, error) {
	if name != "disk" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return os.Geteuid() == 0 || corpustest.Require(), nil
}

// disk makes a folder a small disk, or changes its size: disk size=1m,nr_inodes=100 folder
func disk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: disk options folder")
	}
	dir := ts.MkAbs(args[1])
	if _, err := os.Stat(dir); err == nil {
		ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, args[0]))
		return
	}
	ts.Check(os.Mkdir(dir, 0o700))
	ts.Check(syscall.Mount("tmpfs", dir, "tmpfs", 0, args[0]))
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
}
