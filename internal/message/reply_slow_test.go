//go:build !race

package message

// slowdown is how much longer a timed test may take.
const slowdown = 1
