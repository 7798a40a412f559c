package message

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const guessSample = 2048

// guess decodes text whose charset is not said or said wrongly: UTF-8 if it
// is (nearly), then the charset seen elsewhere in the mail, then what gives
// the most plausible letters, and Windows-1252 for the rest.
func guess(b []byte, hint string) string {
	if hasEscape(b) {
		return decodeNamed("iso-2022-jp", b)
	}
	if utf8.Valid(b) {
		return string(b)
	}
	if len(b) > 2 && (b[0] == 0xfe && b[1] == 0xff || b[0] == 0xff && b[1] == 0xfe) {
		return decodeUTF16(b, "utf-16")
	}
	if good, bad := countUTF8(b); good > 0 && bad*10 <= good {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if h := canonical(hint); h != "" && h != "us-ascii" && h != "utf-8" && h != "utf-7" {
		if s := decodeCharset(b, h, "", false); !strings.Contains(s, "\uFFFD") {
			return s
		}
	}
	if name := guessName(b); name != "" {
		return decodeNamed(name, b)
	}
	return decodeNamed("windows-1252", b)
}

// countUTF8 counts the characters beyond ASCII and the bytes that are none.
func countUTF8(b []byte) (good, bad int) {
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		b = b[n:]
	}
	return good, bad
}

// guessName scores the charsets of scripts that hardly use ASCII letters; it
// returns "" for text that has many (then it is Western).
func guessName(b []byte) string {
	b = b[:min(len(b), guessSample)]
	high, ascii := 0, 0
	for _, c := range b {
		switch {
		case c >= 0x80:
			high++
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			ascii++
		}
	}
	if high < 8 || high < ascii {
		return ""
	}
	best, score := "", 0
	for _, name := range []string{"windows-1251", "koi8-r", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr", "windows-1253", "windows-1255", "windows-1256"} {
		if n := plausible(decodeNamed(name, b)); n > score {
			best, score = name, n
		}
	}
	return best
}

const (
	commonCyrillic = "оеаинтсрвлкмдпу"
	commonHan      = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運您请谢邮"
	commonGreek    = "αοιετσνηυρπκμλ"
	commonHebrew   = "יוהלארתבמנשם"
	commonArabic   = "اليمونترهبعدسف"
)

// plausible counts the letters frequent in the language the charset is for,
// less what could not be decoded or makes no sense.
func plausible(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r < 0x80:
		case r == utf8.RuneError, r < 0xa0:
			n -= 8
		case unicode.Is(unicode.Hiragana, r), r >= 0x30a0 && r < 0x3100:
			n += 3
		case r >= 0xac00 && r < 0xd7a4:
			n += 3
		case unicode.Is(unicode.Han, r):
			n += 1 + 4*btoi(strings.ContainsRune(commonHan, r))
		case r >= 0xff61 && r < 0xffa0: // halfwidth katakana: two of them are any wrong pair
			n -= 2
		case strings.ContainsRune(commonCyrillic, r), strings.ContainsRune(commonGreek, r),
			strings.ContainsRune(commonHebrew, r), strings.ContainsRune(commonArabic, r):
			n += 2
		case unicode.IsLetter(r) && unicode.IsLower(r) && r > 0x24f:
			n++
		case !unicode.IsLetter(r):
			n--
		}
	}
	return n
}

// sniffHTMLCharset finds the charset an HTML part states of itself.
func sniffHTMLCharset(b []byte) string {
	b = bytes.ToLower(b[:min(len(b), 1024)])
	i := bytes.Index(b, []byte("charset="))
	if i < 0 {
		return ""
	}
	b = bytes.TrimLeft(b[i+len("charset="):], `"' `)
	if j := bytes.IndexAny(b, `"'>;/ `); j > 0 && j < 40 {
		return string(b[:j])
	}
	return ""
}
