package smtpd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
)

// A session writes at most so many lines of its own, so that no client floods
// the log; mails kept are not counted.
const maxSessionLines = 50

const maxFieldBytes = 256

// event writes one line about the session.
func (f *front) event(level slog.Level, what string, attrs ...slog.Attr) {
	f.lines++
	if f.lines > maxSessionLines {
		return
	}
	f.log.LogAttrs(context.Background(), level, what, attrs...)
}

// field makes what a client chose fit for the log: printable, at most 256
// bytes, and no address in it.
func field(s string) string {
	if len(s) > maxFieldBytes {
		s = s[:maxFieldBytes]
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == unicode.ReplacementChar || r > unicode.MaxASCII && !unicode.IsPrint(r), r < ' ', r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return cut(withoutAddresses(b.String()))
}

func cut(s string) string {
	if len(s) > maxFieldBytes {
		s = s[:maxFieldBytes]
	}
	return strings.ToValidUTF8(s, "")
}

// withoutAddresses replaces each word that holds an @.
func withoutAddresses(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "<address>"
		}
	}
	return strings.Join(words, " ")
}

// causeField is an internal error, for the log only.
func causeField(err error) slog.Attr { return slog.String("cause", field(err.Error())) }

// engineLog takes what go-smtp would print; it names remote addresses and holds
// several lines, so only the first words are kept.
type engineLog struct{ log *slog.Logger }

func (l engineLog) Printf(format string, v ...any) {
	l.log.Warn("smtp engine", "message", field(fmt.Sprintf(format, v...)))
}

func (l engineLog) Println(v ...any) {
	l.log.Warn("smtp engine", "message", field(fmt.Sprint(v...)))
}
