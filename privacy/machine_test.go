package privacy

import (
	"slices"
	"testing"
	"time"

	"postroom/tickets"
)

var everyState = []State{started, Received, Challenged, Verified, Review, Cooling, Executing, Done, Refused, Expired, Withdrawn}

func newTurn(now time.Time) *turn {
	q := &tickets.Queue{ID: 1, Org: 1, Name: "Privacy", Address: "privacy@desk.example", ReplyDomain: "desk.example"}
	return &turn{Desk: &Desk{Rules: Rules{Address: "privacy@desk.example"}}, ch: &tickets.Change{}, now: now, actor: tickets.ActorSystem, queue: q,
		dir: &tickets.Directory{Queues: []*tickets.Queue{q}}}
}

// Every edge from every state: it leads where the table says, is an event, and
// taken again by what it led to changes nothing more than the table says.
func TestEveryEdge(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for e, w := range ways {
		for _, s := range everyState {
			tn := newTurn(now)
			r := &Request{ID: 7, State: s, Org: 1}
			if s == started {
				r.State = ""
			}
			if r.State.Final() {
				r.Finished = now.Add(-time.Hour)
			}
			took := tn.step(r, e, "k", nil)
			if want := slices.Contains(w.from, s); took != want {
				t.Errorf("%s from %s: %v, want %v", e, s, took, want)
				continue
			}
			if !took {
				if len(tn.ch.Also) != 0 || r.State != s && s != started {
					t.Errorf("%s from %s was refused and left something", e, s)
				}
				continue
			}
			if want := w.to; want != stay && r.State != want || want == stay && r.State != s {
				t.Errorf("%s from %s leads to %s", e, s, r.State)
			}
			var events int
			for _, x := range tn.ch.Also {
				if ev, ok := x.(*Event); ok && ev.Edge == string(e) && ev.Key == "k" && ev.RequestID == 7 && ev.At.Equal(now) {
					events++
				}
			}
			if events != 1 {
				t.Errorf("%s from %s wrote %d events", e, s, events)
			}
			if r.State.Final() != !r.Finished.IsZero() {
				t.Errorf("%s from %s: %s, finished %v", e, s, r.State, r.Finished)
			}
			if w.to != stay && !slices.Contains(w.from, w.to) && tn.step(r, e, "k", nil) {
				t.Errorf("%s was taken twice", e)
			}
		}
	}
}

// No edge but those of people ends a request: nothing that time or a machine
// does may refuse, close or drop one.
func TestNoAutomaticRefusal(t *testing.T) {
	for _, s := range openStates {
		for _, e := range []Edge{EdgeFailed, EdgeDoubted, EdgeReminded, EdgeAlarmed, EdgeReviewed, EdgeUnclear, EdgeUndelivered, EdgeNoted} {
			if to, ok := Next(s, e); ok && to.Final() {
				t.Errorf("%s from %s ends it as %s", e, s, to)
			}
		}
	}
}

func TestProofIsNotTakenTwice(t *testing.T) {
	tn := newTurn(time.Now())
	r := &Request{ID: 1, State: Challenged}
	if !tn.step(r, EdgeVerified, "", nil) || tn.step(r, EdgeVerified, "", nil) {
		t.Error("verified twice or never")
	}
	tn.step(r, EdgeReviewed, "", nil)
	for _, e := range []Edge{EdgeVerified, EdgeChallenged, EdgeDoubted, EdgeExpired} {
		if r.May(e) {
			t.Errorf("%s after the proof", e)
		}
	}
}

func TestTokensAreBound(t *testing.T) {
	now := time.Now()
	r := &Request{ID: 1, No: "P-1", Right: Access, Address: "ann@example.org"}
	k, to, code := NewToken(TokenProof, r, r.Address, "privacy@desk.example", now)
	k.Scope = scopeOf(r)
	local, _, _ := tickets.SplitAddress(to)
	hash, ok := TokenInTag(local[len("privacy+"):])
	if !ok || !slices.Equal(hash, k.Hash) || !slices.Equal(CodeIn("my code: "+code), k.Hash) || !slices.Equal(CodeIn(code), k.Hash) {
		t.Fatalf("%s, %s", to, code)
	}
	if h, ok := TokenInTag("p.short"); !ok || h != nil {
		t.Error("a damaged token is no token")
	}
	if !k.covers(r) {
		t.Error("not its own request")
	}
	for name, other := range map[string]*Request{
		"another right":   {No: "P-1", Right: Erasure, Address: "ann@example.org"},
		"another request": {No: "P-2", Right: Access, Address: "ann@example.org"},
		"another address": {No: "P-1", Right: Access, Address: "bob@example.org"},
		"more addresses":  {No: "P-1", Right: Access, Address: "ann@example.org", Detail: Detail{Others: []Linked{{Address: "x@example.org", Proved: now}}}},
	} {
		if k.covers(other) {
			t.Error(name)
		}
	}
}

func TestCodesAreNotSeenInProse(t *testing.T) {
	for _, s := range []string{"Please send me a copy of all personal data you hold about me.", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
		"> SYVEI-EE4AZ-NBMVL-VELFU-N7VBV-I", "privacy+p.syveiee4aznbmvlvelfun7vbvi@desk.example", "", "a\nb\nc\nd\nSYVEI-EE4AZ-NBMVL-VELFU-N7VBV-I"} {
		if CodeIn(s) != nil {
			t.Errorf("a code in %q", s)
		}
	}
	for _, s := range []string{"SYVEI-EE4AZ-NBMVL-VELFU-N7VBV-I", "code syvei ee4az nbmvl velfu n7vbv i.", "SYVEIEE4AZNBMVLVELFUN7VBVI"} {
		if CodeIn(s) == nil {
			t.Errorf("no code in %q", s)
		}
	}
}

func TestSecondFactor(t *testing.T) {
	hash, err := HashFactor("Kd-Nr. 4711 X")
	if err != nil {
		t.Fatal(err)
	}
	if !CheckFactor(hash, "kdnr 4711x") || CheckFactor(hash, "4711") || CheckFactor(hash, "") || CheckFactor([]byte("plain$1$a$b"), "x") || CheckFactor(nil, "x") {
		t.Error("the factor is not compared as it should be")
	}
	again, _ := HashFactor("Kd-Nr. 4711 X")
	if slices.Equal(hash, again) {
		t.Error("no salt")
	}
}

func TestGroundsFitTheRight(t *testing.T) {
	for in, want := range map[string]string{"Art. 17(3)(b)": "17(3)(b)", "17.3.b": "17(3)(b)", "article 17 (3) (e) GDPR": "17(3)(e)", "12(5)": "12(5)", "15(4)": "", "": "", "173b": "", "1(7)(3)b": ""} {
		if got, ok := GroundFor(Erasure, in); got != want || ok != (want != "") {
			t.Errorf("%q: %q", in, got)
		}
	}
	for right, list := range grounds {
		for _, g := range list {
			if groundTexts[g] == "" {
				t.Errorf("%s %s has no words", right, g)
			}
		}
	}
}

func TestCorrections(t *testing.T) {
	for _, c := range []struct {
		text string
		want []Fix
	}{
		{"My name is wrong.\nCorrect name: Anna Lee\nThanks", []Fix{{Field: "name", New: "Anna Lee"}}},
		{"Neuer Name: Anna Müller-Lüdenscheidt\nNeue E-Mail: anna@Neu.example", []Fix{{Field: "name", New: "Anna Müller-Lüdenscheidt"}, {Field: "address", Old: "ann@old.example", New: "anna@neu.example"}}},
		{"Nouveau nom: Anne Léger", []Fix{{Field: "name", New: "Anne Léger"}}},
		{"New name: A\nName: B", nil},
		{"My date of birth is wrong, it is 1 May 1980.", nil},
		{"New email: not an address", nil},
		{"New email: ann@old.example", nil},
		{"> New name: Mallory", nil},
		{"New name: http://evil.example/", nil},
	} {
		if got := Corrections(c.text, "ann@old.example"); !slices.Equal(got, c.want) {
			t.Errorf("%q: %+v", c.text, got)
		}
	}
}

func TestMarketingIsTold(t *testing.T) {
	for text, want := range map[string]bool{
		"I object to the use of my data for direct marketing.":                 true,
		"Ich widerspreche der Verwendung meiner Daten für Werbung.":            true,
		"Je m'oppose à l'utilisation de mes données à des fins publicitaires.": true,
		"I object to the processing of my data, because of my situation.":      false,
		"Ich widerspreche der Verarbeitung meiner Daten gemäß Art. 21 DSGVO.":  false,
	} {
		if NamesMarketing(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
