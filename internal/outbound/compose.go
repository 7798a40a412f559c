package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postroom/tickets"
)

// Mail is a composed and signed mail with its envelope.
type Mail struct {
	From     string // return path; empty for the null one
	To       string
	UTF8     bool  // an address needs SMTPUTF8
	Verified bool  // only over TLS with a certificate that verifies
	Size     int64 // bytes on the wire before dot-stuffing

	whole     []byte // the whole of a small mail
	signature string // of a large one, which is written anew
	again     func(ctx context.Context, w io.Writer) error
	sum       [sha256.Size]byte

	// Called around the final dot and its answer; both nil or neither.
	beforeDot func(ctx context.Context) error
	afterDot  func()
}

// errChanged says that a large mail did not come out the same a second time,
// so that its signature would not hold. It is tried again later.
var errChanged = errors.New("outbound: the message changed while it was sent")

// WriteTo writes the mail. A large one is composed anew, and the last bytes
// are held back until it is known to be what was signed.
func (m *Mail) WriteTo(ctx context.Context, w io.Writer) (int64, error) {
	if m.again == nil {
		n, err := w.Write(m.whole)
		return int64(n), err
	}
	if _, err := io.WriteString(w, m.signature); err != nil {
		return 0, err
	}
	h := sha256.New()
	if err := m.again(ctx, io.MultiWriter(h, w)); err != nil {
		return 0, err
	}
	if [sha256.Size]byte(h.Sum(nil)) != m.sum {
		return 0, errChanged
	}
	return m.Size, nil
}

// inMemory is up to which size a mail is kept whole while it is sent.
const inMemory = 256 << 10

// composer makes mails of jobs.
type composer struct {
	bodies Bodies
	signer *signer // nil: unsigned
	addr   tickets.Addresses
	notice Notice

	privacy     PrivacyTexts // nil: privacy mails wait
	artifactsOf Artifacts    // nil: no archive can be sent
	summaries   bool         // no content in mail to agents
}

// draft is a mail before it is written: what a kind of mail decides.
type draft struct {
	fromName string
	toName   string
	replyTo  string
	subject  string
	auto     string // Auto-Submitted (RFC 3834); empty for what a person wrote
	null     bool   // null return path
	inReply  string
	refs     []string
	cc       []string
	body     bodyParts
}

// compose makes the mail of a job. Errors that are results are final; others
// are the store's, and temporary.
func (c *composer) compose(ctx context.Context, row Row, job *Job, now time.Time) (*Mail, error) {
	out := job.Out
	q := job.Directory.QueueByID(out.QueueID)
	if q == nil {
		return nil, &Result{Class: Permanent, Status: "5.3.0", Phase: "compose", Text: "the queue this mail belongs to no longer exists"}
	}
	d, err := c.draft(job, q)
	if err != nil {
		return nil, err
	}
	date := row.Created
	if date.IsZero() {
		date = now
	}
	m := &Mail{Verified: out.Spec.Verified}
	top, err := fields(m, out, q, d, date)
	if err != nil {
		return nil, err
	}
	if !d.null {
		local, domain, _ := splitAddress(c.addr.Return(q, row.ID, now))
		m.From = local + "@" + domain
	}
	write := func(ctx context.Context, w io.Writer) error {
		lines := &lineWriter{w: w}
		b := &bodyWriter{ctx: ctx, w: lines, bodies: c.bodies, seed: out.MessageID}
		if err := b.write(top, d.body); err != nil {
			return err
		}
		return lines.close()
	}
	return m, c.seal(ctx, m, tickets.Domain(q.Address), write)
}

// seal runs the mail through the signer. What fits is kept; what does not is
// written again when it is sent.
func (c *composer) seal(ctx context.Context, m *Mail, domain string, write func(context.Context, io.Writer) error) error {
	sign, err := c.signer.begin(ctx, domain)
	if err != nil {
		return fmt.Errorf("load the signing keys: %w", err)
	}
	defer sign.abort()
	k := &keeper{max: inMemory, hash: sha256.New()}
	if err := write(ctx, io.MultiWriter(k, sign)); err != nil {
		return err
	}
	m.signature, err = sign.finish()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	m.Size = int64(len(m.signature)) + k.n
	if k.n <= inMemory {
		m.whole = append([]byte(m.signature), k.b.Bytes()...)
		m.signature = ""
		return nil
	}
	m.again = write
	m.sum = [sha256.Size]byte(k.hash.Sum(nil))
	return nil
}

// keeper keeps what is written as long as it is small, and its hash.
type keeper struct {
	b    bytes.Buffer
	max  int64
	n    int64
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func (k *keeper) Write(p []byte) (int, error) {
	k.n += int64(len(p))
	if k.n <= k.max {
		k.b.Write(p)
	} else if k.b.Cap() > 0 {
		k.b = bytes.Buffer{}
	}
	return k.hash.Write(p)
}

// fields writes the header but for what describes the body. The set of fields
// is closed: nothing of a stored mail's header gets into a mail of ours but
// through a draft.
func fields(m *Mail, out *tickets.Outgoing, q *tickets.Queue, d *draft, date time.Time) (string, error) {
	bad := func(what string) error {
		return &Result{Class: Permanent, Status: "5.1.3", Phase: "compose", Text: what + " is no mail address"}
	}
	to, needs, err := wireAddress(out.To)
	if err != nil {
		return "", bad("the recipient's address")
	}
	m.To, m.UTF8 = to, needs
	from, _, err := wireAddress(q.Address)
	if err != nil {
		return "", bad("the queue's address")
	}
	if !messageID(out.MessageID) {
		return "", &Result{Class: Permanent, Status: "5.6.0", Phase: "compose", Text: "the mail has no usable Message-ID"}
	}
	h := &header{}
	h.raw("Date", date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	h.words("From", mailbox(d.fromName, from))
	h.words("To", mailbox(d.toName, to))
	if cc := copies(d.cc, m.UTF8); len(cc) > 0 {
		h.words("Cc", cc)
	}
	if d.replyTo != "" {
		reply, _, err := wireAddress(d.replyTo)
		if err != nil {
			return "", bad("the reply address")
		}
		h.words("Reply-To", mailbox(d.fromName, reply))
	}
	h.text("Subject", d.subject)
	h.raw("Message-ID", "<"+out.MessageID+">")
	if messageID(d.inReply) {
		h.raw("In-Reply-To", "<"+d.inReply+">")
	}
	if refs := references(d.refs, d.inReply); len(refs) > 0 {
		h.words("References", refs)
	}
	if d.auto != "" {
		h.raw("Auto-Submitted", d.auto)
		h.raw("X-Auto-Response-Suppress", "All")
	}
	h.unsubscribe(out.Spec)
	h.raw("MIME-Version", "1.0")
	return h.String(), nil
}

// copies gives the words of a Cc field. An address that needs SMTPUTF8 is left
// out where the mail does not need it anyway: a field is not worth a failure.
func copies(list []string, utf8 bool) []string {
	var words []string
	for _, a := range list {
		s, needs, err := wireAddress(a)
		if err != nil || (needs && !utf8) {
			continue
		}
		if len(words) > 0 {
			words[len(words)-1] += ","
		}
		words = append(words, mailbox("", s)...)
	}
	return words
}

// references bounds the thread's ids to twenty: the first, by which clients
// find the root, and the last.
func references(ids []string, last string) []string {
	const most = 20
	var list []string
	seen := map[string]bool{}
	for _, id := range append(append([]string(nil), ids...), last) {
		if id = strings.Trim(strings.TrimSpace(id), "<>"); messageID(id) && !seen[id] {
			seen[id] = true
			list = append(list, "<"+id+">")
		}
	}
	if len(list) > most {
		list = append(list[:1:1], list[len(list)-most+1:]...)
	}
	return list
}
