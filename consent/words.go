package consent

import "strings"

// yes holds, by language, the word that a question asks for, and after it what
// means the same and nothing else.
var yes = map[string][]string{
	"en": {"AGREE", "I AGREE", "YES I AGREE", "YES"},
	"de": {"ZUSTIMMEN", "ICH STIMME ZU", "ZUGESTIMMT", "JA ICH STIMME ZU", "JA"},
	"fr": {"J'ACCEPTE", "ACCEPTER", "OUI J'ACCEPTE", "D'ACCORD", "OUI"},
	"es": {"ACEPTO", "SÍ ACEPTO", "SI ACEPTO", "SÍ", "SI"},
	"it": {"ACCETTO", "SÌ ACCETTO", "SI ACCETTO", "SÌ", "SI"},
	"nl": {"AKKOORD", "IK GA AKKOORD", "JA AKKOORD", "JA IK GA AKKOORD", "JA"},
	"pl": {"ZGADZAM SIĘ", "ZGADZAM SIE", "TAK ZGADZAM SIĘ", "TAK"},
	"pt": {"ACEITO", "CONCORDO", "SIM ACEITO", "SIM"},
}

// no holds what declines a question.
var no = []string{
	"NO", "NO THANKS", "NO THANK YOU", "I DO NOT AGREE", "I DON'T AGREE", "STOP", "NEIN", "NEIN DANKE", "ICH STIMME NICHT ZU", "NON", "NON MERCI", "JE REFUSE",
	"NO GRACIAS", "NO ACEPTO", "NO GRAZIE", "NON ACCETTO", "NEE", "NEE BEDANKT", "NIET AKKOORD", "NIE", "NIE DZIĘKUJĘ", "NIE ZGADZAM SIĘ", "NIE ZGADZAM SIE",
	"NÃO", "NAO", "NÃO OBRIGADO", "NÃO OBRIGADA", "NÃO ACEITO",
}

// Word is what a question in that language asks to type.
func Word(language string) string {
	if list, ok := yes[language]; ok {
		return list[0]
	}
	return yes["en"][0]
}

// Read looks for the word on the first line that somebody wrote; text is
// without quotes. It counts only alone on that line, whatever the language:
// "I do not agree", a question or silence are no consent. Under the bar special
// (express) a mere yes is none either: it takes the word that was asked for.
// clear is false when the line says neither yes nor no.
func Read(text string, express bool) (agrees, clear bool) {
	line := ""
	for l := range strings.SplitSeq(text, "\n") {
		if line = clean(l); line != "" {
			break
		}
	}
	for _, list := range yes {
		if express {
			list = list[:1]
		}
		for _, w := range list {
			if line == w {
				return true, true
			}
		}
	}
	for _, w := range no {
		if line == w {
			return false, true
		}
	}
	return false, false
}

// clean takes away what mail clients and habits put around a word.
func clean(line string) string {
	line = strings.ToUpper(strings.NewReplacer("’", "'", "‘", "'", "`", "'", "\u00a0", " ", ",", " ").Replace(line))
	line = strings.Trim(line, " \t\r\n.!*_\"“”„«»-–—:;()[]")
	return strings.Join(strings.Fields(line), " ")
}
