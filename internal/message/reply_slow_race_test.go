//go:build race

package message

// slowdown is how much longer a timed test may take: the race detector's cost.
const slowdown = 10
