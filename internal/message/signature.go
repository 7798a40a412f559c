package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// closeSignature decides, at line upto where something else begins, whether
// what stands below the delimiters seen since the last quote is a signature.
// It decides from the last delimiter upwards, since a signature ends the text.
func (sc *replyScan) closeSignature(upto int) {
	end := upto
	for n := len(sc.delims) - 1; n >= 0; n-- {
		from := sc.delims[n]
		if !sc.isSignature(from, end) {
			break
		}
		for k := from; k < end; k++ {
			if sc.lines[k].kind == lineText {
				sc.own--
				sc.lines[k].kind = lineGone
				sc.touched = true
			}
		}
		end = from
	}
	sc.delims = sc.delims[:0]
}

// isSignature judges the lines below the delimiter at from.
func (sc *replyScan) isSignature(from, end int) bool {
	lines, size := 0, 0
	for k := from + 1; k < end; k++ {
		if sc.lines[k].kind == lineText {
			lines++
			size += len(sc.lines[k].s)
		}
	}
	if lines == 0 {
		return true
	}
	delim := strings.TrimSpace(sc.lines[from].s)
	below := sc.lines[from+1 : end]
	switch {
	case delim == "--" || delim == "__":
		return lines <= 25 && size <= 2500 || isDisclaimer(below)
	case isDash(delim) && utf8.RuneCountInString(delim) <= 2:
		return lines <= 12 && size <= 600 || isDisclaimer(below)
	case delim[0] == '#' || delim[0] == '~' || delim[0] == '+':
		return isDisclaimer(below)
	case len(delim) == 1:
		return false
	}
	return isDisclaimer(below) || isListFooter(below) || lines <= 20 && contactLines(below) >= 3 && shortLines(below)
}

func shortLines(lines []replyLine) bool {
	for i := range lines {
		if len(lines[i].s) > 100 && !strings.Contains(lines[i].s, "://") {
			return false
		}
	}
	return true
}

// isListFooter recognises what mailing lists append.
func isListFooter(lines []replyLine) bool {
	n := 0
	for i := range lines {
		if n++; n > 12 {
			return false
		}
		low := strings.ToLower(lines[i].s)
		if strings.Contains(low, "mailing list") || strings.Contains(low, "/listinfo/") || strings.Contains(low, "unsubscribe") || strings.Contains(low, "mailinglist") {
			return true
		}
	}
	return false
}

// trimSignature looks at the end of a segment of own text, and returns where
// the text ends without the signature, footer and disclaimer there. If only
// is set there is no other own text, and something stays.
func trimSignature(lines []replyLine, from, to int, only bool) int {
	for to > from {
		start := lastParagraph(lines, from, to)
		par := lines[start:to]
		cut := to
		switch {
		case isLegal(par), isServiceFooter(par):
			cut = start
		case dashName(par) && (start > from || !only):
			cut = start
		default:
			if n := contactBlock(par); n >= 0 && (start+n > from || !only) {
				cut = start + n
			}
		}
		if cut == to || (cut <= from && only) {
			return to
		}
		for cut > from && (lines[cut-1].kind == lineBlank || lines[cut-1].kind == lineGone || isRule(lines[cut-1].s)) {
			cut--
		}
		if cut <= from && only {
			return to
		}
		to = cut
	}
	return to
}

// lastParagraph returns where the last paragraph of lines[from:to] begins.
func lastParagraph(lines []replyLine, from, to int) int {
	i := to - 1
	for i > from && lines[i-1].kind == lineText {
		i--
	}
	return i
}

// dashName recognises "-Ann Example" alone in the last paragraph.
func dashName(par []replyLine) bool {
	if len(par) != 1 {
		return false
	}
	s := trimLineLeft(par[0].s)
	name := strings.TrimLeft(s, "-–—")
	if name == s || len(s)-len(name) > 3 || name == "" || name[0] == ' ' || len(name) > 40 {
		return false
	}
	return looksLikeName(name)
}

// looksLikeName accepts one to four words that begin with a capital letter.
func looksLikeName(s string) bool {
	words := strings.Fields(s)
	if len(words) == 0 || len(words) > 5 {
		return false
	}
	for i, w := range words {
		r, _ := utf8.DecodeRuneInString(strings.TrimLeft(w, `"'(„“`))
		if !unicode.IsLetter(r) || isLowerRune(r) && (i == 0 || len(w) > 3) {
			return false
		}
	}
	return !strings.ContainsAny(s, "?!:;")
}

// contactBlock returns the line of the last paragraph at which a block of
// name, position and ways of contact begins, or -1. It is careful: all lines
// are short, two at least are an address, a number or a link, and the first
// is a name. A closing ("Best regards") and the name after it stay.
func contactBlock(par []replyLine) int {
	if len(par) < 3 || len(par) > 12 {
		return -1
	}
	contacts := 0
	for i := range par {
		s := trimLineLeft(par[i].s)
		if len(s) > 90 {
			return -1
		}
		if isContactLine(s) {
			contacts++
		}
	}
	if contacts < 2 {
		return -1
	}
	start := 0
	if isClosing(par[0].s) {
		start = 1
		if len(par) > 2 && looksLikeName(par[1].s) {
			return 2
		}
		return 1
	}
	if isContactLine(trimLineLeft(par[start].s)) || !looksLikeName(strings.TrimLeft(par[start].s, "# *-_")) {
		return -1
	}
	for i := start + 1; i < len(par); i++ {
		s := trimLineLeft(par[i].s)
		if strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "* ") || len(s) > 1 && isDigit(s[0]) && s[1] == '.' || strings.HasSuffix(s, "?") {
			return -1
		}
	}
	return start
}

// contactLines counts the lines that are a way of contact.
func contactLines(lines []replyLine) int {
	n := 0
	for i := range lines {
		if isContactLine(trimLineLeft(lines[i].s)) {
			n++
		}
	}
	return n
}

// contactWords begin a line of contact data.
var contactWords = wordSet(`tel tel. phone ph ph. mobile mob mob. cell fax fax. e-mail email mail web www skype telefon telefono teléfono téléphone tél tél. mobil móvil handy
	portable telefone telefax gsm t f m p e w tlf tlf. puh puh. whatsapp telegram linkedin internet http https тел тел. моб моб. телефон факс почта 电话 手机 邮箱 传真 電話 携帯 전화 휴대폰 נייד טלפון هاتف جوال`)

// isContactLine reports whether a short line is a phone number, an address,
// or a link, with at most a word before it.
func isContactLine(s string) bool {
	if s == "" || len(s) > 90 {
		return false
	}
	if strings.Count(s, " ") > 8 {
		return false
	}
	if found, _ := hasAddress(s); found && strings.Count(s, " ") <= 3 {
		return true
	}
	if strings.Contains(s, "://") && strings.Count(s, " ") <= 2 || strings.HasPrefix(s, "www.") {
		return true
	}
	digits, letters := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i] | 0x20; {
		case isDigit(s[i]):
			digits++
		case 'a' <= c && c <= 'z' || s[i] >= 0x80:
			letters++
		}
	}
	if digits >= 7 && letters <= 2 {
		return true
	}
	end := strings.IndexAny(s, " :|")
	if end <= 0 {
		return false
	}
	_, ok := contactWords[strings.ToLower(s[:end])]
	return ok && (digits >= 6 || strings.Contains(s, "www.") || s[end] == ':')
}

// isClosing reports whether a line is a closing formula.
func isClosing(s string) bool {
	s = trimLineLeft(s)
	if len(s) > 50 {
		return false
	}
	low := strings.TrimRight(strings.ToLower(s), " ,.!")
	for _, c := range closings {
		if low == c {
			return true
		}
	}
	return false
}

var closings = splitPhrases(`regards|best regards|kind regards|warm regards|best|best wishes|cheers|thanks|thank you|many thanks|sincerely|yours sincerely|yours faithfully|yours truly|thanks and regards|thanks & regards|br|kr
	mit freundlichen grüßen|mit freundlichen grüssen|freundliche grüße|freundliche grüsse|viele grüße|beste grüße|liebe grüße|herzliche grüße|mfg|vg|lg|mit besten grüßen|gruß|schöne grüße|hochachtungsvoll
	cordialement|bien cordialement|bien à vous|salutations|meilleures salutations|merci|sincères salutations|respectueusement|cdlt|bonne journée
	saludos|saludos cordiales|un saludo|atentamente|cordialmente|gracias|un cordial saludo|salutacions|atentament|cordiali saluti|distinti saluti|saluti|grazie|un saluto
	met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|groeten|groet|mvg|hartelijke groet|bedankt
	pozdrawiam|z poważaniem|z powazaniem|pozdrowienia|serdecznie pozdrawiam|dziękuję|atenciosamente|cumprimentos|com os melhores cumprimentos|obrigado|obrigada|abraços|att
	med vänlig hälsning|med vänliga hälsningar|vänliga hälsningar|hälsningar|mvh|tack|med venlig hilsen|venlig hilsen|hilsen|kh|vh|mange tak|med vennlig hilsen|vennlig hilsen|takk
	ystävällisin terveisin|terveisin|yt|t|kiitos|s pozdravem|s přátelským pozdravem|děkuji|pozdravy|s pozdravom|ďakujem|üdvözlettel|tisztelettel|köszönettel|köszönöm|lep pozdrav|lijep pozdrav|srdačan pozdrav|pozdrav
	saygılarımla|iyi çalışmalar|teşekkürler|cu stimă|cu respect|toate cele bune|mulțumesc|с уважением|с наилучшими пожеланиями|спасибо|з повагою|дякую|поздрави|с уважение|με εκτίμηση|ευχαριστώ|φιλικά
	lugupidamisega|ar cieņu|pagarbiai|בברכה|בכבוד רב|تحياتي|مع أطيب التحيات|مع التحية|با احترام|trân trọng|hormat saya|salam|terima kasih|ขอแสดงความนับถือ|此致|敬礼|谢谢|祝好|よろしくお願いします|よろしくお願いいたします|敬具|감사합니다|드림`)
