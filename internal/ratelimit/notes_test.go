package ratelimit

import (
	"testing"
	"time"

	"postroom/internal/testenv"
)

// A note is every node's, for its time; nobody without Redis is told a false one.
func TestNotesAreShared(t *testing.T) {
	t.Parallel()
	url := testenv.Redis(t)
	here, there, alone := open(t, Config{URL: url}), open(t, Config{URL: url}), open(t, Config{})
	const short = 200 * time.Millisecond
	for _, l := range []Limiter{here, alone} {
		l.Note(t.Context(), "kept", time.Hour)
		l.Note(t.Context(), "short", short)
	}
	if !there.Noted(t.Context(), "kept") || there.Noted(t.Context(), "other") {
		t.Error("another node does not know what was noted, or knows more")
	}
	if alone.Noted(t.Context(), "kept") {
		t.Error("a process of its own notes nothing: its callers remember themselves")
	}
	for end := time.Now().Add(10 * short); there.Noted(t.Context(), "short"); {
		if time.Now().After(end) {
			t.Fatal("a note does not run out")
		}
	}
}

// R8: without its Redis nothing is noted, and nobody waits for it.
func TestR8_NotesWithoutRedis(t *testing.T) {
	t.Parallel()
	l := open(t, Config{URL: "redis://127.0.0.1:1/0"})
	begin := time.Now()
	for range 100 {
		l.Note(t.Context(), "x", time.Hour)
		if l.Noted(t.Context(), "x") {
			t.Fatal("noted nowhere")
		}
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}
