package e2e

import (
	"bytes"
	"context"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

var publishLine = regexp.MustCompile(`(?m)^ +publish: (.+)$`)

// publishAsChecked puts the DKIM records into the world's DNS that
// `postroom check` tells the administrator to publish, as they are printed.
func (d *desk) publishAsChecked(w *world) {
	d.t.Helper()
	out, _, _ := d.run("check")
	var keys []string
	for _, m := range publishLine.FindAllStringSubmatch(out, -1) {
		if strings.Contains(m[1], "_domainkey") {
			keys = append(keys, m[1])
		}
	}
	if len(keys) < 2 {
		d.t.Fatalf("check names no two keys to publish:\n%s", out)
	}
	w.publish(keys...)
}

// lookupTXT asks the world's DNS, as a receiving mail server does.
func (w *world) lookupTXT(name string) ([]string, error) {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, w.dns)
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.LookupTXT(ctx, name)
}

// mustVerify checks that both signatures of a mail from the desk hold, for
// the domain it is from.
func (w *world) mustVerify(t testing.TB, m *mail) {
	t.Helper()
	list, err := dkim.VerifyWithOptions(bytes.NewReader(m.raw), &dkim.VerifyOptions{LookupTXT: w.lookupTXT})
	if err != nil {
		t.Errorf("mail to %s, %q: %v", m.to, m.msg.Subject, err)
		return
	}
	var algorithms []string
	for _, v := range list {
		if v.Err != nil {
			t.Errorf("mail to %s, %q: the signature of %s does not hold: %v", m.to, m.msg.Subject, v.Domain, v.Err)
		}
		if v.Domain != "desk.example" {
			t.Errorf("mail to %s, %q: signed by %s", m.to, m.msg.Subject, v.Domain)
		}
		for _, want := range []string{"From", "To", "Subject", "Date", "Message-ID", "Reply-To"} {
			if !slices.ContainsFunc(v.HeaderKeys, func(k string) bool { return strings.EqualFold(k, want) }) {
				t.Errorf("mail to %s, %q: the signature does not cover %s", m.to, m.msg.Subject, want)
			}
		}
	}
	for _, a := range []string{"a=rsa-sha256", "a=ed25519-sha256"} {
		if bytes.Contains(m.raw, []byte(a)) {
			algorithms = append(algorithms, a)
		}
	}
	if len(list) != 2 || len(algorithms) != 2 {
		t.Errorf("mail to %s, %q: %d signatures, %v", m.to, m.msg.Subject, len(list), algorithms)
	}
}
