package message

import (
	"encoding/binary"
	"strings"
)

const (
	maxRTF      = 1 << 20 // bytes of uncompressed RTF that are read
	maxRTFDepth = 500
)

// rtfDictionary is what the window of compressed RTF begins with ([MS-OXRTFCP] section 2.1.2.1).
const rtfDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier" +
	"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// expandRTF uncompresses the RTF body of a TNEF message, up to maxRTF bytes;
// what is cut off or broken ends it.
func expandRTF(b []byte) []byte {
	if len(b) < 16 {
		return nil
	}
	magic := binary.LittleEndian.Uint32(b[8:])
	b = b[16:]
	switch magic {
	case 0x414c454d: // not compressed
		return b[:min(len(b), maxRTF)]
	case 0x75465a4c:
	default:
		return nil
	}
	var dict [4096]byte
	at := copy(dict[:], rtfDictionary)
	var out []byte
	put := func(c byte) {
		dict[at] = c
		at = (at + 1) & 4095
		out = append(out, c)
	}
	for len(b) > 0 && len(out) < maxRTF {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0; bit++ {
			if flags>>bit&1 == 0 {
				put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 {
				return out
			}
			ref := int(b[0])<<8 | int(b[1])
			b = b[2:]
			from := ref >> 4
			if from == at {
				return out
			}
			for range ref&15 + 2 {
				put(dict[from])
				from = (from + 1) & 4095
			}
		}
	}
	return out
}

// rtfReader turns RTF into text, or into the HTML it was made of.
type rtfReader struct {
	out     strings.Builder
	run     []byte // bytes of the code page not yet decoded
	cs      string
	html    bool
	group   rtfGroup
	stack   []rtfGroup
	skipped int // characters still to be left out after \u
}

type rtfGroup struct {
	skip   bool // a destination that is not text
	rtf    bool // \htmlrtf: for readers of RTF only
	uc     int  // characters that stand in for one \u
	starts bool // nothing of the group was read yet but \*
}

// readRTF returns the text of an RTF body, and whether it is HTML.
func readRTF(b []byte) (string, bool) {
	r := rtfReader{cs: "windows-1252", group: rtfGroup{uc: 1}}
	for len(b) > 0 && r.out.Len() < maxRTF {
		switch c := b[0]; c {
		case '{':
			if len(r.stack) >= maxRTFDepth {
				b = nil
				continue
			}
			r.flush()
			r.stack = append(r.stack, r.group)
		case '}':
			r.flush()
			if n := len(r.stack); n > 0 {
				r.group, r.stack = r.stack[n-1], r.stack[:n-1]
			}
		case '\\':
			b = r.control(b[1:])
			continue
		case '\r', '\n':
		default:
			r.char(c)
		}
		b = b[1:]
	}
	r.flush()
	return cleanText(r.out.String()), r.html
}

func (r *rtfReader) flush() {
	if len(r.run) > 0 {
		r.out.WriteString(decodeCharset(r.run, r.cs, "", false))
		r.run = r.run[:0]
	}
}

func (r *rtfReader) char(c byte) {
	switch {
	case r.skipped > 0:
		r.skipped--
	case !r.group.skip && !r.group.rtf:
		r.run = append(r.run, c)
	}
}

func (r *rtfReader) write(s string) {
	if !r.group.skip && !r.group.rtf {
		r.flush()
		r.out.WriteString(s)
	}
}

// control reads what follows a backslash.
func (r *rtfReader) control(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	switch c := b[0]; {
	case c == '\'':
		if len(b) >= 3 && unhex(b[1]) >= 0 && unhex(b[2]) >= 0 {
			r.char(byte(unhex(b[1])<<4 | unhex(b[2])))
			return b[3:]
		}
		return b[1:]
	case c == '*':
		r.group.starts = true
		return b[1:]
	case c == '~':
		r.write("\u00a0")
		return b[1:]
	case c == '\r' || c == '\n':
		r.write("\n")
		return b[1:]
	case c|0x20 < 'a' || c|0x20 > 'z':
		if c == '\\' || c == '{' || c == '}' {
			r.char(c)
		}
		return b[1:]
	}
	n := 0
	for n < len(b) && n < 40 && b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' {
		n++
	}
	word := string(b[:n])
	b = b[n:]
	negative := len(b) > 1 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	arg, digits := leading(string(b[:min(len(b), 10)]))
	b = b[digits:]
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if negative {
		arg = -arg
	}
	if word == "bin" && arg > 0 {
		return b[min(arg, len(b)):]
	}
	r.word(word, arg, digits > 0)
	return b
}

func (r *rtfReader) word(word string, arg int, hasArg bool) {
	starts := r.group.starts
	r.group.starts = false
	switch word {
	case "par", "line", "sect", "page", "row":
		r.write("\n")
	case "tab":
		r.write("\t")
	case "cell":
		r.write(" | ")
	case "lquote", "rquote":
		r.write("'")
	case "ldblquote", "rdblquote":
		r.write("\"")
	case "bullet":
		r.write("•")
	case "endash":
		r.write("–")
	case "emdash":
		r.write("—")
	case "ansicpg":
		if cs := codepage(uint32(arg)); cs != "" {
			r.cs = cs
		}
	case "fromhtml":
		r.html = true
	case "htmlrtf":
		r.flush()
		r.group.rtf = !hasArg || arg != 0
	case "htmltag", "mhtmltag":
		r.group.skip = r.group.skip || word == "mhtmltag"
		r.group.rtf = false
	case "uc":
		r.group.uc = min(max(arg, 0), 10)
	case "u":
		if arg < 0 {
			arg += 1 << 16
		}
		r.write(string(rune(arg)))
		r.skipped = r.group.uc
	case "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "themedata", "listtable":
		r.group.skip = true
	default:
		r.group.skip = r.group.skip || starts // a destination unknown to us, marked as one to leave out
	}
}
