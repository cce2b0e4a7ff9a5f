// Package transform is what happens to items on their way from a source to a target: a chain of steps, each a small
// package below this one. Package address resolves participants, package filter decides what is wanted, package
// folders gives folders the names they get outside.
package transform
