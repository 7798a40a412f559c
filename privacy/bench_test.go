package privacy

import (
	"strings"
	"testing"
)

// letter is 4 KiB as a support desk gets it: a request between ordinary prose.
var letter = strings.Repeat("I have been a customer of yours for many years and have always been content with the service, the prices and the people on the phone.\n", 14) +
	"Please send me a copy of all personal data you hold about me, and delete it afterwards.\n\n" +
	strings.Repeat("The weather in the north was rather unkind this year, so that the deliveries came late and the roses did not bloom at all.\n", 20)

func BenchmarkRecognise(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"request-4KiB", letter[:4096]},
		{"german-4KiB", strings.Repeat("Sehr geehrte Damen und Herren, die Waschmaschine läuft seit gestern nicht mehr und zeigt den Fehler E18 an. ", 40)[:4096]},
		{"unknown-4KiB", strings.Repeat("qwertz lorem ipsum dolor sit amet consectetur zzyzx ", 80)[:4096]},
		{"short", "Please delete my account and all my data."},
		{"verbs-64KiB", strings.Repeat("delete my data ", MaxText/15)},
		{"slips-64KiB", strings.Repeat("delxtz acxount infxrmatio ", MaxText/26)},
		{"han-64KiB", strings.Repeat("请删除我的个人信息", MaxText/27)},
		{"html-64KiB", strings.Repeat("<p>delete <b>my</b> data", MaxText/24)},
		{"styles-64KiB", strings.Repeat("<style>", MaxText/7)},
		{"quotes-64KiB", strings.Repeat("1 wrote:\n>\n", MaxText/12)},
		{"tags-64KiB", "<p>" + strings.Repeat("<style ", MaxText/7)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				Recognise("Question", c.text)
			}
		})
	}
}

// TestBounded: what is within the bound is found wherever it stands, and what
// is beyond it is not read.
func TestBounded(t *testing.T) {
	far := strings.Repeat("The roses did not bloom. ", MaxText/25+1) + "Please delete all my personal data."
	if r := Recognise("", far); r != nil {
		t.Errorf("read beyond the bound: %+v", r)
	}
	near := strings.Repeat("The roses did not bloom. ", MaxText/50) + "Please delete all my personal data."
	if r := Recognise("", near); r == nil || r.Rights[0] != Erasure {
		t.Errorf("within the bound: %+v", r)
	}
}

func FuzzRecognise(f *testing.F) {
	for _, file := range []string{"testdata/mails.txt", "testdata/held-back.txt"} {
		for i, c := range readCases(f, file) {
			if i%7 == 0 {
				f.Add(c.subject, c.text)
			}
		}
	}
	f.Add("Re: Fwd:", "<div><style><!-- \xff\xfe >")
	f.Add("", "On 1 March 2020 a@b wrote:\n> -- \n>> x\n-----x-----\nFrom: a@b\nSent: 1\n")
	known := map[Right]bool{}
	for _, r := range rights {
		known[r] = true
	}
	f.Fuzz(func(t *testing.T, subject, text string) {
		r := Recognise(subject, text)
		if r == nil {
			return
		}
		if r.Rights == nil || r.Language == "" {
			t.Fatalf("%+v", r)
		}
		seen := map[Right]bool{}
		for _, x := range r.Rights {
			if !known[x] || seen[x] {
				t.Fatalf("%+v", r)
			}
			seen[x] = true
		}
		if r.Sure && len(r.Rights) == 0 {
			t.Fatalf("sure of nothing: %+v", r)
		}
	})
}
