package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Consent says on what mails rest, and in which words consent is asked for.
type Consent struct {
	PublicURL   string           `toml:"public_url"`
	Keep        Duration         `toml:"keep"`
	ChildTags   []string         `toml:"child_tags"`
	SpecialTags []string         `toml:"special_tags"`
	Purpose     []ConsentPurpose `toml:"purpose"`
	Basis       ConsentBasis     `toml:"basis"`
}

// ConsentBasis is the lawful basis of each kind of mail.
type ConsentBasis struct {
	Ack          string `toml:"ack"`
	Answer       string `toml:"answer"`
	Notification string `toml:"notification"`
	Privacy      string `toml:"privacy"`
	News         string `toml:"news"`
	Survey       string `toml:"survey"`
}

// ByKind returns the bases by the kind of mail.
func (b ConsentBasis) ByKind() map[string]string {
	return map[string]string{"ack": b.Ack, "answer": b.Answer, "notification": b.Notification, "receipt": b.Notification, "report": b.Notification,
		"privacy": b.Privacy, "news": b.News, "survey": b.Survey}
}

// ConsentPurpose is something personal data is used for on its own basis.
type ConsentPurpose struct {
	Name    string           `toml:"name"`
	Kind    string           `toml:"kind"`
	Basis   string           `toml:"basis"` // empty: the kind's
	Bar     string           `toml:"bar"`
	Lasts   string           `toml:"lasts"`
	Wording []ConsentWording `toml:"wording"`
}

// ConsentWording is what is asked, in one language.
type ConsentWording struct {
	Language  string `toml:"language"`
	Version   string `toml:"version"`
	Title     string `toml:"title"`
	Text      string `toml:"text"`
	Statement string `toml:"statement"`
}

// Expires returns how long a consent lasts; 0 for ever. It was checked.
func (p *ConsentPurpose) Expires() time.Duration {
	d, _ := time.ParseDuration(p.Lasts)
	return d
}

// checkConsent also fills in what may be left out of a purpose.
func (c *Config) checkConsent() error {
	if err := c.checkPublicURL(); err != nil {
		return err
	}
	for kind, basis := range c.Consent.Basis.ByKind() {
		switch {
		case !isBasis(basis):
			return fmt.Errorf("consent.basis.%s: %q is none of consent, contract, legal-obligation, legitimate-interest", kind, basis)
		case basis == "consent" && kind != "news" && kind != "survey":
			return fmt.Errorf("consent.basis.%s: only news and surveys can rest on consent; support must not depend on it", kind)
		}
	}
	seen := map[string]bool{}
	for i := range c.Consent.Purpose {
		p := &c.Consent.Purpose[i]
		at := fmt.Sprintf("consent.purpose %q", p.Name)
		key := strings.ToLower(p.Name)
		switch {
		case p.Name == "" || strings.ContainsFunc(p.Name, func(r rune) bool { return r <= ' ' || r == '@' || r == 0x7f }):
			return fmt.Errorf("consent.purpose %d: name: write one word, such as news", i+1)
		case key == "all" || key == "approve" || key == "refuse":
			return fmt.Errorf("consent.purpose: no purpose can be named %s, which is a word of commands", key)
		case seen[key]:
			return fmt.Errorf("%s: there are two of that name", at)
		}
		seen[key] = true
		if err := p.check(c.Consent.Basis.ByKind()); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// checkPublicURL: mail clients post to https only (RFC 8058 section 3.1);
// loopback may do without, for trying it out.
func (c *Config) checkPublicURL() error {
	if c.Consent.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.Consent.PublicURL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("consent.public_url: must be a URL such as https://desk.example/consent")
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !ip.IsLoopback()) {
		return errors.New("consent.public_url: must begin with https://, or mail clients do not use it (RFC 8058)")
	}
	if c.Listen.HTTP == "" {
		return errors.New("consent.public_url: listen.http is closed, and one click comes in there")
	}
	return nil
}

func isBasis(s string) bool {
	switch s {
	case "consent", "contract", "legal-obligation", "legitimate-interest":
		return true
	}
	return false
}

func (p *ConsentPurpose) check(bases map[string]string) error {
	if p.Kind == "" {
		p.Kind = "news"
	}
	if p.Kind != "news" && p.Kind != "survey" {
		return fmt.Errorf("kind: %q is neither news nor survey", p.Kind)
	}
	if p.Basis == "" {
		p.Basis = bases[p.Kind]
	}
	if p.Basis != bases[p.Kind] {
		return fmt.Errorf("basis: %q, but consent.basis.%s says %q", p.Basis, p.Kind, bases[p.Kind])
	}
	if p.Bar == "" {
		p.Bar = "normal"
	}
	if p.Bar != "normal" && p.Bar != "child" && p.Bar != "special" {
		return fmt.Errorf("bar: %q is none of normal, child, special", p.Bar)
	}
	if p.Bar != "normal" && p.Basis != "consent" {
		return fmt.Errorf("bar: %s is about consent, and the basis is %s", p.Bar, p.Basis)
	}
	if p.Lasts != "" {
		if d, err := time.ParseDuration(p.Lasts); err != nil || d <= 0 {
			return fmt.Errorf("lasts: %q is no time span such as 17520h", p.Lasts)
		}
	}
	if p.Basis == "consent" && len(p.Wording) == 0 {
		return errors.New("wording: write [[consent.purpose.wording]] with the words that are asked")
	}
	seen := map[string]bool{}
	for i := range p.Wording {
		w := &p.Wording[i]
		if err := w.check(p.Bar); err != nil {
			return fmt.Errorf("wording %d: %w", i+1, err)
		}
		if key := w.Language + " " + w.Version; seen[key] {
			return fmt.Errorf("wording %d: version %q in %q stands there twice; changed words get a new version", i+1, w.Version, w.Language)
		} else {
			seen[key] = true
		}
	}
	return nil
}

func (w *ConsentWording) check(bar string) error {
	w.Language = strings.ToLower(w.Language)
	switch {
	case len(w.Language) != 2 || w.Language[0] < 'a' || w.Language[0] > 'z' || w.Language[1] < 'a' || w.Language[1] > 'z':
		return fmt.Errorf("language: %q is no code such as en", w.Language)
	case strings.TrimSpace(w.Version) == "":
		return errors.New("version: is missing")
	case strings.TrimSpace(w.Text) == "":
		return errors.New("text: is missing")
	case len(w.Text)+len(w.Statement) > 4000:
		return errors.New("text: more than 4000 bytes are no plain words")
	case bar == "special" && strings.TrimSpace(w.Statement) == "":
		return errors.New("statement: special categories of data take an express statement (Article 9(2)(a) GDPR)")
	case bar != "special" && w.Statement != "":
		return errors.New("statement: belongs to the bar special only")
	}
	return nil
}
