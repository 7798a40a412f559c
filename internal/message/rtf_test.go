package message

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// lzfu packs b as literals.
func lzfu(b string) []byte {
	out := append(make([]byte, 8), "LZFu\x00\x00\x00\x00"...)
	at := len(rtfDictionary)
	for i := 0; i <= len(b); i += 8 {
		end := min(len(b), i+8)
		flag := byte(0)
		if end-i < 8 {
			flag = 1 << (end - i)
		}
		out = append(append(out, flag), b[i:end]...)
		at += end - i
		if flag != 0 {
			at &= 4095
			return append(out, byte(at>>4), byte(at<<4))
		}
	}
	return out
}

func TestExpandRTF(t *testing.T) {
	// The example of [MS-OXRTFCP] section 4.1.1.
	b, err := hex.DecodeString("2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(expandRTF(b)); got != "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(expandRTF(lzfu("{\\rtf1 some words of our own}"))); got != "{\\rtf1 some words of our own}" {
		t.Errorf("%q", got)
	}
	for n := range b {
		expandRTF(b[:n])
	}
	start := time.Now()
	bomb := append(append(make([]byte, 8), "LZFu\x00\x00\x00\x00"...), bytes.Repeat([]byte{0xff, 0, 15, 0, 15, 0, 15, 0, 15, 0, 15, 0, 15, 0, 15, 0, 15}, 100_000)...)
	if n := len(expandRTF(bomb)); n > maxRTF+200 || time.Since(start) > time.Second*slowdown {
		t.Errorf("a bomb gave %d bytes in %v", n, time.Since(start))
	}
}

func TestReadRTF(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Caf\'e9 \{x\}\par second\line third\tab x}`, "Café {x}\nsecond\nthird\tx"},
		{`{\rtf1\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}`, "Привет"},
		{`{\rtf1\ansicpg932 \'93\'fa\'96\'7b}`, "日本"},
		{`{\rtf1\uc1 \u8364 ?5 \u-10179 ?}`, "€5 \uFFFD"},
		{`{\rtf1{\*\generator Word;}{\info{\title T}}a{\*\unknown b}c\bin3 xxxd}`, "acd"},
		{`{\rtf1\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Text {\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0 {\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0}`, "<p>Text &lt;</p>"},
		{`{\rtf1 unclosed {\b bold`, "unclosed bold"},
		{`}}}{\rtf1 x`, "x"},
		{`\`, ""}, {`\'`, ""}, {`\u`, "\x00"},
	} {
		got, isHTML := readRTF([]byte(c.in))
		if strings.Trim(got, "\x00") != strings.Trim(c.want, "\x00") || isHTML != strings.HasPrefix(c.want, "<") {
			t.Errorf("%s: got %q, HTML %v", c.in, got, isHTML)
		}
	}
	for _, unit := range []string{"{", "}", "\\", "\\u1 ", "\\'e9", "{\\*\\x ", "\\bin1 ", "a"} {
		start := time.Now()
		readRTF([]byte(strings.Repeat(unit, 1<<20/len(unit))))
		if d := time.Since(start); d > time.Second*slowdown {
			t.Errorf("%q took %v", unit, d)
		}
	}
}

// A winmail.dat whose only text is RTF gives it, and its HTML if it was made of that.
func TestTNEFRTF(t *testing.T) {
	m := parse(t, tnefPart(tnefOf(tnefAttr(1, tnefProps, mapiList(mapiProp(0x102, 0x1009, lzfu(`{\rtf1\ansi Dear all,\par see there.}`)))))))
	if m.Text != "Dear all,\nsee there." || m.HTML != "" {
		t.Errorf("%q %q %q", m.Text, m.HTML, m.Defects)
	}
	m = parse(t, tnefPart(tnefOf(tnefAttr(1, tnefProps, mapiList(mapiProp(0x102, 0x1009, lzfu(`{\rtf1\fromhtml1 {\*\htmltag64 <p>}Text{\*\htmltag72 </p>}{\*\htmltag64 <script>}x{\*\htmltag64 </script>}}`)))))))
	if m.Text != "Text" || m.HTML != "<p>Text</p>" {
		t.Errorf("%q %q %q", m.Text, m.HTML, m.Defects)
	}
}
