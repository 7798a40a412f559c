package privacydesk

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/privacy/archive"
	"postroom/tickets"
)

// killed stands before the store and dies where a test wants it to.
type killed struct {
	Store
	at    int // before (even) or after (odd) this call of EraseStep; -1: never
	calls int
}

var errKilled = errors.New("killed")

func (k *killed) EraseStep(ctx context.Context, p privacy.Plan, step string, m privacy.Masker) (map[string]int, error) {
	n := k.calls
	k.calls++
	if k.at == 2*n {
		return nil, errKilled
	}
	counts, err := k.Store.EraseStep(ctx, p, step, m)
	if err == nil && k.at == 2*n+1 {
		return nil, errKilled
	}
	return counts, err
}

// TestErase: an erasure goes its steps, records each, and ends in a certificate
// that can be verified, names nobody, and is mailed.
func TestErase(t *testing.T) {
	w := newWorld(t)
	_, bobs, _ := w.fill()
	r := w.request(privacy.Erasure, zoraAt, privacy.JobErase)
	if w.work() != 1 {
		t.Fatal("no job")
	}
	after := w.reload(r)
	if after.Record.Scan != "clean" || after.Record.Counts["messages"] == 0 || len(after.Detail.Told) != 2 {
		t.Errorf("%+v %+v", after.Record, after.Detail)
	}
	mails := w.mails(r, privacy.MailCertificate)
	if len(mails) != 1 || mails[0].To != zoraAt {
		t.Fatalf("%+v", mails)
	}
	args := mails[0].Spec.Args
	public := w.desk.Key.Public().(ed25519.PublicKey)
	retired := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)).Public().(ed25519.PublicKey)
	cert, err := VerifyCertificate([]byte(args["certificate"]), []byte(args["signature"]), []ed25519.PublicKey{retired, public})
	if err != nil {
		t.Fatal(err)
	}
	if cert.Request != r.No || cert.Scan != "clean" || !strings.Contains(cert.Where, "in this installation") || cert.Backups.Sub(cert.Erased) < 29*24*time.Hour || len(cert.Told) != 2 {
		t.Errorf("%+v", cert)
	}
	if _, err := VerifyCertificate(bytes.Replace([]byte(args["certificate"]), []byte("clean"), []byte("dirty"), 1), []byte(args["signature"]), []ed25519.PublicKey{public}); !errors.Is(err, archive.ErrSignature) {
		t.Error("a forged certificate is believed", err)
	}
	if _, err := VerifyCertificate([]byte(args["certificate"]), []byte(args["signature"]), []ed25519.PublicKey{retired}); !errors.Is(err, archive.ErrSignature) {
		t.Error("any key fits", err)
	}
	if strings.Contains(strings.ToLower(args["certificate"]), "zora") || strings.Contains(args["certificate"], "quastner") {
		t.Error("the certificate names the person")
	}
	told := w.mails(r, privacy.MailRecipient)
	if len(told) != 1 || told[0].To != "dpo@relay.example" || told[0].Spec.Args["address"] != zoraAt {
		t.Errorf("%+v", told)
	}
	w.look(func(ctx context.Context, v privacy.View) error {
		p, err := v.PersonByAddress(ctx, 1, zoraAt)
		if p != nil {
			t.Error("the person is still known")
		}
		if err != nil {
			return err
		}
		x, err := v.TicketByRef(ctx, 1, bobs)
		if err != nil || x == nil {
			t.Fatal("Bob's ticket is gone", err)
		}
		list, err := v.MessagesOf(ctx, x.ID, 0)
		coffee := false
		for _, m := range list {
			var raw bytes.Buffer
			if err := w.db.WriteRaw(ctx, m.ID, &raw); err != nil {
				t.Fatal(err)
			}
			for _, canary := range []string{"zora", "quastner", "two doors"} {
				if strings.Contains(strings.ToLower(raw.String()+m.From+m.FromName+m.Subject+strings.Join(append(m.To, m.Cc...), " ")), canary) {
					t.Errorf("P6: Bob's ticket still has %q: %s", canary, raw.String())
				}
			}
			coffee = coffee || strings.HasSuffix(raw.String(), "Subject: secret\r\n\r\nI also like coffee.\r\n")
			if strings.Contains(m.Text, "Zora") || strings.Contains(m.Text, "two doors") {
				t.Errorf("Bob's ticket still says %q", m.Text)
			}
		}
		if !coffee {
			t.Error("P6: what Bob wrote of himself is not as it was")
		}
		return err
	})
}

// TestEraseKilled: killed before or after any step, the job is run again and
// comes to the same end; each step is recorded once.
func TestEraseKilled(t *testing.T) {
	clean := func(at int) (counts map[string]int, events int) {
		w := newWorld(t)
		w.fill()
		r := w.request(privacy.Erasure, zoraAt, privacy.JobErase)
		w.desk.Store = &killed{Store: w.db, at: at}
		for _, j := range w.lease() {
			if err := w.desk.erase(t.Context(), j); at >= 0 && !errors.Is(err, errKilled) || at < 0 && err != nil {
				t.Fatal(at, err)
			}
		}
		w.now = w.now.Add(time.Hour)
		w.desk.Store = w.db
		if n := w.work(); at >= 0 != (n == 1) {
			t.Fatalf("%d: %d jobs", at, n)
		}
		list, err := w.db.Events(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.Edge == edgeStep {
				events++
			}
		}
		if n := len(w.mails(r, privacy.MailCertificate)); n != 1 {
			t.Errorf("%d: %d certificates", at, n)
		}
		after := w.reload(r)
		if after.Record.Scan != "clean" {
			t.Errorf("%d: scan %s", at, after.Record.Scan)
		}
		return after.Record.Counts, events
	}
	want, steps := clean(-1)
	for at := range 2 * steps {
		got, n := clean(at)
		if n != steps {
			t.Errorf("killed at %d: %d steps recorded", at, n)
		}
		for what := range want {
			if got[what] != want[what] {
				t.Errorf("killed at %d: %s is %d, not %d", at, what, got[what], want[what])
			}
		}
	}
}

// TestEraseWaits: while a proved request for access is open nothing is erased,
// and the erasure comes back by itself.
func TestEraseWaits(t *testing.T) {
	w := newWorld(t)
	w.fill()
	access := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	w.work()
	r := w.request(privacy.Erasure, zoraAt, privacy.JobErase)
	w.work()
	w.look(func(ctx context.Context, v privacy.View) error {
		if p, err := v.PersonByAddress(ctx, 1, zoraAt); err != nil || p == nil {
			t.Fatal("erased before the access was answered", err)
		}
		return nil
	})
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		x, err := v.RequestByID(ctx, access.ID)
		if err != nil {
			return nil, err
		}
		x.State, x.Finished = privacy.Done, w.now
		return &tickets.Change{Also: []tickets.Extra{x}}, nil
	})
	if w.work() != 0 {
		t.Error("came back at once")
	}
	w.now = w.now.Add(coveredPause)
	if w.work() != 1 || len(w.mails(r, privacy.MailCertificate)) != 1 {
		t.Error("did not come back")
	}
}

// TestForget: with the request's key goes whom it was about; the scan is
// repeated and finds nothing.
func TestForget(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Erasure, zoraAt, privacy.JobErase)
	w.work()
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		x, err := v.RequestByID(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		x.State, x.Finished, x.Record.Scan = privacy.Done, w.now, ""
		return &tickets.Change{Also: []tickets.Extra{x}}, nil
	})
	w.job(r, privacy.JobForget, nil)
	if w.work() != 1 {
		t.Fatal("no job")
	}
	after := w.reload(r)
	if after.Address != "" || after.Name != "" || len(after.Detail.Refs) != 0 || after.Record.Scan != "clean" || after.Record.Counts["messages"] == 0 {
		t.Errorf("%+v", after)
	}
	if n := w.work(); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

// TestTell: recipients hear of a rectification once, and the request knows how
// each mail stands.
func TestTell(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Rectification, zoraAt, privacy.JobTell)
	w.work()
	got := w.reload(r).Detail.Told
	if len(got) != 2 || got[0].Status != toldQueued || got[1].Status != toldOtherly || len(w.mails(r, privacy.MailRecipient)) != 1 {
		t.Fatalf("%+v", got)
	}
	x := w.reload(r)
	toldNow(x, []privacy.HeldMail{{Template: string(privacy.MailRecipient), To: "DPO@relay.example", State: tickets.OutSent}})
	if x.Detail.Told[0].Status != toldSent || x.Detail.Told[1].Status != toldOtherly {
		t.Errorf("%+v", x.Detail.Told)
	}
}

// TestClock: a request that is due is looked at once, and goes on.
func TestClock(t *testing.T) {
	w := newWorld(t)
	w.desk.Plain = true
	w.fill()
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	w.work()
	w.settle(w.mails(r, privacy.MailArchive)[0].ID)
	w.desk.Sweep(t.Context())
	if after := w.reload(r); after.State != privacy.Done || after.Record.Delivered.IsZero() {
		t.Errorf("%+v", after)
	}
	w.now = w.now.Add(8 * 24 * time.Hour)
	w.desk.Sweep(t.Context())
	if w.work() == 0 {
		t.Fatal("the archive is not dropped")
	}
	if err := w.db.WriteArtifact(t.Context(), r.ID, 1, &bytes.Buffer{}); err == nil {
		t.Error("the archive is still there")
	}
	w.now = w.now.Add(31 * 24 * time.Hour)
	w.desk.Sweep(t.Context())
	w.work()
	if after := w.reload(r); after.Address != "" {
		t.Error("the request is not forgotten")
	}
}
