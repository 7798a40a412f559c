package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

type queueCmd struct {
	Add    queueAddCmd    `cmd:"" help:"Make a queue."`
	Set    queueSetCmd    `cmd:"" help:"Change a queue."`
	List   queueListCmd   `cmd:"" help:"List the queues."`
	Show   queueShowCmd   `cmd:"" help:"Show one queue."`
	Remove queueRemoveCmd `cmd:"" help:"Remove a queue without tickets."`
}

// queueSettings are what can be said of a queue, at its making and later.
type queueSettings struct {
	Receives    []string `help:"Further addresses that receive for it, such as a forwarded old mailbox." placeholder:"ADDRESS"`
	ReplyDomain string   `help:"Domain of secret reply addresses and return paths; default: that of the address." placeholder:"DOMAIN"`
	DisplayName string   `help:"Name that customers see." placeholder:"NAME"`
	Ack         *bool    `help:"Acknowledge new tickets." negatable:""`
	ReopenDays  *int     `help:"A reply to a ticket resolved longer ago opens a follow-up; 0: always reopen. Default 30." placeholder:"DAYS"`
	AttachLimit *int64   `help:"Bytes of attachments a notification carries; 0: all. Default 10 MiB." placeholder:"BYTES"`
	Signature   []string `help:"Signature under answers, LANG=FILE; LANG may be empty." placeholder:"LANG=FILE"`
	AckText     []string `help:"Acknowledgement, LANG=FILE; LANG may be empty." placeholder:"LANG=FILE"`
}

const (
	defaultReopenDays  = 30
	defaultAttachLimit = 10 << 20
)

// apply puts what was said into the queue. files holds the contents of files
// named in the settings, read by the caller.
func (s *queueSettings) apply(q *tickets.Queue, files map[string]string) error {
	if s.Receives != nil {
		q.Receives = nil
		for _, r := range s.Receives {
			if r == "" {
				continue
			}
			a, err := queueAddress(r)
			if err != nil {
				return err
			}
			q.Receives = append(q.Receives, a)
		}
	}
	if s.ReplyDomain != "" {
		domain, err := senderauth.Domain(s.ReplyDomain)
		if err != nil {
			return fmt.Errorf("--reply-domain %q: %w", s.ReplyDomain, err)
		}
		q.ReplyDomain = domain
	}
	if q.ReplyDomain == "" {
		q.ReplyDomain = tickets.Domain(q.Address)
	}
	if s.DisplayName != "" {
		q.DisplayName = s.DisplayName
	}
	if s.Ack != nil {
		q.Ack = *s.Ack
	}
	if s.ReopenDays != nil {
		if *s.ReopenDays < 0 {
			return fmt.Errorf("--reopen-days must not be negative")
		}
		q.ReopenDays = *s.ReopenDays
	}
	if s.AttachLimit != nil {
		if *s.AttachLimit < 0 {
			return fmt.Errorf("--attach-limit must not be negative")
		}
		q.AttachLimit = *s.AttachLimit
	}
	for kind, list := range map[string][]string{"signature": s.Signature, "ack": s.AckText} {
		for _, entry := range list {
			lang, path, ok := strings.Cut(entry, "=")
			if !ok {
				return fmt.Errorf("%q: write LANG=FILE, such as de=ack.de.txt", entry)
			}
			if q.Texts == nil {
				q.Texts = map[string]tickets.QueueTexts{}
			}
			t := q.Texts[strings.ToLower(lang)]
			if kind == "ack" {
				t.Ack = files[path]
			} else {
				t.Signature = files[path]
			}
			q.Texts[strings.ToLower(lang)] = t
		}
	}
	return nil
}

// input carries the files that the settings name to where the command runs.
func (s *queueSettings) Input() (io.ReadCloser, error) {
	files := map[string]string{}
	for _, entry := range append(append([]string(nil), s.Signature...), s.AckText...) {
		_, path, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, fmt.Errorf("%q: write LANG=FILE, such as de=sig.de.txt", entry)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files[path] = strings.TrimRight(string(text), "\n")
	}
	if len(files) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(files)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader(string(b))), nil
}

func (s *queueSettings) files(in io.Reader) (map[string]string, error) {
	if len(s.Signature)+len(s.AckText) == 0 {
		return nil, nil
	}
	var files map[string]string
	err := json.NewDecoder(in).Decode(&files)
	return files, err
}

// mailAddress checks an address given on the command line.
func mailAddress(s string) (string, error) {
	local, domain, ok := tickets.SplitAddress(strings.TrimSpace(s))
	if !ok || strings.ContainsAny(s, " <>\t\r\n,;") || strings.Contains(local, "@") || len(local) > 64 {
		return "", fmt.Errorf("%q is no mail address", s)
	}
	domain, err := senderauth.Domain(domain)
	if err != nil {
		return "", fmt.Errorf("%q is no mail address: %w", s, err)
	}
	return local + "@" + domain, nil
}

// queueAddress is one that mail of a queue can come to: plus-forms are for the
// secret addresses.
func queueAddress(s string) (string, error) {
	a, err := mailAddress(s)
	if err == nil && strings.Contains(a, "+") {
		return "", fmt.Errorf("%s: an address with + cannot be a queue's; its plus-forms are the secret reply addresses", a)
	}
	return a, err
}

type queueAddCmd struct {
	Name    string `arg:"" help:"Name of the queue, one word."`
	Address string `required:"" help:"Public address." placeholder:"ADDRESS"`
	queueSettings
}

func (cmd *queueAddCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := checkName("a queue", cmd.Name); err != nil {
		return err
	}
	address, err := queueAddress(cmd.Address)
	if err != nil {
		return err
	}
	files, err := cmd.files(s.in)
	if err != nil {
		return err
	}
	q := &tickets.Queue{Org: tickets.DefaultOrg, Name: cmd.Name, Address: address, Ack: true, ReopenDays: defaultReopenDays, AttachLimit: defaultAttachLimit}
	if err := cmd.apply(q, files); err != nil {
		return err
	}
	if err := d.store.AddQueue(ctx, q); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Queue %s receives mail for %s. Next: postroom agent add NAME --address A --queue %s\n", q.Name, q.Address, q.Name)
	return nil
}

// checkName keeps names apart from options, paths, addresses and the words
// that #assign knows.
func checkName(what, name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '-'
	for _, r := range name {
		ok = ok && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r))
	}
	if !ok {
		return fmt.Errorf("%q does not do as the name of %s: take one word of letters, digits, dot, dash and underscore", name, what)
	}
	if strings.EqualFold(name, "me") || strings.EqualFold(name, "nobody") {
		return fmt.Errorf("%q means something else in commands; take another name", name)
	}
	return nil
}

func (d *desk) directory(ctx context.Context) (dir *tickets.Directory, err error) {
	err = d.store.View(ctx, func(v tickets.View) error {
		dir, err = v.Directory(ctx)
		return err
	})
	return dir, err
}

func (d *desk) queueNamed(ctx context.Context, name string) (*tickets.Queue, error) {
	dir, err := d.directory(ctx)
	if err != nil {
		return nil, err
	}
	if q := dir.QueueByName(name); q != nil {
		c := *q // the directory is shared
		return &c, nil
	}
	return nil, fmt.Errorf("there is no queue %q; postroom queue list shows them", name)
}

type queueSetCmd struct {
	Name    string `arg:"" help:"Name of the queue."`
	Address string `help:"New public address." placeholder:"ADDRESS"`
	queueSettings
}

func (cmd *queueSetCmd) Do(ctx context.Context, d *desk, s streams) error {
	q, err := d.queueNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	if cmd.Address != "" {
		if q.Address, err = queueAddress(cmd.Address); err != nil {
			return err
		}
	} else if reflect.DeepEqual(cmd.queueSettings, queueSettings{}) {
		return errors.New("nothing was said to change; postroom queue set --help lists what can be")
	}
	files, err := cmd.files(s.in)
	if err != nil {
		return err
	}
	texts := map[string]tickets.QueueTexts{}
	for k, v := range q.Texts {
		texts[k] = v
	}
	q.Texts = texts
	if err := cmd.apply(q, files); err != nil {
		return err
	}
	if err := d.store.UpdateQueue(ctx, q); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Queue %s was changed.\n", q.Name)
	return nil
}

// queueJSON is a queue as --json shows it.
type queueJSON struct {
	Name        string                        `json:"name"`
	Address     string                        `json:"address"`
	Receives    []string                      `json:"receives"`
	ReplyDomain string                        `json:"reply_domain"`
	DisplayName string                        `json:"display_name"`
	Ack         bool                          `json:"ack"`
	ReopenDays  int                           `json:"reopen_days"`
	AttachLimit int64                         `json:"attach_limit"`
	Agents      []string                      `json:"agents"`
	Texts       map[string]tickets.QueueTexts `json:"texts"`
}

func toQueueJSON(q *tickets.Queue, dir *tickets.Directory) queueJSON {
	j := queueJSON{Name: q.Name, Address: q.Address, Receives: q.Receives, ReplyDomain: q.ReplyDomain, DisplayName: q.DisplayName,
		Ack: q.Ack, ReopenDays: q.ReopenDays, AttachLimit: q.AttachLimit, Agents: []string{}, Texts: q.Texts}
	if j.Receives == nil {
		j.Receives = []string{}
	}
	if j.Texts == nil {
		j.Texts = map[string]tickets.QueueTexts{}
	}
	for _, a := range dir.Agents {
		if a.Active && a.Works(q.ID) {
			j.Agents = append(j.Agents, a.Name)
		}
	}
	return j
}

type queueListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (cmd *queueListCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	if !cmd.JSON {
		fmt.Fprintln(tw, "NAME\tADDRESS\tAGENTS\tRECEIVES")
	}
	for _, q := range dir.Queues {
		j := toQueueJSON(q, dir)
		if cmd.JSON {
			if err := printJSON(s.out, j); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", j.Name, j.Address, strings.Join(j.Agents, " "), strings.Join(j.Receives, " "))
	}
	return tw.Flush()
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

type queueShowCmd struct {
	Name string `arg:"" help:"Name of the queue."`
	JSON bool   `help:"As a JSON object."`
}

func (cmd *queueShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	q, err := d.queueNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	j := toQueueJSON(q, dir)
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintf(s.out, "name          %s\naddress       %s\nreceives      %s\nreply domain  %s\ndisplay name  %s\nacknowledge   %v\nreopen days   %d\nattach limit  %d\nagents        %s\n",
		j.Name, j.Address, strings.Join(j.Receives, " "), j.ReplyDomain, j.DisplayName, j.Ack, j.ReopenDays, j.AttachLimit, strings.Join(j.Agents, " "))
	return nil
}

type queueRemoveCmd struct {
	Name string `arg:"" help:"Name of the queue."`
}

func (cmd *queueRemoveCmd) Do(ctx context.Context, d *desk, s streams) error {
	q, err := d.queueNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	if tickets.FoldAddress(q.Address) == tickets.FoldAddress(d.cfg.Privacy.Address) {
		return fmt.Errorf("queue %s receives %s, where people ask for their data; it stays", q.Name, q.Address)
	}
	if err := d.store.RemoveQueue(ctx, q.ID); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Queue %s is gone.\n", q.Name)
	return nil
}

// privacyQueueName is the queue that is always there, for the privacy officer.
const privacyQueueName = "Privacy"

// ensurePrivacyQueue makes the queue of the privacy address at the first start,
// so that no request about personal data is ever turned away, and lets the
// privacy officers work on it.
func ensurePrivacyQueue(ctx context.Context, d *desk) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	q := dir.QueueByAddress(d.cfg.Privacy.Address)
	if q == nil {
		if old := dir.QueueByName(privacyQueueName); old != nil {
			c := *old
			c.Address, c.ReplyDomain = d.cfg.Privacy.Address, tickets.Domain(d.cfg.Privacy.Address)
			return d.store.UpdateQueue(ctx, &c)
		}
		q = &tickets.Queue{Org: tickets.DefaultOrg, Name: privacyQueueName, Address: d.cfg.Privacy.Address,
			ReplyDomain: tickets.Domain(d.cfg.Privacy.Address), Ack: true, AttachLimit: defaultAttachLimit}
		if err := d.store.AddQueue(ctx, q); err != nil {
			return err
		}
	}
	for _, a := range dir.Agents {
		if a.Active && a.Role == tickets.RolePrivacy && !a.Works(q.ID) {
			c := *a
			c.Queues = append(slices.Clone(a.Queues), q.ID)
			if err := d.store.UpdateAgent(ctx, &c); err != nil {
				return err
			}
		}
	}
	return nil
}
