package message

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAddressLists(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`a@b.example`, `[ a@b.example]`},
		{`Anna Muster <Anna@B.Example>`, `[Anna Muster Anna@b.example]`},
		{`"Muster, Anna" <a@b.example>`, `[Muster, Anna a@b.example]`},
		{`Muster, Anna <a@b.example>`, `[Muster, Anna a@b.example]`},
		{`Muster, Anna <a@b.example>, Doe, John <j@d.example>`, `[Muster, Anna a@b.example] [Doe, John j@d.example]`},
		{`a@b.example, c@d.example`, `[ a@b.example] [ c@d.example]`},
		{`a@b.example; c@d.example;`, `[ a@b.example] [ c@d.example]`},
		{`undisclosed-recipients:;`, ``},
		{`undisclosed recipients: ;`, ``},
		{`Team: a@b.example, "C, D" <c@d.example>;, e@f.example`, `[ a@b.example] [C, D c@d.example] [ e@f.example]`},
		{`"A, B" <a@b.example>, undisclosed:;, foo`, `[A, B a@b.example] [ foo]`},
		{`a@b.example (Anna Muster)`, `[Anna Muster a@b.example]`},
		{`Anna (the (nested) one) <a@b.example>`, `[Anna a@b.example]`},
		{`Anna <a@b.example`, `[Anna a@b.example]`},
		{`Anna <<a@b.example>>`, `[Anna a@b.example]`},
		{`<a@b.example>`, `[ a@b.example]`},
		{`Anna a@b.example`, `[Anna a@b.example]`},
		{`"a b"@c.example`, `[ "a b"@c.example]`},
		{`Anna <"a b"@c.example>`, `[Anna "a b"@c.example]`},
		{`<@relay.example,@x.example:a@b.example>`, `[ a@b.example]`},
		{`a @ b . example`, `[. example a@b]`},
		{`mailto:a@b.example`, `[ a@b.example]`},
		{`"a@b.example" <c@d.example>`, `[a@b.example c@d.example]`},
		{`a@b.example <a@b.example>`, `[a@b.example a@b.example]`},
		{`'Anna' <a@b.example>`, `[Anna a@b.example]`},
		{`"'a@b.example'" <a@b.example>`, `[a@b.example a@b.example]`},
		{`o'brien@b.example`, `[ o'brien@b.example]`},
		{`=?utf-8?q?J=C3=BCrgen?= <j@b.example>`, `[Jürgen j@b.example]`},
		{`"=?utf-8?q?J=C3=BCrgen?=" <j@b.example>`, `[Jürgen j@b.example]`},
		{`=?utf-8?q?Muster=2C_Anna?= <j@b.example>`, `[Muster, Anna j@b.example]`},
		{`=?utf-8?Q?Muster,_Anna?= <j@b.example>`, `[Muster, Anna j@b.example]`},
		{`=?utf-8?q?x_=3Cevil=40e.example=3E?= <j@b.example>`, `[x <evil@e.example> j@b.example]`},
		{"J\xfcrgen <j@b.example>", `[Jürgen j@b.example]`},
		{`Jürgen <jürgen@Bücher.example>`, `[Jürgen jürgen@bücher.example]`},
		{`"John "Johnny" Doe" <j@b.example>`, `[John Johnny Doe j@b.example]`},
		{`"Unclosed <a@b.example>`, `[Unclosed a@b.example]`},
		{`"Unclosed <a@b.example>, "Other" <c@d.example>`, `[Unclosed a@b.example] [Other c@d.example]`},
		{`"Anna \"The\" Muster" <a@b.example>`, `[Anna "The" Muster a@b.example]`},
		{`root`, `[ root]`},
		{`Just A Name`, ``},
		{``, ``},
		{`,,, ,`, ``},
		{`a@b.example,,c@d.example`, `[ a@b.example] [ c@d.example]`},
		{`[Support] <a@b.example>`, `[[Support] a@b.example]`},
		{`Re: something <a@b.example>`, `[Re: something a@b.example]`},
		{"Anna\u202etxt <a@b.example>", `[Annatxt a@b.example]`},
		{"Anna <a\u200b@b.example>", `[Anna a@b.example]`},
		{`Anna <a@b.example> trailing`, `[Anna trailing a@b.example]`},
		{`Anna <not an address>`, `[Anna notanaddress]`},
		{`a@b.example(comment)`, `[comment a@b.example]`},
		{`Anna <a@b.example> Carl <c@d.example>`, `[Anna a@b.example] [Carl c@d.example]`},
		{`<a@b.example> <c@d.example>`, `[ a@b.example] [ c@d.example]`},
		{`a@b.example <c@d.example>`, `[a@b.example c@d.example]`},
		{`Smiley :-( <a@b.example>`, `[Smiley :-( a@b.example]`},
	} {
		var got []string
		for _, a := range parseAddresses(c.in, "", 1000) {
			got = append(got, fmt.Sprintf("[%s %s]", a.Name, a.Address))
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, g, c.want)
		}
	}
}

// Hostile lists take linear time.
func TestAddressListsAreLinear(t *testing.T) {
	for _, unit := range []string{"<", "(", `"`, ",", "=?", "=?a?q?b ", "=?a?b?QUI= ", `"a" `, "a@b.example,", `\`, "<a@b,", `a(b`, "@", ":", "x:", "'", "<>", `"<`} {
		in := strings.Repeat(unit, 256<<10/len(unit))
		best := time.Hour
		for range 3 {
			start := time.Now()
			parseAddresses(in, "", 1000)
			best = min(best, time.Since(start))
		}
		if best > 300*time.Millisecond {
			t.Errorf("256 KiB of %q took %v", unit, best)
		}
	}
}
