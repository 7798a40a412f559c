package message

import (
	"strings"
	"sync"
)

// ReplyLine stands above what Postroom quotes in its own mails. Whatever mail
// programs do to the rest, an answer written above it can be told from the
// mail it answers.
const ReplyLine = "-- reply above this line --"

// replyLines are ReplyLine in other languages, by ISO 639-1 code. Every one of
// them is recognised in an answer, whatever the language of the answer: other
// desks write them.
var replyLines = map[string]string{
	"en": ReplyLine,
	"de": "-- bitte oberhalb dieser Zeile antworten --",
	"fr": "-- répondez au-dessus de cette ligne --",
	"es": "-- responda por encima de esta línea --",
	"it": "-- rispondere sopra questa riga --",
	"nl": "-- antwoord boven deze regel --",
	"pl": "-- odpowiedz powyżej tej linii --",
	"pt": "-- responda acima desta linha --",
	"sv": "-- svara ovanför den här raden --",
	"da": "-- svar over denne linje --",
	"no": "-- svar over denne linjen --",
	"fi": "-- vastaa tämän rivin yläpuolelle --",
	"cs": "-- odpovězte nad tímto řádkem --",
	"hu": "-- a válaszát e sor fölé írja --",
	"tr": "-- lütfen bu satırın üstüne yanıtlayın --",
	"ru": "-- ответьте выше этой строки --",
	"uk": "-- відповідайте вище цього рядка --",
	"el": "-- απαντήστε πάνω από αυτή τη γραμμή --",
	"ja": "-- この行より上に返信してください --",
	"zh": "-- 请在此行上方回复 --",
	"ko": "-- 이 줄 위에 회신해 주세요 --",
	"ar": "-- الرد فوق هذا السطر --",
	"he": "-- יש להשיב מעל שורה זו --",
}

// Only the start of a body is looked at: what a person wrote now stands near
// the top, and hostile input must not cost more than real mail.
const (
	maxReplyBytes = 256 << 10
	maxReplyLines = 5000
)

// ReplyFromText returns what the writer of a plain text body wrote now:
// without quotes and the lines that introduce them, without signature, mobile
// footer and reply line. It is a view and the whole must be kept beside it.
//
// In doubt text stays. Quotes between which the writer answered stay, a
// message that is passed on stays, and a body of which nothing else would be
// left is returned whole, unless it is a quote and nothing more: then the
// result is empty. The result is never longer than text.
//
// Only the first 256 KiB and 5,000 lines are examined; the time is linear.
func ReplyFromText(text string) string {
	reply, _ := replyFromText(text)
	return reply
}

// replyFromText also says whether a quote was found beyond doubt: by words
// that introduce it, not by marks alone.
func replyFromText(text string) (reply string, sure bool) {
	if strings.IndexByte(text, '\r') >= 0 {
		text = plainLineEnds(text)
	}
	if strings.TrimSpace(text) == "" {
		return "", false
	}
	reply, sure = cutReply(text, true)
	if reply == "" {
		// A line that seemed to be the wrapped end of a quoted one may be
		// all that was written.
		reply, sure = cutReply(text, false)
	}
	if reply == "" && !sure {
		return tidyText(text), false
	}
	return reply, sure
}

// replyBuffers hold lines between two mails; the largest is that of maxReplyLines.
var replyBuffers = sync.Pool{New: func() any { return new([]replyLine) }}

// cutReply does the work of replyFromText.
func cutReply(text string, joinWrapped bool) (reply string, sure bool) {
	buf := replyBuffers.Get().(*[]replyLine)
	lines, tail := splitReplyLines(*buf, text)
	defer func() {
		clear(lines)
		*buf = lines
		replyBuffers.Put(buf)
	}()
	sc := replyScan{lines: lines, end: len(lines), joinWrapped: joinWrapped}
	sc.classify()
	segs := sc.segments()
	if sc.end < len(lines) || (len(segs) > 0 && segs[len(segs)-1].quote) {
		tail = ""
	}
	sure = sc.end < len(lines) || quoteIntroduced(lines, segs)
	kept := chooseSegments(sc.lines, segs)
	if len(kept) == 1 && !sc.touched && kept[0].from == firstText(lines) && kept[0].to == lastText(lines)+1 {
		return tidyText(text), sure
	}
	return joinSegments(sc.lines, kept, tail), sure
}

// extractReply returns what the writer of m wrote now. Words that introduce a
// quote in the plain text decide first: the text is as the writer's program
// laid it out, and reading it costs a fraction. Else the marks in the HTML
// do, which need no word of the language.
func extractReply(m *Message) string {
	reply, sure := replyFromText(m.Text)
	if sure && reply != "" || m.rawHTML == "" || !hasQuoteMarks(m.rawHTML) {
		return reply
	}
	if r := ReplyFromHTML(m.rawHTML); r != "" {
		return r
	}
	return reply
}

// plainLineEnds makes the line ends of Windows and old Macs plain ones.
func plainLineEnds(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\r' {
			c = '\n'
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// tidyText trims a text that stays as it is.
func tidyText(text string) string {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, " \n") && !strings.Contains(text, "\t\n") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.SplitSeq(text, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(line, " \t"))
	}
	return b.String()
}
