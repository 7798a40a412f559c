package tickets

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"postroom/threading"
)

// Verb is what a command does.
type Verb string

// The commands agents write at the top of a mail.
const (
	VerbNote     Verb = "note"
	VerbResolve  Verb = "resolve"
	VerbWait     Verb = "wait"
	VerbOpen     Verb = "open"
	VerbAssign   Verb = "assign"
	VerbTag      Verb = "tag"
	VerbUntag    Verb = "untag"
	VerbPriority Verb = "priority"
	VerbSnooze   Verb = "snooze"
	VerbQueue    Verb = "queue"
	VerbMerge    Verb = "merge"
	VerbSplit    Verb = "split"
	VerbSpam     Verb = "spam"
	VerbMacro    Verb = "macro"
	VerbTake     Verb = "take"
	VerbShow     Verb = "show"
	VerbList     Verb = "list"
	VerbSend     Verb = "send"
	VerbNew      Verb = "new"
	VerbForward  Verb = "forward"
	VerbConfirm  Verb = "confirm"
	VerbDrop     Verb = "drop"
	VerbHelp     Verb = "help"

	// Of the privacy desk; see package privacy.
	VerbPrivacy    Verb = "privacy" // a right: this ticket holds a request of a data subject
	VerbApprove    Verb = "approve"
	VerbRefuse     Verb = "refuse"
	VerbExtend     Verb = "extend"
	VerbHold       Verb = "hold"
	VerbRelease    Verb = "release"
	VerbLink       Verb = "link"
	VerbWithhold   Verb = "withhold"
	VerbNotRequest Verb = "not-a-request"
	VerbDone       Verb = "done"
	VerbLift       Verb = "lift"
)

// Privacy reports whether the verb is the privacy desk's, which carries it out.
func (v Verb) Privacy() bool {
	switch v {
	case VerbPrivacy, VerbApprove, VerbRefuse, VerbExtend, VerbHold, VerbRelease, VerbLink, VerbWithhold, VerbNotRequest, VerbDone, VerbLift:
		return true
	}
	return false
}

// verbArgs says whether a verb wants an argument: 0 none, 1 one, -1 may.
var verbArgs = map[Verb]int{
	VerbNote: 0, VerbResolve: 0, VerbWait: 0, VerbOpen: 0, VerbAssign: 1, VerbTag: 1, VerbUntag: 1,
	VerbPriority: 1, VerbSnooze: 1, VerbQueue: 1, VerbMerge: 1, VerbSplit: 0, VerbSpam: 0, VerbMacro: 1,
	VerbTake: -1, VerbShow: -1, VerbList: -1, VerbSend: 1, VerbNew: 1, VerbForward: 0, VerbConfirm: 0, VerbDrop: 0, VerbHelp: 0,
	VerbPrivacy: 1, VerbApprove: -1, VerbRefuse: -1, VerbExtend: 1, VerbHold: 0, VerbRelease: 0, VerbLink: 1, VerbWithhold: 1, VerbNotRequest: 0,
	VerbDone: -1, VerbLift: -1, VerbConsent: 1, VerbWithdraw: 1,
}

// synonyms are the spellings that agents bring along from other desks.
var synonyms = map[string]Verb{
	"resolved": VerbResolve, "solved": VerbResolve, "close": VerbResolve, "closed": VerbResolve,
	"waiting": VerbWait, "pending": VerbWait, "reopen": VerbOpen, "notes": VerbNote, "internal": VerbNote,
	"assignee": VerbAssign, "tags": VerbTag, "prio": VerbPriority, "fwd": VerbForward,
}

// maxCommands bounds the commands of one mail.
const maxCommands = 20

// Command is one line of an agent's, understood.
type Command struct {
	Verb Verb
	Arg  string // as written, trimmed
	Line string
}

// CommandError is a line that was not understood. Nothing of its mail is done.
type CommandError struct {
	Line string
	Why  string
}

func (e *CommandError) Error() string { return fmt.Sprintf("%q: %s", e.Line, e.Why) }

// ParseCommands takes the command lines off the top of an agent's text: lines
// that begin with # and a letter, before the first ordinary text. rest is the
// text without them. Every line that was not understood is in errs; then
// nothing may be done and nothing sent.
//
// Where a mail client parts the lines of HTML by blank ones, what follows a
// blank line is a command only if it is one by name, so that no command is
// ever sent to a customer; anything else there is text. A line that says
// nothing but #note further down is an error, since whoever wrote it did not
// mean the text to leave.
func ParseCommands(text string) (commands []Command, rest string, errs []*CommandError) {
	rest = strings.TrimLeftFunc(text, blank)
	parted := false
	for rest != "" {
		line, tail, _ := strings.Cut(rest, "\n")
		line = commandLine(line)
		if line == "" {
			rest, parted = tail, true
			continue
		}
		if !looksLikeCommand(line) || parted && !knownCommand(line) {
			break
		}
		rest, parted = tail, false
		if len(commands)+len(errs) >= maxCommands {
			errs = append(errs, &CommandError{line, fmt.Sprintf("more than %d commands in one mail", maxCommands)})
			break
		}
		c, err := parseCommand(line)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		commands = append(commands, c)
	}
	if line := lateNote(rest); line != "" {
		errs = append(errs, &CommandError{line, "commands stand at the top of a mail, above all text"})
	}
	return commands, rest, errs
}

// blank are white space and the invisible characters that clients leave in
// front of text.
func blank(r rune) bool {
	switch r {
	case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u200e', '\u200f':
		return true
	}
	return unicode.IsSpace(r)
}

// commandLine brings a line to the form in which commands are read: a plain #,
// right before the word, single spaces.
func commandLine(line string) string {
	line = strings.Join(strings.FieldsFunc(line, blank), " ")
	if after, ok := strings.CutPrefix(line, "\uff03"); ok { // full-width, as Asian keyboards write it
		line = "#" + after
	}
	if strings.HasPrefix(line, "# ") && knownCommand("#"+line[2:]) {
		line = "#" + line[2:]
	}
	return line
}

func looksLikeCommand(line string) bool {
	return len(line) >= 2 && line[0] == '#' && isLetter(line[1])
}

func knownCommand(line string) bool {
	if !looksLikeCommand(line) {
		return false
	}
	verb, _ := verbOf(line)
	_, known := verbArgs[verb]
	return known
}

// lateNote finds a line that asks for a note below the top.
func lateNote(text string) string {
	for text != "" {
		line, tail, _ := strings.Cut(text, "\n")
		text = tail
		if line = commandLine(line); looksLikeCommand(line) {
			if verb, arg := verbOf(line); verb == VerbNote && arg == "" {
				return line
			}
		}
	}
	return ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// verbOf splits a line into its verb, by whatever name, and the rest.
func verbOf(line string) (Verb, string) {
	word, arg, _ := strings.Cut(line[1:], " ")
	verb := Verb(strings.ToLower(strings.TrimRight(word, ":.,")))
	if v, ok := synonyms[string(verb)]; ok {
		verb = v
	}
	return verb, arg
}

func parseCommand(line string) (Command, *CommandError) {
	verb, arg := verbOf(line)
	want, known := verbArgs[verb]
	switch {
	case !known:
		return Command{}, &CommandError{line, "there is no such command"}
	case want == 1 && arg == "":
		return Command{}, &CommandError{line, "this command needs a word after it"}
	case want == 0 && arg != "":
		return Command{}, &CommandError{line, "this command takes nothing after it; ordinary text begins on a line of its own"}
	}
	return Command{Verb: verb, Arg: arg, Line: line}, nil
}

// parsePriority accepts the names and their usual abbreviations.
func parsePriority(s string) (Priority, bool) {
	switch p := Priority(strings.ToLower(s)); p {
	case PriorityLow, PriorityNormal, PriorityHigh, PriorityUrgent:
		return p, true
	}
	return "", false
}

// maxSnooze keeps a slip of the finger from hiding a ticket for good.
const maxSnooze = 366 * 24 * time.Hour

// ParseSnooze reads 30m, 4h, 3d, 2w or a date such as 2026-12-24; a date means
// eight in the morning, UTC.
func ParseSnooze(s string, now time.Time) (time.Time, bool) {
	s = strings.ToLower(strings.ReplaceAll(s, " ", ""))
	if t, err := time.Parse("2006-01-02", s); err == nil {
		t = t.Add(8 * time.Hour)
		return t, t.After(now) && t.Sub(now) <= maxSnooze
	}
	if len(s) < 2 {
		return time.Time{}, false
	}
	unit, ok := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if !ok || err != nil || n <= 0 || n > int(maxSnooze/unit) {
		return time.Time{}, false
	}
	return now.Add(time.Duration(n) * unit), true
}

// parseTag accepts one word of letters, digits, dot, dash and underscore.
func parseTag(s string) (string, bool) {
	s = strings.ToLower(strings.TrimPrefix(s, "#"))
	if s == "" || len(s) > 40 {
		return "", false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '-' && r != '_' && r != '.' {
			return "", false
		}
	}
	return s, true
}

// NamedRefs returns the ticket references that commands name, so that the
// caller can load them before the commands are carried out.
func NamedRefs(commands []Command) []string {
	var refs []string
	for _, c := range commands {
		switch c.Verb {
		case VerbMerge, VerbTake, VerbShow:
			if ref, ok := threading.ParseRef(c.Arg); ok {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}
