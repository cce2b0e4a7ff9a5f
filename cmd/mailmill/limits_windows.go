package main

// enoughFiles returns no error: there is no such limit here.
func enoughFiles() error { return nil }
