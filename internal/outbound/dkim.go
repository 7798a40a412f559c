package outbound

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	"github.com/emersion/go-msgauth/dkim"
)

// KeyStore keeps the signing keys, sealed. It must be safe for concurrent use,
// also by several nodes.
type KeyStore interface {
	// LoadSecret returns nil and no error for a name it does not know.
	LoadSecret(ctx context.Context, name string) ([]byte, error)
	// SaveSecret keeps the value unless the name has one already, and returns
	// the one that stands.
	SaveSecret(ctx context.Context, name string, value []byte) ([]byte, error)
}

// The selectors under which the public keys are published. RSA is what
// everybody verifies; Ed25519 (RFC 8463) is what lasts.
const (
	selectorRSA     = "postroom-rsa"
	selectorEd25519 = "postroom-ed25519"
)

// signedFields are the fields signed. Each is named once more than it may
// stand, so that one added on the way breaks the signature (RFC 6376 section
// 8.15), also where we wrote none.
var signedFields = []string{
	"From", "From", "To", "To", "Cc", "Cc", "Subject", "Subject", "Date", "Date", "Reply-To", "Reply-To", "Message-ID", "Message-ID",
	"In-Reply-To", "References", "Auto-Submitted", "MIME-Version", "MIME-Version", "Content-Type", "Content-Type",
	"Content-Transfer-Encoding", "Content-Transfer-Encoding",
	"List-Unsubscribe", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Unsubscribe-Post",
}

type domainKeys struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}

// signer holds the keys of the domains we send from.
type signer struct {
	store KeyStore
	mu    sync.Mutex
	keys  map[string]*domainKeys
	slots chan struct{} // a place for each RSA signature under way
}

// paced makes RSA signatures only so many at once: each takes a millisecond of
// a processor, and a burst of mails going out must not keep the doors waiting.
type paced struct {
	crypto.Signer
	slots chan struct{}
}

func (p paced) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	return p.Signer.Sign(r, digest, opts)
}

func newSigner(store KeyStore) *signer {
	if store == nil {
		return nil
	}
	return &signer{store: store, keys: map[string]*domainKeys{},
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
}

// of gives the keys of a domain, made on first use.
func (s *signer) of(ctx context.Context, domain string) (*domainKeys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.keys[domain]; k != nil {
		return k, nil
	}
	r, err := s.key(ctx, "dkim/"+domain+"/rsa", func() (crypto.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	if err != nil {
		return nil, err
	}
	e, err := s.key(ctx, "dkim/"+domain+"/ed25519", func() (crypto.PrivateKey, error) {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	})
	if err != nil {
		return nil, err
	}
	k := &domainKeys{}
	var ok1, ok2 bool
	k.rsa, ok1 = r.(*rsa.PrivateKey)
	k.ed, ok2 = e.(ed25519.PrivateKey)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("the signing keys of %s are of the wrong kind", domain)
	}
	s.keys[domain] = k
	return k, nil
}

// key loads a key, or makes it; when another node was faster, its key stands.
func (s *signer) key(ctx context.Context, name string, generate func() (crypto.PrivateKey, error)) (crypto.PrivateKey, error) {
	der, err := s.store.LoadSecret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	if der == nil {
		k, err := generate()
		if err != nil {
			return nil, err
		}
		if der, err = x509.MarshalPKCS8PrivateKey(k); err != nil {
			return nil, err
		}
		if der, err = s.store.SaveSecret(ctx, name, der); err != nil {
			return nil, fmt.Errorf("save %s: %w", name, err)
		}
	}
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return k, nil
}

// signing takes a mail in and gives its DKIM-Signature fields.
type signing struct{ signers []*dkim.Signer }

// begin starts the signatures of one mail. A nil signer signs nothing.
func (s *signer) begin(ctx context.Context, domain string) (*signing, error) {
	if s == nil {
		return &signing{}, nil
	}
	domain, ok := asciiDomain(domain)
	if !ok {
		return nil, fmt.Errorf("%q is no domain to sign for", domain)
	}
	keys, err := s.of(ctx, domain)
	if err != nil {
		return nil, err
	}
	g := &signing{}
	for _, k := range []struct {
		selector string
		key      crypto.Signer
	}{{selectorRSA, paced{keys.rsa, s.slots}}, {selectorEd25519, keys.ed}} {
		one, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: domain, Selector: k.selector, Signer: k.key, Hash: crypto.SHA256, HeaderKeys: signedFields,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			g.abort()
			return nil, err
		}
		g.signers = append(g.signers, one)
	}
	return g, nil
}

func (g *signing) Write(p []byte) (int, error) {
	for _, s := range g.signers {
		if _, err := s.Write(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// finish gives the fields, Ed25519 above RSA.
func (g *signing) finish() (string, error) {
	var b strings.Builder
	for i := len(g.signers) - 1; i >= 0; i-- {
		if err := g.signers[i].Close(); err != nil {
			g.signers = g.signers[:i]
			return "", err
		}
		b.WriteString(g.signers[i].Signature())
	}
	g.signers = nil
	return b.String(), nil
}

// abort ends the signers of a mail that was not finished.
func (g *signing) abort() {
	for _, s := range g.signers {
		_ = s.Close()
	}
	g.signers = nil
}

// Record is a DNS record to publish for a signing key.
type Record struct {
	Name, Type, Value string
	Selector          string
	Public            crypto.PublicKey
}

// DNSRecords gives what has to stand in the DNS so that a domain's mail
// verifies: the two DKIM keys, made if they are not there yet.
func DNSRecords(ctx context.Context, store KeyStore, domain string) ([]Record, error) {
	d, ok := asciiDomain(domain)
	if !ok {
		return nil, fmt.Errorf("%q is no domain name", domain)
	}
	keys, err := newSigner(store).of(ctx, d)
	if err != nil {
		return nil, err
	}
	pub, err := x509.MarshalPKIXPublicKey(&keys.rsa.PublicKey)
	if err != nil {
		return nil, err
	}
	ed := keys.ed.Public().(ed25519.PublicKey)
	return []Record{
		{selectorRSA + "._domainkey." + d, "TXT", "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(pub), selectorRSA, &keys.rsa.PublicKey},
		{selectorEd25519 + "._domainkey." + d, "TXT", "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(ed), selectorEd25519, ed},
	}, nil
}

// String gives the record as a line of a zone file, its text in strings of at
// most 255 octets (RFC 1035 section 3.3).
func (r Record) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s. IN %s", r.Name, r.Type)
	for s := r.Value; s != ""; {
		n := min(len(s), 255)
		fmt.Fprintf(&b, " %q", s[:n])
		s = s[n:]
	}
	return b.String()
}

var _ io.Writer = (*signing)(nil)
