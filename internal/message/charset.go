package message

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decodeCharset turns text of the labelled charset into UTF-8. The label is
// believed unless the bytes belie it: valid UTF-8 labelled ASCII or Latin 1 is
// UTF-8, invalid UTF-8 labelled so is guessed, as is what has no label. hint
// is a charset seen elsewhere in the mail. UTF-7 is decoded only where
// utf7 allows it: it can hide markup from filters.
func decodeCharset(b []byte, label, hint string, utf7 bool) string {
	plain := isPlain(b)
	if plain && (label == "" || !sevenBit(label)) {
		return string(b)
	}
	switch name := canonical(label); name {
	case "", "us-ascii", "windows-1252":
		switch {
		case utf8.Valid(b) && !hasEscape(b):
			return string(b)
		case name == "windows-1252":
			return decodeWith(charmap.Windows1252, b)
		}
		return guess(b, hint)
	case "utf-8":
		if utf8.Valid(b) && !hasJIS(b) {
			return string(b)
		}
		return guess(b, hint)
	case "utf-7":
		if utf7 && utf8.Valid(b) {
			return decodeUTF7(b)
		}
		return strings.ToValidUTF8(string(b), "\uFFFD")
	case "utf-16", "utf-16le", "utf-16be":
		if plain {
			return string(b)
		}
		return decodeUTF16(b, name)
	case "utf-32", "utf-32le", "utf-32be":
		order := utf32.BigEndian
		if name == "utf-32le" {
			order = utf32.LittleEndian
		}
		return decodeWith(utf32.UTF32(order, utf32.UseBOM), b)
	case "hz-gb-2312":
		return decodeWith(simplifiedchinese.HZGB2312, b)
	case "iso-2022-kr":
		return decode2022KR(b)
	default:
		if plain {
			return string(b)
		}
		return decodeNamed(name, b)
	}
}

// decodeNamed decodes one of the many other charsets.
func decodeNamed(name string, b []byte) string {
	if enc := lookup(name); enc != nil {
		if isUTF8(b, name) {
			return string(b)
		}
		return decodeWith(enc, b)
	}
	if r, err := charset.Reader(name, bytes.NewReader(b)); err == nil {
		if s, err := io.ReadAll(r); err == nil {
			return strings.ToValidUTF8(string(s), "\uFFFD")
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// isUTF8 says whether text labelled with another charset is UTF-8: by chance
// text of a single-byte charset never is, and that of a double-byte one only
// if it is very short.
func isUTF8(b []byte, name string) bool {
	if !utf8.Valid(b) || hasEscape(b) {
		return false
	}
	n, _ := countUTF8(b)
	switch name {
	case "gb18030", "big5", "euc-kr", "euc-jp", "shift_jis":
		return n >= 3
	}
	return n > 0
}

func decodeWith(e encoding.Encoding, b []byte) string {
	s, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(s), "\uFFFD")
}

// aliases are the labels seen in mail that the WHATWG index does not know.
var aliases = map[string]string{
	"ascii": "us-ascii", "ansi-x3.4-1968": "us-ascii", "iso646-us": "us-ascii", "646": "us-ascii", "7bit": "us-ascii",
	"unknown": "", "unknown-8bit": "", "x-unknown": "", "8bit": "", "default": "", "default-charset": "", "none": "", "binary": "", "x-user-defined": "",
	"iso-8859-1": "windows-1252", "iso8859-1": "windows-1252", "latin1": "windows-1252", "latin-1": "windows-1252", "iso-latin-1": "windows-1252",
	"cp1252": "windows-1252", "cp-1252": "windows-1252", "ansi": "windows-1252", "windows1252": "windows-1252", "win-1252": "windows-1252", "iso-8859-1-windows-3.1-latin-1": "windows-1252",
	"utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "utf-8n": "utf-8", "x-utf-8": "utf-8", "utf-8mb4": "utf-8", "utf8mb4": "utf-8", "x-utf-8j": "utf-8", "unicode-2-0-utf-8": "utf-8",
	"utf7": "utf-7", "unicode-1-1-utf-7": "utf-7", "x-unicode-2-0-utf-7": "utf-7", "unicode-2-0-utf-7": "utf-7", "csunicode11utf7": "utf-7",
	"utf16": "utf-16", "ucs-2": "utf-16", "iso-10646-ucs-2": "utf-16", "unicode": "utf-16", "utf16le": "utf-16le", "utf16be": "utf-16be", "utf32": "utf-32", "ucs-4": "utf-32",
	"cp932": "shift_jis", "ms932": "shift_jis", "windows-932": "shift_jis", "x-ms-cp932": "shift_jis", "mskanji": "shift_jis", "shift-jis": "shift_jis", "ms-kanji": "shift_jis", "csshiftjis": "shift_jis", "shift-jisx0213": "shift_jis",
	"x-euc-jp": "euc-jp", "eucjp": "euc-jp", "cp51932": "euc-jp", "eucjp-ms": "euc-jp", "iso-2022-jp-1": "iso-2022-jp", "iso-2022-jp-2": "iso-2022-jp", "iso-2022-jp-ms": "iso-2022-jp", "cp50220": "iso-2022-jp", "cp50221": "iso-2022-jp", "iso2022jp": "iso-2022-jp", "csiso2022jp": "iso-2022-jp",
	"cp936": "gb18030", "ms936": "gb18030", "gb2312": "gb18030", "gbk": "gb18030", "gb-2312": "gb18030", "gb2312-80": "gb18030", "gb-2312-80": "gb18030", "x-gbk": "gb18030", "windows-936": "gb18030", "euc-cn": "gb18030", "gb-18030": "gb18030", "chinese": "gb18030", "gb18030-2000": "gb18030", "x-cp20936": "gb18030",
	"cp950": "big5", "ms950": "big5", "big5-hkscs": "big5", "big-5": "big5", "x-x-big5": "big5", "windows-950": "big5",
	"cp949": "euc-kr", "ms949": "euc-kr", "ks-c-5601-1987": "euc-kr", "ks-c-5601": "euc-kr", "ksc5601": "euc-kr", "uhc": "euc-kr", "windows-949": "euc-kr", "x-windows-949": "euc-kr", "ks-c5601": "euc-kr", "euckr": "euc-kr",
	"hz": "hz-gb-2312", "hz-gb2312": "hz-gb-2312", "csiso2022kr": "iso-2022-kr",
	"cp1250": "windows-1250", "cp1251": "windows-1251", "win-1251": "windows-1251", "win1251": "windows-1251", "cp-1251": "windows-1251", "cp1253": "windows-1253", "cp1254": "windows-1254", "cp1255": "windows-1255", "cp1256": "windows-1256", "cp1257": "windows-1257", "cp1258": "windows-1258",
	"koi8r": "koi8-r", "koi8": "koi8-r", "koi": "koi8-r", "koi8u": "koi8-u", "cp866": "ibm866", "mac": "macintosh", "x-mac-roman": "macintosh", "macroman": "macintosh", "mac-roman": "macintosh", "apple-roman": "macintosh",
	"tis620": "tis-620", "windows-874": "windows-874", "cp874": "windows-874", "iso-8859-11": "windows-874",
	"latin2": "iso-8859-2", "latin-2": "iso-8859-2", "latin9": "iso-8859-15", "latin-9": "iso-8859-15", "iso-latin-9": "iso-8859-15", "latin5": "windows-1254",
	"cp437": "ibm437", "cp850": "ibm850", "cp-850": "ibm850", "cp852": "ibm852", "cp858": "ibm858", "dos-862": "ibm862",
}

// canonical brings a label to one spelling; "" is no or a meaningless label.
func canonical(label string) string {
	label = strings.ToLower(strings.Trim(label, " \t\r\n\"'<>;,"))
	label = strings.TrimPrefix(label, "charset=")
	if len(label) > 64 {
		return "?"
	}
	if a, ok := aliases[label]; ok {
		return a
	}
	n := strings.ReplaceAll(strings.ReplaceAll(label, "_", "-"), " ", "-")
	if a, ok := aliases[n]; ok {
		return a
	}
	if rest, ok := strings.CutPrefix(n, "iso8859-"); ok {
		n = "iso-8859-" + rest
	} else if rest, ok := strings.CutPrefix(n, "iso-8859"); ok && rest != "" && rest[0] != '-' {
		n = "iso-8859-" + rest
	} else if rest, ok := strings.CutPrefix(n, "windows125"); ok {
		n = "windows-125" + rest
	}
	n, _, _ = strings.Cut(n, ":") // iso-8859-1:1987
	if a, ok := aliases[n]; ok {
		return a
	}
	return n
}

func lookup(name string) encoding.Encoding {
	switch name {
	case "ibm437":
		return charmap.CodePage437
	case "ibm850":
		return charmap.CodePage850
	case "ibm852":
		return charmap.CodePage852
	case "ibm858":
		return charmap.CodePage858
	case "ibm862":
		return charmap.CodePage862
	}
	enc, err := htmlindex.Get(name)
	if err != nil || enc == encoding.Replacement {
		return nil
	}
	if n, _ := htmlindex.Name(enc); n == "replacement" {
		return nil
	}
	return enc
}

// sevenBit says whether text of this label may look like ASCII and not be it.
func sevenBit(label string) bool {
	switch canonical(label) {
	case "utf-7", "hz-gb-2312":
		return true
	}
	return false
}

// isPlain says whether b is ASCII without the escapes of stateful charsets.
func isPlain(b []byte) bool {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			return false
		}
	}
	for ; i < len(b); i++ {
		if b[i] >= 0x80 {
			return false
		}
	}
	return bytes.IndexByte(b, 0x1b) < 0 && bytes.IndexByte(b, 0) < 0 && bytes.IndexByte(b, 0x0e) < 0
}

func hasJIS(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@"))
}

func hasEscape(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$")) || bytes.Contains(b, []byte("\x1b("))
}

// decodeUTF16 believes a byte order mark, then the label, then the zeros of
// ASCII characters.
func decodeUTF16(b []byte, name string) string {
	big := name == "utf-16be"
	switch {
	case len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff:
		big, b = true, b[2:]
	case len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe:
		big, b = false, b[2:]
	case name == "utf-16":
		var zeros [2]int
		for i, c := range b[:min(len(b), 512)] {
			if c == 0 {
				zeros[i&1]++
			}
		}
		if zeros[0]+zeros[1] == 0 && utf8.Valid(b) {
			return string(b)
		}
		big = zeros[0] >= zeros[1] // RFC 2781 section 4.3: big unless shown otherwise
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		if big {
			u[i] = binary.BigEndian.Uint16(b[2*i:])
		} else {
			u[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
	}
	return string(utf16.Decode(u))
}

var utf7Base64 = base64.StdEncoding.WithPadding(base64.NoPadding)

// decodeUTF7 reads RFC 2152 text.
func decodeUTF7(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		plus := bytes.IndexByte(b, '+')
		if plus < 0 {
			out.Write(b)
			break
		}
		out.Write(b[:plus])
		b = b[plus+1:]
		n := 0
		for n < len(b) && (b64value[b[n]] >= 0 && b[n] != '-' && b[n] != '_') {
			n++
		}
		switch raw, err := utf7Base64.DecodeString(string(b[:n-btoi(n%4 == 1)])); {
		case n == 0 && len(b) > 0 && b[0] == '-':
			out.WriteByte('+')
		case n == 0 || err != nil:
			out.WriteByte('+')
			out.Write(b[:n])
		default:
			out.WriteString(decodeUTF16(raw[:len(raw)&^1], "utf-16be"))
		}
		b = b[n:]
		if len(b) > 0 && b[0] == '-' {
			b = b[1:]
		}
	}
	return out.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// decode2022KR reads RFC 1557 text: KS C 5601 between SO and SI.
func decode2022KR(b []byte) string {
	out := make([]byte, 0, len(b))
	b = bytes.ReplaceAll(b, []byte("\x1b$)C"), nil)
	shifted := false
	for _, c := range b {
		switch {
		case c == 0x0e:
			shifted = true
		case c == 0x0f || c == '\n':
			shifted = false
			if c == '\n' {
				out = append(out, c)
			}
		case shifted && c > ' ' && c < 0x7f:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return decodeNamed("euc-kr", out)
}
