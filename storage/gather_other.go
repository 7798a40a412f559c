//go:build !linux

package storage

// gatherVFS names no file system: SQLite writes itself (gather_linux.go).
func gatherVFS() string { return "" }
