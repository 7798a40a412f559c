package config

import (
	"strings"
	"testing"
	"time"
)

// commentedPurpose is the purpose of the example, as somebody who follows its
// comment writes it.
func commentedPurpose(t *testing.T) string {
	t.Helper()
	_, rest, ok := strings.Cut(Example, "# [[consent.purpose]]\n")
	block, _, ok2 := strings.Cut(rest, "purpose = []\n")
	if !ok || !ok2 {
		t.Fatal("the example shows no purpose")
	}
	text := "[[consent.purpose]]\n"
	for line := range strings.SplitSeq(block, "\n") {
		text += strings.TrimPrefix(strings.TrimPrefix(line, "#"), " ") + "\n"
	}
	return text
}

func TestExampleOfAPurpose(t *testing.T) {
	c, err := parse("hostname = \"d.example\"\n"+commentedPurpose(t), "/")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Consent.Purpose) != 1 {
		t.Fatalf("%+v", c.Consent)
	}
	p := c.Consent.Purpose[0]
	if p.Name != "news" || p.Basis != "consent" || p.Expires() != 2*365*24*time.Hour || len(p.Wording) != 1 || p.Wording[0].Text == "" {
		t.Errorf("%+v", p)
	}
	// And in its place in the whole example.
	head, rest, _ := strings.Cut(Example, "# [[consent.purpose]]\n")
	_, tail, _ := strings.Cut(rest, "\n\n[consent.basis]")
	if _, err := parse(head+commentedPurpose(t)+"\n[consent.basis]"+tail, "/"); err != nil {
		t.Errorf("in the example: %v", err)
	}
}

func TestConsentErrors(t *testing.T) {
	purpose := func(more string) string { return "[[consent.purpose]]\nname = \"news\"\n" + more + "\n" }
	wording := "[[consent.purpose.wording]]\nlanguage = \"en\"\nversion = \"1\"\ntext = \"May we?\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"none":                {"", ""},
		"right":               {purpose("") + wording, ""},
		"two languages":       {purpose("") + wording + strings.Replace(wording, `"en"`, `"de"`, 1), ""},
		"no words":            {purpose(""), `consent.purpose "news": wording`},
		"no name":             {"[[consent.purpose]]\n" + wording, "name"},
		"a name of two words": {strings.Replace(purpose(""), "news", "our news", 1) + wording, "one word"},
		"named all":           {strings.Replace(purpose(""), "news", "All", 1) + wording, "all"},
		"twice":               {purpose("") + wording + purpose("") + wording, "two of that name"},
		"same version":        {purpose("") + wording + wording, "new version"},
		"bad bar":             {purpose(`bar = "high"`) + wording, "bar"},
		"special, implied":    {purpose(`bar = "special"`) + wording, "express statement"},
		"special":             {purpose(`bar = "special"`) + wording + "statement = \"I agree.\"\n", ""},
		"statement, normal":   {purpose("") + wording + "statement = \"I agree.\"\n", "statement"},
		"bad kind":            {purpose(`kind = "answer"`) + wording, "kind"},
		"bad span":            {purpose(`lasts = "2 years"`) + wording, "lasts"},
		"another basis":       {purpose(`basis = "contract"`) + wording, "consent.basis.news"},
		"basis of the kind":   {"[consent.basis]\nnews = \"legitimate-interest\"\n" + purpose(""), ""},
		"support by consent":  {"[consent.basis]\nanswer = \"consent\"\n", "support must not depend"},
		"no basis":            {"[consent.basis]\nack = \"because\"\n", "consent.basis.ack"},
		"http":                {"[consent]\npublic_url = \"http://desk.example/x\"\n", "https"},
		"http on loopback":    {"[consent]\npublic_url = \"http://127.0.0.1:8025/consent\"\n", ""},
		"https":               {"[consent]\npublic_url = \"https://desk.example/x\"\n", ""},
		"with a query":        {"[consent]\npublic_url = \"https://desk.example/x?y\"\n", "public_url"},
		"closed":              {"[consent]\npublic_url = \"https://desk.example/x\"\n[listen]\nhttp = \"\"\n", "listen.http"},
		"unknown key":         {purpose(`colour = "red"`) + wording, `there is no key "consent.purpose.colour"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse("hostname = \"d.example\"\n"+c.text, "/")
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want something with %q", err, c.want)
			}
		})
	}
}
