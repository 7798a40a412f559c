package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
)

// What goes out in frames comes back as it was, on its own stream, with the exit
// status.
func TestFrames(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", maxFrame/8) // two frames
	var wire bytes.Buffer
	var mu sync.Mutex
	out, errs := frameWriter{&mu, &wire, frameOut}, frameWriter{&mu, &wire, frameErr}
	for _, s := range []string{"one ", "", large} {
		if n, err := io.WriteString(out, s); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
		io.WriteString(errs, "!")
	}
	whole := wire.Bytes()
	for _, status := range []uint32{0, 1, 2} {
		var gotOut, gotErr bytes.Buffer
		wire := bytes.NewBuffer(bytes.Clone(whole))
		writeFrame(wire, frameExit, status)
		err := readFrames(wire, streams{out: &gotOut, err: &gotErr})
		var exit exitError
		if status == 0 && err != nil || status != 0 && (!errors.As(err, &exit) || uint32(exit) != status) {
			t.Errorf("status %d: %v", status, err)
		}
		if gotOut.String() != "one "+large || gotErr.String() != "!!!" {
			t.Errorf("%d bytes and %q came back", gotOut.Len(), gotErr.String())
		}
	}
}

// A server that dies in the middle, or is of another version, is said; it is not
// taken for success.
func TestFramesThatBreakOff(t *testing.T) {
	for _, c := range []struct{ name, wire string }{
		{"nothing", ""}, {"half a head", "o\x00\x00"}, {"a head alone", "o\x00\x00\x00\x05"}, {"half a frame", "o\x00\x00\x00\x05abc"},
		{"no exit", "o\x00\x00\x00\x01a"}, {"an unknown frame", "z\x00\x00\x00\x00x\x00\x00\x00\x00"},
	} {
		if err := readFrames(strings.NewReader(c.wire), streams{out: io.Discard, err: io.Discard}); err == nil {
			t.Errorf("%s: taken for success", c.name)
		}
	}
}
