package tickets

import (
	"strings"
	"testing"
	"time"
)

func TestParseCommands(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // verbs with arguments
		rest       string
		wrong      int
	}{
		{"none", "Hello", "", "Hello", 0},
		{"empty", "", "", "", 0},
		{"one", "#note\nHello", "note", "Hello", 0},
		{"only a command", "#resolve", "resolve", "", 0},
		{"several", "#tag vip big\n#priority high\nHello\n", "tag vip big;priority high", "Hello\n", 0},
		{"CRLF", "#note\r\n#resolve\r\nHello\r\n", "note;resolve", "Hello\r\n", 0},
		{"any case", "#Note\n#RESOLVED", "note;resolve", "", 0},
		{"other desks' words", "#solved\n#pending\n#close\n#assignee bob\n#fwd\n#internal", "resolve;wait;resolve;assign bob;forward;note", "", 0},
		{"colon", "#assign: bob", "assign bob", "", 0},
		{"tab", "#assign\tbob", "assign bob", "", 0},
		{"leading blanks of HTML clients", "\n \u00a0\n  #note\nHello", "note", "Hello", 0},
		{"no-break space", "\u00a0#assign\u00a0bob\u00a0\nHello", "assign bob", "Hello", 0},
		{"zero-width characters", "\ufeff\u200b#note\u200b\nHello", "note", "Hello", 0},
		{"full-width sign", "\uff03note\nHello", "note", "Hello", 0},
		{"a blank after the sign", "# note\nHello", "note", "Hello", 0},
		{"a heading", "# Summary\nHello", "", "# Summary\nHello", 0},
		{"paragraphs of HTML between commands", "#tag vip\n\n#resolve\n\nHello", "tag vip;resolve", "Hello", 0},
		{"a hashtag after a blank line", "#note\n\n#happy\nHello", "note", "#happy\nHello", 0},
		{"number", "#1234 is my order", "", "#1234 is my order", 0},
		{"only a sign", "#\nHello", "", "#\nHello", 0},
		{"two signs", "##note", "", "##note", 0},
		{"later lines are text", "Hello\n#resolve\nBye", "", "Hello\n#resolve\nBye", 0},
		{"unknown stops everything", "#tag vip\n#frobnicate\n#resolve\nHello", "tag vip;resolve", "Hello", 1},
		{"a hashtag at the top is told", "#thanks a lot!\nHello", "", "Hello", 1},
		{"argument missing", "#assign\nHello", "", "Hello", 1},
		{"argument too many", "#note not for the customer\nHello", "", "Hello", 1},
		{"a note asked for too late", "Hello,\n\n#note\nthis customer is difficult", "", "Hello,\n\n#note\nthis customer is difficult", 1},
		{"text that names #note", "write #note on top", "", "write #note on top", 0},
		{"too many", strings.Repeat("#tag a\n", 21), strings.TrimSuffix(strings.Repeat("tag a;", 20), ";"), "", 1},
	} {
		commands, rest, errs := ParseCommands(c.text)
		var got []string
		for _, cmd := range commands {
			got = append(got, strings.TrimSpace(string(cmd.Verb)+" "+cmd.Arg))
		}
		if strings.Join(got, ";") != c.want || rest != c.rest || len(errs) != c.wrong {
			t.Errorf("%s: %q, rest %q, %d wrong; want %q, rest %q, %d wrong", c.name, got, rest, len(errs), c.want, c.rest, c.wrong)
		}
	}
}

func TestEveryCommandIsInTheHelp(t *testing.T) {
	for v := range verbArgs {
		switch v {
		case VerbMacro, VerbConfirm, VerbDrop, VerbHelp, VerbForward:
			continue
		}
		if !strings.Contains(CommandHelp, "#"+string(v)) {
			t.Errorf("the help does not know #%s", v)
		}
	}
}

// Mails are wrapped at 72 columns: what stands in columns would fall apart.
func TestHelpIsNotWrapped(t *testing.T) {
	for l := range strings.Lines(CommandHelp) {
		if strings.HasPrefix(l, "#") && len(l) > 72 {
			t.Errorf("%d columns: %s", len(l), l)
		}
	}
}

func TestParseSnooze(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration // 0: not understood
	}{
		{"30m", 30 * time.Minute}, {"4h", 4 * time.Hour}, {"3d", 72 * time.Hour}, {"2w", 14 * 24 * time.Hour}, {"3 D", 72 * time.Hour},
		{"366d", 366 * 24 * time.Hour}, {"367d", 0}, {"53w", 0}, {"20000w", 0}, {"100000w", 0}, {"99999999999999999999d", 0},
		{"0d", 0}, {"-3d", 0}, {"d", 0}, {"3", 0}, {"3y", 0}, {"", 0}, {"tomorrow", 0},
		{"2026-12-24", time.Date(2026, 12, 24, 8, 0, 0, 0, time.UTC).Sub(now)}, {"2026-11-01", 0}, {"2031-01-01", 0}, {"2026-02-30", 0},
	} {
		got, ok := ParseSnooze(c.in, now)
		if ok != (c.want != 0) || ok && got.Sub(now) != c.want {
			t.Errorf("%q: %v %v, want %v", c.in, got, ok, c.want)
		}
	}
}

func TestParseTag(t *testing.T) {
	for in, want := range map[string]string{"VIP": "vip", "#vip": "vip", "a-b_c.1": "a-b_c.1", "größe": "größe", "東京": "東京",
		"": "", "#": "", "a b": "", "a,b": "", "a\u202eb": "", "a\u200bb": "", "a\u00a0b": "", "(x)": "", strings.Repeat("x", 41): ""} {
		got, ok := parseTag(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
}

func FuzzParseCommands(f *testing.F) {
	f.Add("#note\n\n#tag vip\nHello")
	f.Add("\u00a0#assign\u00a0bob\r\n# heading")
	f.Fuzz(func(t *testing.T, text string) {
		commands, rest, errs := ParseCommands(text)
		if len(commands) > maxCommands || len(errs) > maxCommands+1 {
			t.Fatalf("%d commands, %d errors", len(commands), len(errs))
		}
		if !strings.HasSuffix(text, rest) {
			t.Fatal("the rest is not the end of the text")
		}
		first, _, _ := strings.Cut(rest, "\n")
		if len(errs) == 0 && knownCommand(commandLine(first)) {
			t.Fatalf("a command is left in the text: %q", first)
		}
		for _, c := range commands {
			if _, known := verbArgs[c.Verb]; !known {
				t.Fatalf("command %q", c.Verb)
			}
		}
	})
}
