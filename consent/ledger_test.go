package consent

import (
	"errors"
	"slices"
	"testing"
	"time"
)

var day = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func news() *Purpose {
	return &Purpose{Name: "news", Kind: "news", Basis: BasisConsent, Bar: BarNormal, Wordings: []Wording{
		{Language: "en", Version: "1", Text: "May we send you our news once a month?"},
		{Language: "de", Version: "1", Text: "Dürfen wir Ihnen einmal im Monat Neuigkeiten schicken?"},
	}}
}

func ask(t *testing.T, p *Purpose, ledger *[]Entry, who Who, at time.Time) *Entry {
	t.Helper()
	if who.Address == "" {
		who.Address = "ada@customer.example"
	}
	e, err := p.Ask(*ledger, who, at)
	if err != nil {
		t.Fatal(err)
	}
	return add(ledger, e)
}

func add(ledger *[]Entry, e *Entry) *Entry {
	e.ID = int64(len(*ledger) + 1)
	*ledger = append(*ledger, *e)
	return e
}

func TestConsentIsGivenOnlyByAnAnswer(t *testing.T) {
	p := news()
	var ledger []Entry
	if s := p.Standing(ledger, day); s.Stands || s.Why != "never asked" {
		t.Errorf("an empty ledger: %+v", s)
	}
	q := ask(t, p, &ledger, Who{Language: "de"}, day)
	if q.Language != "de" || len(q.WordingHash) != 32 {
		t.Errorf("asked %+v", q)
	}
	if s := p.Standing(ledger, day.AddDate(1, 0, 0)); s.Stands {
		t.Error("silence became a consent")
	}
	for _, from := range []string{"eve@evil.example", "", "ada@customer.example.evil.example"} {
		if _, err := p.Answer(ledger, q, Reply{From: from, Agrees: true, At: day}); !errors.Is(err, ErrAnother) {
			t.Errorf("an answer from %q: %v", from, err)
		}
	}
	e, err := p.Answer(ledger, q, Reply{From: "Ada@Customer.example", Agrees: true, Channel: "mail", Receipt: "r1", At: day.Add(time.Hour)})
	if err != nil || e.Act != Granted || e.Receipt != "r1" || !slices.Equal(e.WordingHash, q.WordingHash) {
		t.Fatalf("%+v %v", e, err)
	}
	add(&ledger, e)
	if s := p.Standing(ledger, day.AddDate(5, 0, 0)); !s.Stands || s.Entry.Receipt != "r1" {
		t.Errorf("given: %+v", s)
	}
	if _, err := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(2 * time.Hour)}); !errors.Is(err, ErrChanged) {
		t.Errorf("the same answer twice: %v", err)
	}
	other := news()
	other.Name = "survey"
	if other.Standing(ledger, day.Add(2*time.Hour)).Stands {
		t.Error("a consent to one thing covers another")
	}
}

func TestWithdrawalWorksAtOnceAndOnce(t *testing.T) {
	for _, w := range []Entry{{Purpose: "news"}, {Purpose: "NEWS"}, {}, {Act: Objected}} {
		p := news()
		var ledger []Entry
		q := ask(t, p, &ledger, Who{}, day)
		e, _ := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(1)})
		add(&ledger, e)
		w.Address, w.At = q.Address, day.Add(2)
		out := Withdraw(ledger, w)
		if out == nil {
			t.Fatalf("%+v changed nothing", w)
		}
		add(&ledger, out)
		if s := p.Standing(ledger, day.Add(2)); s.Stands {
			t.Errorf("%+v: still stands", w)
		}
		if again := Withdraw(ledger, w); again != nil {
			t.Errorf("%+v a second time: %+v", w, again)
		}
		if _, err := p.Ask(ledger, Who{Address: q.Address}, day.Add(time.Hour)); err == nil {
			t.Errorf("%+v: asked again within the hour", w)
		}
		if _, err := p.Ask(ledger, Who{Address: q.Address, Wished: true}, day.Add(time.Hour)); err != nil {
			t.Errorf("%+v: cannot be asked at the person's own wish: %v", w, err)
		}
	}
	// Also where nothing was ever given, so that nobody asks.
	if out := Withdraw(nil, Entry{Act: Objected}); out == nil || out.Act != Objected {
		t.Errorf("an objection of a stranger: %+v", out)
	}
	// All after one.
	if out := Withdraw([]Entry{{Purpose: "news", Act: Withdrawn}}, Entry{}); out == nil {
		t.Error("stopping everything after news changed nothing")
	}
}

func TestAnswerAfterWithdrawalIsAskedAnew(t *testing.T) {
	p := news()
	var ledger []Entry
	q := ask(t, p, &ledger, Who{}, day)
	add(&ledger, Withdraw(ledger, Entry{Address: q.Address, At: day.Add(1)}))
	if _, err := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(2)}); !errors.Is(err, ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestChangedWordingAsksAnew(t *testing.T) {
	p := news()
	var ledger []Entry
	q := ask(t, p, &ledger, Who{}, day)
	e, _ := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(1)})
	given := append(slices.Clone(ledger), *e)

	longer := news()
	longer.Wordings = append(longer.Wordings, Wording{Language: "en", Version: "2", Text: "May we send you our news each week?"})
	if s := longer.Standing(given, day.Add(2)); !s.Stands {
		t.Errorf("the old words are still listed: %+v", s)
	}
	if _, err := longer.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(2)}); !errors.Is(err, ErrChanged) {
		t.Errorf("an answer to old words: %v", err)
	}
	if _, err := longer.Ask(ledger, Who{Address: q.Address}, day.Add(time.Hour)); err != nil {
		t.Errorf("new words are not asked: %v", err)
	}
	replaced := news()
	replaced.Wordings[0] = Wording{Language: "en", Version: "2", Text: "May we send you our news each week?"}
	sly := news()
	sly.Wordings[0].Text = "May we sell your address?"
	for name, p := range map[string]*Purpose{"replaced": replaced, "changed under the same version": sly} {
		if s := p.Standing(given, day.Add(2)); s.Stands || s.Why != "the wording has changed" {
			t.Errorf("%s: %+v", name, s)
		}
		if _, err := p.Ask(given, Who{Address: q.Address}, day.Add(2)); err != nil {
			t.Errorf("%s: not asked anew: %v", name, err)
		}
	}
}

func TestSilenceIsNotAskedAgainSoon(t *testing.T) {
	p := news()
	var ledger []Entry
	ask(t, p, &ledger, Who{}, day)
	who := Who{Address: "ada@customer.example"}
	if _, err := p.Ask(ledger, who, day.Add(29*24*time.Hour)); !errors.Is(err, ErrAsked) {
		t.Errorf("after 29 days: %v", err)
	}
	if _, err := p.Ask(ledger, who, day.Add(30*24*time.Hour)); err != nil {
		t.Errorf("after 30 days: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	p := news()
	p.Lasts = 365 * 24 * time.Hour
	var ledger []Entry
	q := ask(t, p, &ledger, Who{}, day)
	e, _ := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day})
	add(&ledger, e)
	end := day.Add(p.Lasts)
	r := Rules{Purposes: []Purpose{*p}}
	if !p.Standing(ledger, end.Add(-1)).Stands || p.Standing(ledger, end).Stands {
		t.Error("it does not end on its date")
	}
	if r.Expire(ledger, end.Add(-1)) != nil {
		t.Error("expired too early")
	}
	gone := r.Expire(ledger, end)
	if len(gone) != 1 || gone[0].Act != Expired {
		t.Fatalf("%+v", gone)
	}
	add(&ledger, gone[0])
	if r.Expire(ledger, end.Add(1)) != nil || p.Standing(ledger, end).Stands {
		t.Error("it expires twice, or stands again")
	}
}

func TestChildTakesAParent(t *testing.T) {
	p := news()
	p.Bar = BarChild
	for _, g := range []string{"", "KID@school.example"} {
		if _, err := p.Ask(nil, Who{Address: "kid@school.example", Guardian: g}, day); !errors.Is(err, ErrGuardian) {
			t.Errorf("guardian %q: %v", g, err)
		}
	}
	var ledger []Entry
	q := ask(t, p, &ledger, Who{Address: "kid@school.example", Guardian: "mum@home.example"}, day)
	e, err := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(1)})
	if err != nil || e.Act != Pending || e.Lacks != LacksParent {
		t.Fatalf("%+v %v", e, err)
	}
	open := add(&ledger, e)
	if s := p.Standing(ledger, day.Add(1)); s.Stands || s.Why != "waits for a parent" {
		t.Errorf("%+v", s)
	}
	if _, err := p.Answer(ledger, open, Reply{From: q.Address, Agrees: true, At: day.Add(2)}); !errors.Is(err, ErrAnother) {
		t.Errorf("the child confirms for the parent: %v", err)
	}
	no, err := p.Answer(ledger, open, Reply{From: "mum@home.example", At: day.Add(2)})
	if err != nil || no.Act != Declined {
		t.Errorf("a parent's no: %+v %v", no, err)
	}
	yes, err := p.Answer(ledger, open, Reply{From: "mum@home.example", Agrees: true, Receipt: "r2", At: day.Add(2)})
	if err != nil || yes.Act != Granted || yes.Address != q.Address || yes.Guardian != "mum@home.example" {
		t.Fatalf("%+v %v", yes, err)
	}
	add(&ledger, yes)
	if !p.Standing(ledger, day.Add(3)).Stands {
		t.Error("confirmed, and does not stand")
	}
}

func TestSpecialTakesTheOfficer(t *testing.T) {
	p := news() // the tag of a ticket raises the bar
	var ledger []Entry
	q := ask(t, p, &ledger, Who{Lacks: LacksReview}, day)
	if !p.Express(q) {
		t.Error("a mere yes would do")
	}
	e, err := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(1)})
	if err != nil || e.Act != Pending {
		t.Fatalf("%+v %v", e, err)
	}
	add(&ledger, e)
	if p.Standing(ledger, day.Add(1)).Stands {
		t.Error("stands before the review")
	}
	if _, err := p.Answer(ledger, e, Reply{From: q.Address, Agrees: true, At: day.Add(2)}); err == nil {
		t.Error("the person reviewed it")
	}
	g, err := p.Review(ledger, true, "command", "", day.Add(3))
	if err != nil || g.Act != Granted {
		t.Fatalf("%+v %v", g, err)
	}
	add(&ledger, g)
	if _, err := p.Review(ledger, false, "command", "", day.Add(4)); err == nil {
		t.Error("reviewed twice")
	}
}

func TestBothBars(t *testing.T) {
	r := Rules{ChildTags: []string{"minor"}, SpecialTags: []string{"health"}}
	need := r.Bars([]string{"health", "vip", "minor"})
	if need != "parent review" {
		t.Fatalf("%q", need)
	}
	p := news()
	var ledger []Entry
	q := ask(t, p, &ledger, Who{Lacks: need, Guardian: "mum@home.example"}, day)
	e, _ := p.Answer(ledger, q, Reply{From: q.Address, Agrees: true, At: day.Add(1)})
	open := add(&ledger, e)
	if _, err := p.Review(ledger, true, "command", "", day.Add(2)); err == nil {
		t.Error("the officer went before the parent")
	}
	e, err := p.Answer(ledger, open, Reply{From: "mum@home.example", Agrees: true, At: day.Add(2)})
	if err != nil || e.Act != Pending || e.Lacks != LacksReview {
		t.Fatalf("%+v %v", e, err)
	}
	add(&ledger, e)
	if g, err := p.Review(ledger, true, "command", "", day.Add(3)); err != nil || g.Act != Granted {
		t.Errorf("%+v %v", g, err)
	}
}

// What rests on a legitimate interest goes until somebody objects.
func TestLegitimateInterest(t *testing.T) {
	p := news()
	p.Basis = BasisInterest
	if !p.Standing(nil, day).Stands {
		t.Error("it takes a consent")
	}
	if p.Standing([]Entry{{Act: Objected, At: day}}, day).Stands {
		t.Error("an objection changes nothing")
	}
	if _, err := p.Ask(nil, Who{}, day); !errors.Is(err, ErrBasis) {
		t.Errorf("%v", err)
	}
}

func TestRead(t *testing.T) {
	for text, want := range map[string][2]bool{
		"AGREE": {true, true}, "\n\n  agree.  \nthanks": {true, true}, "*Zustimmen*": {true, true}, "J’accepte !": {true, true}, "„Ja, ich stimme zu.“": {true, true},
		"zgadzam się": {true, true}, "Sí, acepto": {true, true}, "no": {false, true}, "Nein, danke.": {false, true},
		"": {}, "I do not know": {}, "agree? to what": {}, "Agree\u200b": {}, "I agree that this is spam": {}, "Hello\nAGREE": {}, "I AGREE to nothing": {},
	} {
		if yes, clear := Read(text, false); yes != want[0] || clear != want[1] {
			t.Errorf("%q: %v %v", text, yes, clear)
		}
	}
	for _, l := range []string{"en", "de", "fr", "es", "it", "nl", "pl", "pt", "xx"} {
		if yes, clear := Read("> quoted is cut before\n"+Word(l), true); yes || clear {
			t.Errorf("%s: a word below other text counts", l)
		}
		if yes, _ := Read(Word(l)+"\n", true); !yes {
			t.Errorf("%s: the word that is asked for is not understood", l)
		}
	}
	if yes, _ := Read("yes", true); yes {
		t.Error("a mere yes is express")
	}
}

func TestHashTellsWordingsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range []Wording{{}, {Language: "en"}, {Version: "en"}, {Title: "en"}, {Text: "en"}, {Statement: "en"}, {Language: "e", Version: "n"}} {
		if seen[string(w.Hash())] {
			t.Errorf("%+v has another's hash", w)
		}
		seen[string(w.Hash())] = true
	}
}

func TestUsesNameTheBasisOfEachMail(t *testing.T) {
	r := Rules{Bases: map[string]Basis{"ack": BasisContract, "answer": BasisContract, "privacy": BasisObligation, "notification": BasisInterest, "news": BasisConsent},
		Purposes: []Purpose{*news()}}
	r.Purposes[0].Wordings[1].Title = "Neuigkeiten"
	want := []Use{{"ack", BasisContract}, {"answer", BasisContract}, {"privacy", BasisObligation}, {"Neuigkeiten", BasisConsent}}
	if got := r.Uses("de"); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	for _, u := range want {
		if u.Basis.Article() == "" {
			t.Errorf("%s has no article", u.Basis)
		}
	}
}
