package senderauth

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"

	"postroom/internal/resolver"
)

// dkimRun verifies the signatures of one message while it streams by.
type dkimRun struct {
	w    *bufio.Writer
	pipe *io.PipeWriter
	keys *keyring
	sigs []map[string]string // the tags of each signature looked at
	done chan struct{}
	got  []*dkim.Verification
	err  error
	over bool // the verifier wants no more
}

// startDKIM begins with the header section; the body follows by Write.
func startDKIM(ctx context.Context, keys *keyring, header []byte) *dkimRun {
	pr, pw := io.Pipe()
	d := &dkimRun{
		w: bufio.NewWriterSize(pw, 16<<10), pipe: pw,
		keys: keys, done: make(chan struct{}),
	}
	for _, f := range fields(header) {
		if f.name == "dkim-signature" && len(d.sigs) < MaxSignatures {
			t, _ := tags(f.value())
			d.sigs = append(d.sigs, t)
		}
	}
	go func() {
		defer close(d.done)
		d.got, d.err = dkim.VerifyWithOptions(pr, &dkim.VerifyOptions{
			LookupTXT:        func(name string) ([]string, error) { return keys.lookup(ctx, name) },
			MaxVerifications: MaxSignatures,
		})
		// The verifier may stop early. Let writers go on, into nothing.
		_ = pr.CloseWithError(errEnough)
	}()
	d.write(header)
	return d
}

var errEnough = errors.New("verifier has seen enough")

func (d *dkimRun) write(p []byte) {
	if d.over {
		return
	}
	if _, err := d.w.Write(p); err != nil {
		d.over = true
	}
}

// end tells the verifier that the message is complete. It must be called, else
// the verifier waits for ever; its reader never gets an error, since that would
// leave the library's goroutines behind.
func (d *dkimRun) end() {
	if !d.over {
		_ = d.w.Flush()
	}
	_ = d.pipe.Close()
}

// results waits for the verifier and puts its outcomes into our words.
func (d *dkimRun) results(ctx context.Context) []DKIM {
	select {
	case <-d.done:
	case <-ctx.Done():
		out := make([]DKIM, 0, len(d.sigs))
		for _, t := range d.sigs {
			dom, _ := Domain(squeeze(t["d"]))
			out = append(out, DKIM{Result: TempError, Domain: dom, Reason: "not done in time"})
		}
		return out
	}
	out := make([]DKIM, 0, len(d.got))
	for i, v := range d.got {
		var t map[string]string
		if i < len(d.sigs) {
			t = d.sigs[i]
		}
		out = append(out, d.judge(v, t))
	}
	return out
}

func (d *dkimRun) judge(v *dkim.Verification, t map[string]string) DKIM {
	out := DKIM{Result: Pass, Selector: printable(squeeze(t["s"]))}
	if v == nil {
		return DKIM{Result: PermError, Reason: "signature could not be read"}
	}
	var err error
	if out.Domain, err = Domain(v.Domain); err != nil {
		return DKIM{Result: PermError, Reason: "d= is no domain"}
	}
	flags := d.keys.flags(out.Selector, v.Domain)
	out.Testing = flags.testing
	_, partial := t["l"]
	switch {
	case v.Err == nil && flags.exact && !strings.HasSuffix(lower(v.Identifier), "@"+out.Domain):
		out.Result, out.Reason = PermError, "the key does not cover subdomains (t=s)"
	case v.Err == nil:
		if out.Testing {
			out.Reason = "the key is marked as a test (t=y)"
		}
	case dkim.IsTempFail(v.Err):
		out.Result, out.Reason = TempError, "key could not be asked for"
	case partial, squeeze(lower(t["a"])) == "rsa-sha1", strings.Contains(v.Err.Error(), "too short"):
		out.Result, out.Reason = Policy, reason(v.Err)
	case dkim.IsPermFail(v.Err):
		out.Result, out.Reason = PermError, reason(v.Err)
	default:
		out.Result, out.Reason = Fail, reason(v.Err)
	}
	return out
}

func reason(err error) string {
	return printable(strings.TrimPrefix(err.Error(), "dkim: "))
}

// keyring asks for the keys of one message, each once, and remembers the
// flags in them, which the library does not tell. It is used by several
// goroutines at once.
type keyring struct {
	dns  *resolver.Resolver
	mu   sync.Mutex
	kept map[string]keyAnswer
}

type keyAnswer struct {
	txts []string
	err  error
}

type keyFlags struct{ testing, exact bool }

func newKeyring(dns *resolver.Resolver, questions int) *keyring {
	return &keyring{dns: resolver.Budget(dns, questions), kept: map[string]keyAnswer{}}
}

func (k *keyring) lookup(ctx context.Context, name string) ([]string, error) {
	name = lower(name)
	k.mu.Lock()
	a, ok := k.kept[name]
	k.mu.Unlock()
	if ok {
		return a.txts, a.err
	}
	ctx, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	a.txts, a.err = k.dns.LookupTXT(ctx, name)
	k.mu.Lock()
	k.kept[name] = a
	k.mu.Unlock()
	return a.txts, a.err
}

func (k *keyring) flags(selector, domain string) keyFlags {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.kept[lower(selector+"._domainkey."+domain)]
	var f keyFlags
	if len(a.txts) == 1 {
		t, _ := tags(a.txts[0])
		for flag := range strings.SplitSeq(t["t"], ":") {
			switch strings.TrimSpace(flag) {
			case "y":
				f.testing = true
			case "s":
				f.exact = true
			}
		}
	}
	return f
}
