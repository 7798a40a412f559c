package main

import (
	"os"
	"runtime/debug"
)

// The heap may grow to five times what is alive before it is collected, as long
// as all of it stays below the limit; nearer to that it is collected more often.
// So the garbage of the doors costs half as much, and one hundred large mails at
// once stay within 250 MiB.
const (
	heapGrowth = 400
	heapLimit  = 160 << 20
)

// tuneCollector sets both, unless the administrator did with GOGC or GOMEMLIMIT.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit)
	}
}
