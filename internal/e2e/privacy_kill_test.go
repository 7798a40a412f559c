package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// P13, and the last line of section C: killed anywhere in an erasure, with a
// second node that receives mail of the same person meanwhile, the desk comes
// to the same end.
func TestP13_KillInErasure(t *testing.T) {
	if soak() {
		t.Skip("TestSoakP13_KillInErasure is the long form of it")
	}
	for _, a := range privacyArrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			killErasures(t, a, 5) // ten in all
		})
	}
}

// P13 whole.
func TestSoakP13_KillInErasure(t *testing.T) {
	if !soak() {
		t.Skip("long: runs with POSTROOM_SOAK=1 (make soak); TestP13_KillInErasure is the short form")
	}
	for _, a := range privacyArrangements {
		t.Run(a.name, func(t *testing.T) { killErasures(t, a, 50) })
	}
}

// erasureSpan is about how long the erasures of this test take, from the proof
// to the certificate.
const erasureSpan = 150 * time.Millisecond

func killErasures(t *testing.T, a arrangement, kills int) {
	b := privacyHouse(t, a, settings{"privacy.erasure": quote("automatic"), "privacy.cooling_off": quote("0")})
	stays := inGerman.as("bleibt")
	b.mail(stays, support, "Meins", "Das bleibt hier: marblefern.")
	b.w.next(bare(berta), "marblefern")
	kept := b.rawOf(stays)
	inside := 0
	for i := range kills {
		s := inEnglish.as(fmt.Sprintf("zqxkilled%d", i))
		for n := range 5 {
			b.mail(s, support, fmt.Sprintf("Matter %d of %d", n, i), strings.Repeat("wallowthorn ", 50))
		}
		b.mail(s, privacyDesk, "", s.words["erasure"])
		c := b.w.next(s.address(), s.opening["challenge"])
		b.admin().quiet()
		b.answer(s, c, s.confirm)
		<-time.After(time.Duration(rand.Int64N(int64(erasureSpan))))
		victim := b.nodes[0]
		killed := time.Now()
		victim.kill()
		late := ""
		if len(b.nodes) > 1 {
			late = b.nodes[1].mustSend(s.address(), support, letter(s.from, support, "While it is erased", "", "overgrown"))
		}
		victim.serve(a.roles[0]...)
		cert := b.w.next(s.address(), s.opening["certificate"])
		no := noIn(t, cert)
		eventually(t, "the erasure ends", func() string { return strings.TrimPrefix(b.admin().show(no).State, "done") })
		r := b.admin().show(no)
		steps := map[string]int{}
		before, after := false, false
		for _, e := range r.Events {
			at, err := time.Parse(time.RFC3339Nano, e.At)
			if err != nil {
				t.Fatal(err)
			}
			before, after = before || e.Edge == "executing" && at.Before(killed), after || e.Edge == "certified" && at.After(killed)
			if e.Edge == "step" {
				steps[e.Key]++
			}
		}
		if before && after {
			inside++
		}
		if r.Record.Scan != "clean" || len(steps) < 8 {
			t.Errorf("kill %d: the record says %+v, steps %v", i, r.Record, steps)
		}
		for step, n := range steps {
			if n != 1 {
				t.Errorf("kill %d: step %s was recorded %d times", i, step, n)
			}
		}
		for _, tk := range b.admin().of(s.address()) {
			if len(tk.Messages) != 1 || tk.Messages[0].Receipt != late {
				t.Errorf("kill %d: left behind: %+v", i, tk)
			}
		}
	}
	if got := b.rawOf(stays); fmt.Sprint(got) != fmt.Sprint(kept) {
		t.Error("somebody else's mail is not as it was")
	}
	b.admin().verify()
	found := newSniffer([]string{"zqxkilled"}).under(t, b.admin().data)
	if len(b.nodes) == 1 && len(found) > 0 {
		t.Errorf("left on disk: %s", strings.Join(found, "\n"))
	}
	t.Logf("%d kills, %d of them in the middle of an erasure", kills, inside)
	if soak() && inside == 0 {
		t.Error("no kill met an erasure: this tries nothing")
	}
}
