package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"strings"
	"sync"

	"postroom/internal/message"
	"postroom/internal/senderauth"
	"postroom/internal/spam"
	"postroom/tickets"
)

// wholeInMemory is up to what size a mail is read before anything else is
// done; a larger one is staged, parsed and verified while it arrives.
const wholeInMemory = 256 << 10

// The limits of a header section (docs/threats.md M3) and of hops (RFC 5321 section 6.3).
const (
	maxHeaderBytes  = 256 << 10
	maxHeaderFields = 1000
	maxAddresses    = 1000
	maxHops         = 50
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// read takes the bytes in: to the stage, the parser and the sender check.
func (in *Intake) read(ctx context.Context, env *tickets.Envelope, data io.Reader) (*mail, error) {
	m := &mail{env: env, receipt: tickets.NewReceipt()}
	check := in.startCheck(ctx, env)
	if check != nil {
		defer check.Close()
	}
	m.look = in.startLook(m)
	m.stage = in.store.Stage(ctx)
	first := buffers.Get().(*[]byte)
	defer func() { *first = (*first)[:0]; buffers.Put(first) }()
	whole, err := fill(first, data)
	if err == nil {
		if whole {
			err = m.takeSmall(*first, check)
		} else {
			err = m.takeLarge(*first, data, check)
		}
	}
	if err == nil {
		m.raw, err = m.stage.Finish()
	}
	if err != nil {
		m.stage.Abort()
		m.endLook()
		return nil, err
	}
	m.author()
	m.judge(in, check)
	return m, nil
}

func (in *Intake) startCheck(ctx context.Context, env *tickets.Envelope) *senderauth.Check {
	if in.sender == nil || (env.Via != tickets.ViaMX && env.Via != tickets.ViaFetch) {
		return nil
	}
	return in.sender.Start(ctx, senderauth.Input{Remote: remoteOf(env.Remote), Helo: env.Helo, MailFrom: env.From})
}

// fill reads until the end or until the buffer holds what is kept in memory.
func fill(buf *[]byte, r io.Reader) (whole bool, err error) {
	b := *buf
	for {
		if len(b) == cap(b) {
			if len(b) >= wholeInMemory {
				*buf = b
				return false, nil
			}
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):min(cap(b), wholeInMemory)])
		b = b[:len(b)+n]
		if err == io.EOF {
			*buf = b
			return true, nil
		}
		if err != nil {
			*buf = b
			return false, err
		}
		if len(b) >= wholeInMemory {
			*buf = b
			return false, nil
		}
	}
}

func (m *mail) takeSmall(raw []byte, check *senderauth.Check) error {
	m.header.scan(raw)
	if check != nil {
		check.Write(raw)
	}
	if m.look != nil {
		m.look.Write(raw)
	}
	m.digest, m.headDigest = sha256.Sum256(raw[m.header.body:]), sha256.Sum256(raw[:m.header.body])
	m.msg = parse(bytes.NewReader(raw))
	_, err := m.stage.Write(raw)
	return err
}

// parseLimits are one address above what is refused, and leave the HTML for
// those who want it.
var parseLimits = message.Limits{Addresses: maxAddresses + 1, NoHTML: true}

// parse understands a mail as far as it can be understood. A fault of the
// parser must neither end the process nor lose the mail, which would come again
// and again: the bytes are kept, and the ticket says why it is bare.
func parse(r io.Reader) (msg *message.Message) {
	defer func() {
		if recover() != nil {
			msg = &message.Message{Kind: message.KindMail, Subject: "A mail that could not be understood",
				Text: "This mail could not be understood. It is kept as it came.", Reply: "This mail could not be understood. It is kept as it came.",
				Defects: []string{"the parser failed on this mail; it is kept as it came"}}
		}
	}()
	msg, _ = message.Parse(r, parseLimits) // the reader's error is its writer's, who knows it
	return msg
}

// takeLarge streams the rest, so that memory does not grow with the size.
func (m *mail) takeLarge(first []byte, rest io.Reader, check *senderauth.Check) error {
	m.header.scan(first)
	m.headDigest = sha256.Sum256(first[:m.header.body])
	body := sha256.New()
	body.Write(first[m.header.body:])
	pr, pw := io.Pipe()
	parsed := make(chan struct{})
	go func() {
		m.msg = parse(pr)
		io.Copy(io.Discard, pr) // whatever it left unread
		close(parsed)
	}()
	to := fanOut{stage: m.stage, parser: pw, body: body, check: check, look: m.look}
	err := to.write(first, false)
	if err == nil {
		_, err = io.CopyBuffer(&to, rest, first[:64<<10]) // everybody has taken what they want of it
	}
	pw.CloseWithError(err) // nil means the end
	<-parsed
	body.Sum(m.digest[:0])
	return err
}

// fanOut writes what arrives to all who look at it.
type fanOut struct {
	stage  tickets.Stage
	parser io.Writer
	body   hash.Hash
	check  *senderauth.Check
	look   *spam.Look
}

func (f *fanOut) Write(p []byte) (int, error) { return len(p), f.write(p, true) }

func (f *fanOut) write(p []byte, body bool) error {
	if body {
		f.body.Write(p)
	}
	if f.check != nil {
		f.check.Write(p)
	}
	if f.look != nil {
		f.look.Write(p)
	}
	if _, err := f.parser.Write(p); err != nil {
		return err
	}
	_, err := f.stage.Write(p)
	return err
}

// headerScan is what the door needs to know of the header before anything
// parses it.
type headerScan struct {
	body   int // where the body begins; the length when there is none
	fields int
	hops   int
	over   bool // no end within the limit
}

func (h *headerScan) scan(raw []byte) {
	for i := 0; i < len(raw); {
		end := bytes.IndexByte(raw[i:], '\n')
		line := raw[i:]
		next := len(raw)
		if end >= 0 {
			line, next = raw[i:i+end], i+end+1
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 {
			h.body = next
			return
		}
		if line[0] != ' ' && line[0] != '\t' {
			h.fields++
			if len(line) >= 9 && strings.EqualFold(string(line[:9]), "received:") {
				h.hops++
			}
		}
		i = next
	}
	h.body = len(raw)
	h.over = len(raw) >= maxHeaderBytes
}

// author names who the mail says it is from. Without a From it is the envelope
// sender, who is never proved.
func (m *mail) author() {
	if len(m.msg.From) > 0 && m.msg.From[0].Address != "" {
		m.from = m.msg.From[0]
		return
	}
	m.noFrom = true
	m.from = message.Address{Address: m.env.From}
	if len(m.msg.From) > 0 {
		m.from.Name = m.msg.From[0].Name
	}
}

// judge ends the sender check and says in a word what is proved.
func (m *mail) judge(in *Intake, check *senderauth.Check) {
	froms := make([]string, 0, 1)
	if !m.noFrom {
		for _, a := range m.msg.From {
			froms = append(froms, a.Address)
		}
	}
	switch {
	case m.env.Via == tickets.ViaSubmission:
		m.proof = "agent"
	case m.env.Via == tickets.ViaImport:
		m.proof = "import"
	case check == nil:
		m.proof = "none"
	default:
		m.auth = check.Finish(froms)
		m.proof = string(m.auth.Proof)
		m.aligned = m.auth.Aligned() && !m.noFrom && m.msg.FromMailboxes == 1
		if m.auth.Aligned() && !m.aligned {
			m.proof = "none"
		}
		m.results = m.auth.AuthenticationResults(in.cfg.Hostname)
		m.warn()
	}
}

// warn says in words what the agents should know of the sender check beside
// its outcome.
func (m *mail) warn() {
	if why := m.auth.LookAlike; why != "" {
		m.msg.Defects = append(m.msg.Defects, "the sender's domain may not be what it looks like: "+why)
	}
	if m.auth.ForgedResults {
		m.msg.Defects = append(m.msg.Defects, "the mail brought a sender check in our own name, which is forged")
	}
}
