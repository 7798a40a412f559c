package threading

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"
)

var (
	now     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	testKey = []byte("0123456789abcdef0123456789abcdef")
	oldKey  = []byte("fedcba9876543210fedcba9876543210")
)

func ring(keys ...[]byte) *Keyring { return &Keyring{Keys: keys} }

// all makes one token of every kind.
func all(k *Keyring) map[Token]string {
	day := int(now.Unix() / 86400)
	return map[Token]string{
		{Kind: TokenReply, Ref: "K7Q2-9F3M", PartyNo: 1}:          k.Reply("K7Q2-9F3M", 1),
		{Kind: TokenReply, Ref: "ZZZZ-ZZZZ", PartyNo: 65535}:      k.Reply("ZZZZ-ZZZZ", 65535),
		{Kind: TokenAgent, Ref: "K7Q2-9F3M", AgentID: 4294967295}: k.Agent("K7Q2-9F3M", 4294967295),
		{Kind: TokenNote, Ref: "K7Q2-9F3M", AgentID: 7}:           k.Note("K7Q2-9F3M", 7),
		{Kind: TokenCommand, AgentID: 7}:                          k.Command(7),
		{Kind: TokenReturn, ID: 1<<48 - 1, Day: day}:              k.Return(1<<48-1, now),
		{Kind: TokenConfirm, ID: 1<<47 - 1}:                       k.Confirm(1<<47 - 1),
	}
}

func TestTokensOfAllKindsReadBack(t *testing.T) {
	k := ring(testKey)
	for want, tok := range all(k) {
		address := Address("support", want.Kind, tok, "desk.example")
		local, domain, _ := strings.Cut(address, "@")
		if domain != "desk.example" || len(local) > 64 {
			t.Fatalf("%q: the local part has %d octets", address, len(local))
		}
		for _, form := range []string{local, strings.ToUpper(local), strings.ToUpper(local[:12]) + local[12:]} {
			got := k.Parse(form, now)
			if got == nil || *got != want {
				t.Errorf("%q reads as %+v, want %+v", form, got, want)
			}
		}
	}
}

func TestTokensHaveAHundredBits(t *testing.T) {
	if macLen*8 < 100 {
		t.Fatalf("%d bits of MAC", macLen*8)
	}
}

func TestH5_TokenForgery(t *testing.T) {
	k := ring(testKey)
	for tok, text := range all(k) {
		local := "support+" + string(tok.Kind) + "." + text
		for i := range text { // every bit of every letter
			for bit := range 5 {
				v := strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", text[i]) ^ 1<<bit
				bad := text[:i] + string("abcdefghijklmnopqrstuvwxyz234567"[v]) + text[i+1:]
				if got := k.Parse("support+"+string(tok.Kind)+"."+bad, now); got != nil {
					t.Fatalf("flipping bit %d of letter %d still reads as %+v", bit, i, got)
				}
			}
		}
		for n := range len(local) {
			if k.Parse(local[:n], now) != nil {
				t.Fatalf("%q cut to %d octets still reads", local, n)
			}
		}
		for _, more := range []string{local + "a", local + "=", local + " ", local + "\x00", local + "." + text} {
			if k.Parse(more, now) != nil {
				t.Errorf("%q still reads", more)
			}
		}
		for _, kind := range []TokenKind{TokenReply, TokenAgent, TokenNote, TokenCommand, TokenReturn, TokenConfirm} {
			if kind != tok.Kind && k.Parse("support+"+string(kind)+"."+text, now) != nil {
				t.Errorf("a token of kind %c reads as one of kind %c", tok.Kind, kind)
			}
		}
	}
	// The MAC of one ticket under the name of another.
	a, b := k.Reply("AAAA-AAAA", 1), k.Reply("BBBB-BBBB", 1)
	for cut := 1; cut < len(a); cut++ {
		if mixed := a[:cut] + b[cut:]; mixed != a && mixed != b && k.Parse("s+r."+mixed, now) != nil {
			t.Fatalf("half of one token and half of another reads")
		}
	}
}

func TestTokensSurviveRotation(t *testing.T) {
	old := ring(oldKey).Reply("K7Q2-9F3M", 3)
	k := ring(testKey, oldKey)
	if got := k.Parse("support+r."+old, now); got == nil || got.PartyNo != 3 {
		t.Error("an address made with an older key no longer works")
	}
	if k.Reply("K7Q2-9F3M", 3) == old {
		t.Error("the newest key does not sign")
	}
	if ring(testKey).Parse("support+r."+old, now) != nil {
		t.Error("a key that was taken away still verifies")
	}
}

func TestTokensHaveOneSpelling(t *testing.T) {
	k := ring(testKey)
	text := k.Command(7) // 18 bytes: the last letter holds a spare bit
	for _, letter := range "abcdefghijklmnopqrstuvwxyz234567" {
		other := text[:len(text)-1] + string(letter)
		if other != text && k.Parse("support+c."+other, now) != nil {
			t.Errorf("%q reads as well as %q", other, text)
		}
	}
	// The Kelvin sign folds to k in Unicode; an address has no such letter.
	if i := strings.IndexByte(text, 'k'); i >= 0 && k.Parse("support+c."+text[:i]+"\u212a"+text[i+1:], now) != nil {
		t.Error("a Kelvin sign reads as k")
	}
}

func TestReturnTokensExpire(t *testing.T) {
	k := ring(testKey)
	local := "support+b." + k.Return(42, now)
	day := 24 * time.Hour
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{now, true},
		{now.Add(13 * day), true},
		{now.Add(16 * day), false},
		{now.Add(-day), true}, // another node's clock is a little behind
		{now.Add(-3 * day), false},
		{now.AddDate(10, 0, 0), false},
		{now.AddDate(-10, 0, 0), false},
	} {
		if got := k.Parse(local, c.at) != nil; got != c.ok {
			t.Errorf("at %s: works is %v", c.at.Format(time.DateOnly), got)
		}
	}
	if k.Parse("support+r."+k.Reply("K7Q2-9F3M", 1), now.AddDate(10, 0, 0)) == nil {
		t.Error("a reply address must never expire")
	}
}

func TestAddressKeepsToSixtyFourOctets(t *testing.T) {
	k := ring(testKey)
	for _, local := range []string{"a", "support", strings.Repeat("x", 64), "odd local", `"quoted"`, "plus+tag"} {
		for tok, text := range all(k) {
			address := Address(local, tok.Kind, text, "desk.example")
			got, _, _ := strings.Cut(address, "@")
			if len(got) > 64 {
				t.Errorf("%q has %d octets", got, len(got))
			}
			if k.Parse(got, now) == nil {
				t.Errorf("%q does not read back", got)
			}
		}
	}
	if k.Parse(strings.Repeat("x", 40)+"+r."+k.Reply("K7Q2-9F3M", 1), now) != nil {
		t.Error("a local part above 64 octets is read")
	}
}

// MACs are compared in constant time: nothing in this file compares them
// otherwise.
func TestTokensAreComparedInConstantTime(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "token.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constant := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			constant = constant || n.Sel.Name == "ConstantTimeCompare"
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "bytes" {
				t.Errorf("bytes.%s", n.Sel.Name)
			}
		case *ast.BinaryExpr:
			for _, side := range []ast.Expr{n.X, n.Y} {
				if id, ok := side.(*ast.Ident); ok && id.Name == "mac" && (n.Op == token.EQL || n.Op == token.NEQ) {
					t.Error("a MAC is compared by its bytes")
				}
			}
		}
		return true
	})
	if !constant {
		t.Error("nothing compares in constant time")
	}
}

func FuzzToken(f *testing.F) {
	k := ring(testKey, oldKey)
	good := map[string]bool{}
	for tok, text := range all(k) {
		local := "support+" + string(tok.Kind) + "." + text
		good[local] = true
		f.Add(local)
		f.Add(strings.ToUpper(local))
	}
	f.Add("support+r.")
	f.Add("+r.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, local string) {
		tok := k.Parse(local, now)
		if tok == nil {
			return
		}
		i := strings.LastIndexByte(local, '+')
		if !good["support"+strings.ToLower(local[i:])] {
			t.Fatalf("forged: %q reads as %+v", local, *tok)
		}
	})
}
