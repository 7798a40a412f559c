package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// autoWords are subjects' beginnings that name the automaton itself, in the
// forms that mail servers and clients set. They must be followed by a colon,
// a dash or the end.
var autoWords = []string{
	// English
	"automatic reply", "auto reply", "auto-reply", "autoreply", "automated reply", "automatic response",
	"auto response", "auto-response", "autoresponse", "automated response", "auto responder", "autoresponder",
	"out of office autoreply", "out of office auto reply", "out of office auto-reply", "out of office automatic reply",
	"vacation reply", "vacation response", "vacation auto-reply", "vacation autoreply", "yahoo! auto response",
	"out-of-office reply", "out of office reply", "out of office notification", "out of office message",
	// German
	"automatische antwort", "automatische abwesenheitsnotiz", "automatische rückantwort", "automatische rückmeldung",
	"automatische abwesenheitsmeldung", "automatische eingangsbestätigung", "abwesenheitsautomatik",
	// French
	"réponse automatique", "reponse automatique", "réponse automatique d'absence", "message d'absence automatique",
	"notification d'absence", "message automatique d'absence",
	// Spanish, Portuguese, Catalan, Galician
	"respuesta automática", "respuesta automatica", "resposta automática", "resposta automatica", "autorespuesta",
	// Italian, Romanian
	"risposta automatica", "messaggio automatico di assenza", "răspuns automat", "raspuns automat",
	// Dutch, Afrikaans, Frisian
	"automatisch antwoord", "automatische reactie", "automatische beantwoording", "automatische afwezigheidsmelding",
	"outomatiese antwoord",
	// Scandinavian, Finnish, Icelandic, Baltic
	"automatisk svar", "autosvar", "automatiskt svar", "automatiskt frånvaromeddelande", "automaattinen vastaus",
	"automaattivastaus", "sjálfvirkt svar", "automaatvastus", "automaatne vastus", "automātiskā atbilde",
	"automātiska atbilde", "automatinis atsakymas", "automatinis atsakas",
	// Slavonic
	"autoodpowiedź", "odpowiedź automatyczna", "automatyczna odpowiedź", "automatická odpověď", "automatická odpoveď",
	"automatski odgovor", "automatický odpověď", "samodejni odgovor", "avtomatski odgovor", "автоматический ответ", "автоответ",
	"автоматична відповідь", "автоматичен отговор", "аутоматски одговор", "автоматски одговор",
	"аўтаматычны адказ",
	// Hungarian, Greek, Turkish, Albanian, Basque
	"automatikus válasz", "αυτόματη απάντηση", "otomatik yanıt", "otomatik cevap", "përgjigje automatike",
	"erantzun automatikoa",
	// Arabic, Hebrew, Persian, Hindi
	"رد تلقائي", "الرد التلقائي", "הודעת מענה אוטומטית", "תשובה אוטומטית", "מענה אוטומטי", "پاسخ خودکار", "स्वचालित उत्तर",
	// East and South-East Asia
	"自动回复", "自動回覆", "自動回复", "自動応答", "自動返信", "自动答复", "자동 회신", "자동 응답", "자동회신", "자동응답",
	"ตอบกลับอัตโนมัติ", "การตอบกลับอัตโนมัติ", "trả lời tự động", "thư trả lời tự động", "balasan otomatis", "balasan automatik",
}

// absentWords are beginnings that people write as well: they count only with
// a header or a body that agrees.
var absentWords = []string{
	"auto", "out of office", "out of the office", "ooo", "out-of-office", "away from my mail", "away from the office",
	"away from office", "i am away", "i'm away", "i am out of the office", "on vacation", "on holiday", "vacation", "absence", "on leave",
	"away until", "away from email", "autorespons",
	"abwesenheitsnotiz", "abwesenheit", "abwesend", "abwesenheitsmeldung", "abwesenheitsbenachrichtigung", "nicht im büro", "ich bin im urlaub",
	"absence du bureau", "absent du bureau", "je suis absent", "absent(e)", "en congé", "absence temporaire",
	"fuera de la oficina", "fuera de oficina", "ausente de la oficina", "estoy fuera", "ausencia", "ausência", "fora do escritório",
	"ausência temporária", "fuori sede", "fuori ufficio", "assenza", "assente", "assenza dall'ufficio",
	"afwezig", "afwezigheid", "afwezigheidsbericht", "niet aanwezig", "buiten kantoor", "fravær", "ikke på kontoret", "frånvaro",
	"frånvarande", "frånvaromeddelande", "fraværsmelding", "fraværsbesked", "poissa", "poissa toimistosta", "lomalla", "poissaoloviesti",
	"nieobecność", "poza biurem", "jestem nieobecny", "mimo kancelář", "nepřítomnost", "neprítomnosť", "odsotnost", "odsutnost",
	"házon kívül", "távollét", "irodán kívül", "εκτός γραφείου", "ofis dışında", "вне офиса", "нет на месте", "отпуск", "отсутствую", "поза офісом",
	"absent de la birou", "în afara biroului", "izinde", "מחוץ למשרד", "خارج المكتب", "外出", "不在通知", "不在", "休暇", "外出中", "부재중",
	"부재 중", "休假", "tidak di kantor",
}

// prefixes finds which of many beginnings a string has, by its first two bytes.
type prefixes map[[2]byte][]string

func newPrefixes(words []string) prefixes {
	p := prefixes{}
	for _, w := range words {
		k := [2]byte{w[0], w[1]}
		p[k] = append(p[k], w)
	}
	return p
}

func (p prefixes) of(s string) []string {
	if len(s) < 2 {
		return nil
	}
	return p[[2]byte{s[0], s[1]}]
}

// The tables by their first bytes; never written to.
var autoIndex, absentIndex, bounceIndex = newPrefixes(autoWords), newPrefixes(absentWords), newPrefixes(bounceSubjects)

// subjectKey is a subject as the tables are written: lower case, single blanks.
func subjectKey(subject string) string {
	return strings.ToLower(strings.Join(strings.Fields(clip(subject, 300)), " "))
}

// autoSubject returns the beginning of a subject that tells an automatic
// reply, or "". It is strong where it names the automaton. A subject that a
// person's client has put Re: or Fwd: in front of never counts.
func autoSubject(subject string) (prefix string, strong bool) {
	s := subjectKey(subject)
	s = strings.ReplaceAll(s, "’", "'")
	s = strings.TrimLeft(s, "[(* ")
	for _, w := range autoIndex.of(s) {
		if strings.HasPrefix(s, w) && ends(s[len(w):], true) {
			return w, true
		}
	}
	// Notes: "AUTO: Jane Roe is out of the office (returning 05/08/2024)".
	if strings.HasPrefix(s, "auto: ") && (strings.Contains(s, " is out of ") || strings.Contains(s, "(returning ") ||
		strings.Contains(s, "abwesen") || strings.Contains(s, "(rückkehr") || strings.Contains(s, "absent")) {
		return "auto:", true
	}
	for _, w := range absentIndex.of(s) {
		if strings.HasPrefix(s, w) && ends(s[len(w):], false) {
			return w, false
		}
	}
	// "Jane Roe is out of the office", GroupWise and Notes
	if strings.Contains(s, " is out of the office") || strings.Contains(s, " is out of office") {
		return "is out of the office", false
	}
	return "", false
}

// ends reports whether what follows a prefix ends the word: nothing, a colon
// or dash; for the weaker prefixes any space will do.
func ends(rest string, strict bool) bool {
	rest = strings.TrimLeft(rest, "!)]")
	t := strings.TrimLeft(rest, " \u00a0")
	if t == "" {
		return true
	}
	switch r, _ := utf8.DecodeRuneInString(t); r {
	case ':', '：', '﹕', '-', '–', '—', '|':
		return !strict || r == ':' || r == '：' || r == '﹕' || len(t) < len(rest)
	}
	if strict {
		return false
	}
	r := []rune(clip(rest, 8))
	return len(r) > 0 && !unicode.IsLetter(r[0]) && !unicode.IsDigit(r[0])
}

// absenceWords are what responders say in the first lines of the body.
var absenceWords = []string{
	"i am out of the office", "i'm out of the office", "i am currently out of", "i'm currently out of", "i am currently away", "i will be out of the office", "i will be away",
	"i'll be out of the office", "i am away from", "i am on vacation", "i am on leave", "i am on annual leave", "i'm on vacation", "currently out of the office",
	"will be out of the office", "is out of the office", "limited access to email", "limited access to my email", "i am on holiday", "no access to email",
	"i will be traveling", "i am traveling", "away from my mail", "i will not be reading my mail", "thank you for your email. i am",
	"this is an automatic reply", "this is an automated response", "this is an automatic response", "this is an automated reply", "this is an auto-reply",
	"nicht im büro", "nicht im hause", "bin ich nicht erreichbar", "nicht im haus", "ich bin im urlaub", "bis einschließlich", "ich bin abwesend", "bin derzeit nicht", "wieder im büro",
	"nicht erreichbar", "bin ich wieder", "je suis absent", "je serai absent", "actuellement absent", "je suis en congé", "de retour le", "fuera de la oficina",
	"estaré ausente", "estoy de vacaciones", "fuori ufficio", "sono assente", "sarò assente", "non sono in ufficio", "in ferie", "fora do escritório", "estarei ausente", "estou de férias",
	"niet aanwezig", "afwezig", "met vakantie", "ikke på kontoret", "inte på kontoret", "på semester", "på ferie", "tilbage den", "en ole toimistolla", "lomalla", "poissa toimistosta",
	"poza biurem", "nieobecny", "nieobecna", "na urlopie", "mimo kancelář", "nejsem v kanceláři", "na dovolené", "nem vagyok az irodában", "szabadságon", "ofiste değilim", "ofis dışında",
	"в отпуске", "отсутствую", "не в офисе", "у відпустці", "不在", "休暇", "休假", "外出", "부재", "휴가", "εκτός γραφείου", "sunt plecat", "în concediu",
}

// absence reports whether the first lines that the writer wrote say that
// nobody is there to read.
func absence(m *Message) bool {
	s := bodyText(m)
	var b strings.Builder
	for line := range strings.Lines(clip(s, 4096)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, ">") {
			continue
		}
		b.WriteString(strings.ToLower(line))
		b.WriteByte(' ')
		if b.Len() > 1500 {
			break
		}
	}
	return hasAny(strings.ReplaceAll(b.String(), "’", "'"), absenceWords)
}

func hasAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// bodyText returns the text of the message's own body: its plain parts, or
// what Parse made of the HTML.
func bodyText(m *Message) string {
	var b strings.Builder
	for i := range m.parts {
		p := &m.parts[i]
		if p.inside || p.dispAtt || p.typ != "text/plain" && p.typ != "" {
			continue
		}
		b.WriteString(p.text)
		b.WriteByte('\n')
		if b.Len() > maxReport {
			break
		}
	}
	if strings.TrimSpace(b.String()) == "" {
		return clip(m.Text, maxReport)
	}
	return clip(b.String(), maxReport)
}
