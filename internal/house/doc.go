// Package house keeps the order of the project: which rooms there are, what
// each is for and may import (rooms_test.go is the table), and the commands
// that check it from outside (vulncheck, fuzz.sh). It has no code that runs in
// Postroom.
package house
