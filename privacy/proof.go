package privacy

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"postroom/tickets"
)

// The life of a proof.
const (
	tokenLife   = 7 * 24 * time.Hour
	askPause    = 24 * time.Hour // between two unanswered challenges to one address
	budgetPause = time.Hour      // until a challenge over the budget is tried again
	maxTries    = 2              // failed answers before the officer looks for another proof
)

// tokenTag stands before a token in the privacy address.
const tokenTag = "p."

// tokenLen is how long a token is when written: 128 bits in base 32.
const tokenLen = 26

// NewToken makes a secret for one address. It returns the row, the address to
// reply to, and the code that may be typed instead.
func NewToken(kind TokenKind, r *Request, to, privacyAddress string, now time.Time) (row *Token, replyTo, code string) {
	var secret [16]byte
	rand.Read(secret[:])
	text := tokenText.EncodeToString(secret[:])
	hash := sha256.Sum256(secret[:])
	row = &Token{Hash: hash[:], Kind: kind, Address: to, Made: now, Expires: now.Add(tokenLife)}
	if r != nil {
		row.RequestID = r.ID
		if r.ID == 0 {
			row.Request = r
		}
	}
	local, domain, _ := tickets.SplitAddress(privacyAddress)
	return row, local + "+" + tokenTag + text + "@" + domain, inGroups(text)
}

// inGroups writes a code so that somebody can copy it by hand.
func inGroups(text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(strings.ToUpper(text)), 5) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, "-")
}

// TokenInTag reads the plus-part of a privacy address. ok says that it is, or
// was meant to be, a token's; hash is nil where it is damaged.
func TokenInTag(tag string) (hash []byte, ok bool) {
	text, ok := strings.CutPrefix(strings.ToLower(tag), tokenTag)
	if !ok {
		return nil, false
	}
	return hashOf(text), true
}

func hashOf(text string) []byte {
	if len(text) != tokenLen {
		return nil
	}
	secret, err := tokenText.DecodeString(text)
	if err != nil || len(secret) != 16 {
		return nil
	}
	hash := sha256.Sum256(secret)
	return hash[:]
}

// topLines is how far down an answer its word or code may stand: what an
// unmarked quotation of our mail repeats stands further down.
const topLines = 4

// TopLines returns the first lines of what somebody wrote, without empty ones.
func TopLines(reply string) []string {
	var out []string
	for line := range strings.SplitSeq(reply, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if out = append(out, line); len(out) == topLines {
			break
		}
	}
	return out
}

// codeText is a code as our mails write it, in groups or in one piece. Prose
// does not look so: its words are not five letters each.
var codeText = regexp.MustCompile(`(?i)(?:^|[^a-z2-7])([a-z2-7]{26}|(?:[a-z2-7]{5}[ \-\x{2010}\x{2011}\x{2013}\x{a0}]+){5}[a-z2-7])(?:[^a-z2-7]|$)`)

// CodeIn finds a code that was typed on one of the first lines and returns the
// hash of its token.
func CodeIn(reply string) []byte {
	for _, line := range TopLines(reply) {
		if strings.HasPrefix(line, ">") || strings.Contains(line, "@") || len(line) > 1000 {
			continue // a quotation, or one of our addresses in it
		}
		if m := codeText.FindStringSubmatch(line); m != nil {
			return hashOf(foldFactor(m[1]))
		}
	}
	return nil
}

// scopeOf is what a token proves of one request: its number, its right and the
// addresses it covered at that time. A request that changed since is not
// proved by it.
func scopeOf(r *Request) []byte {
	h := sha256.New()
	for _, s := range append([]string{r.No, string(r.Right)}, r.Addresses()...) {
		h.Write([]byte(tickets.FoldAddress(s)))
		h.Write([]byte{0})
	}
	return h.Sum(nil)
}

// covers reports whether the token was made for the request as it stands.
func (k *Token) covers(r *Request) bool {
	want := scopeOf(r)
	for scope := range slices.Chunk(k.Scope, sha256.Size) {
		if subtle.ConstantTimeCompare(scope, want) == 1 {
			return true
		}
	}
	return false
}

// challenge asks the address of the requests for a proof of the mailbox, in
// one mail for all of them. It says the same to everybody, known or not (P9).
func (t *turn) challenge(list []*Request, m Mail) {
	if len(list) == 0 {
		return
	}
	first := list[0]
	k, replyTo, code := NewToken(TokenProof, first, first.Address, t.Rules.Address, t.now)
	for _, r := range list {
		if m == MailReminder {
			t.step(r, EdgeReminded, strconv.Itoa(r.Record.Asked), nil)
		} else {
			t.step(r, EdgeChallenged, strconv.Itoa(r.Record.Asked), nil)
		}
		r.Record.Asked++
		r.Record.LastAsked, r.Record.AskAt = t.now, time.Time{}
		k.Scope = append(k.Scope, scopeOf(r)...)
	}
	t.ch.Also = append(t.ch.Also, k)
	args := map[string]string{"code": code, "until": t.Rules.Calendar.Day(k.Expires), "rights": rightsOf(list)}
	if slices.ContainsFunc(list, func(r *Request) bool { return r.Right == Erasure || r.Right == Access || r.Right == Portability }) {
		args["factor"] = "yes" // asked of everybody, whether or not one is on file
	}
	t.mail(first, m, args).Spec.ReplyTo = replyTo
}

// ask sends the challenge now, or as soon as the address and the budget allow:
// it goes later, it is never dropped (P8). recent says how many challenges to
// the address were not answered within the pause.
func (t *turn) ask(list []*Request, recent int) {
	at := time.Time{}
	switch {
	case recent > 0:
		at = t.now.Add(askPause)
	case t.budget != nil && !t.budget(t.aligned):
		at = t.now.Add(budgetPause)
	}
	if at.IsZero() {
		t.challenge(list, MailChallenge)
		return
	}
	for _, r := range list {
		if !r.Record.AskAt.After(t.now) || at.Before(r.Record.AskAt) {
			r.Record.AskAt = at
		}
		t.touch(r)
	}
}

// The cost of trying a second factor.
const (
	factorRounds = 300_000
	factorPrefix = "pbkdf2-sha256"
)

// HashFactor makes what is kept of a second factor (a customer number or a
// passphrase): salted, slow to try. Case, spaces and dashes do not matter.
func HashFactor(factor string) ([]byte, error) {
	var salt [16]byte
	rand.Read(salt[:])
	key, err := pbkdf2.Key(sha256.New, foldFactor(factor), salt[:], factorRounds, 32)
	if err != nil {
		return nil, err
	}
	return []byte(factorPrefix + "$" + strconv.Itoa(factorRounds) + "$" + tokenText.EncodeToString(salt[:]) + "$" + tokenText.EncodeToString(key)), nil
}

// CheckFactor reports whether the text is the second factor of that hash.
func CheckFactor(hash []byte, factor string) bool {
	parts := bytes.Split(hash, []byte("$"))
	if len(parts) != 4 || string(parts[0]) != factorPrefix || foldFactor(factor) == "" {
		return false
	}
	rounds, err := strconv.Atoi(string(parts[1]))
	if err != nil || rounds < 1 || rounds > 10*factorRounds {
		return false
	}
	salt, err := tokenText.DecodeString(string(parts[2]))
	if err != nil {
		return false
	}
	want, err := tokenText.DecodeString(string(parts[3]))
	if err != nil || len(want) == 0 {
		return false
	}
	key, err := pbkdf2.Key(sha256.New, foldFactor(factor), salt, rounds, len(want))
	return err == nil && subtle.ConstantTimeCompare(key, want) == 1
}

// foldFactor is how a factor is compared: letters and digits, lower case.
func foldFactor(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
