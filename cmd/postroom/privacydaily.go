package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"time"

	"postroom/internal/mailtext"
	"postroom/privacy"
	"postroom/tickets"
)

// The privacy desk's regular mails go out in the morning of the controller's
// zone, once for all nodes: the list of erasures to the officers each day, the
// month's numbers to the data protection officer on the first.
const (
	regularHour  = 6
	regularEvery = 10 * time.Minute
)

// keepRegular writes them until ctx ends.
func (s *server) keepRegular(ctx context.Context) {
	tick := time.NewTicker(regularEvery)
	defer tick.Stop()
	for {
		if err := s.d.regularMails(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the privacy desk's regular mails", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *desk) regularMails(ctx context.Context) error {
	now := d.now().In(d.cfg.Privacy.Location())
	if now.Hour() < regularHour {
		return nil
	}
	err := d.mailErasures(ctx, now)
	if now.Day() == 1 {
		err = errors.Join(err, d.mailMonthly(ctx, now))
	}
	return err
}

// mailErasures sends the signed list of erasures to the officers. Where nobody
// was ever erased there is none.
func (d *desk) mailErasures(ctx context.Context, now time.Time) error {
	name := "erasures:" + now.Format(time.DateOnly)
	if d.regular == name {
		return nil
	}
	list, err := d.store.ErasureList(ctx)
	if err != nil {
		return err
	}
	count := bytes.Count(list, []byte("\n")) - 1
	if count < 1 {
		return nil
	}
	subject, text := mailtext.ErasureList(now, count)
	args := map[string]string{"list": string(list), "list-signature": signText(d.work.Key, list)}
	return d.mailOnce(ctx, name, func(dir *tickets.Directory) (to []string) {
		for _, a := range privacy.Officers(dir) {
			to = append(to, a.Address)
		}
		return to
	}, tickets.OutSpec{Template: "officer.erasures", Language: "en", Subject: subject, Text: text, Args: args})
}

func signText(key ed25519.PrivateKey, text []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)) + "\n"
}

// mailMonthly sends the numbers of the month before.
func (d *desk) mailMonthly(ctx context.Context, now time.Time) error {
	to := d.cfg.Privacy.DPOAddress()
	if to == "" {
		return nil
	}
	m := mailtext.NewMonthly(now.AddDate(0, -1, 0))
	err := d.store.Requests(ctx, tickets.DefaultOrg, false, func(r *privacy.Request) error {
		m.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	subject, text := m.Mail()
	return d.mailOnce(ctx, "monthly:"+m.From.Format("2006-01"), func(*tickets.Directory) []string { return []string{to} },
		tickets.OutSpec{Template: "officer.monthly", Language: "en", Subject: subject, Text: text})
}

// mailOnce writes a mail to each address under a name that is used once.
func (d *desk) mailOnce(ctx context.Context, name string, to func(*tickets.Directory) []string, spec tickets.OutSpec) error {
	ch, err := d.store.ApplyOnce(ctx, name, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		dir, err := v.Directory(ctx)
		if err != nil {
			return nil, err
		}
		ch := &tickets.Change{}
		q := dir.QueueByAddress(d.privacy.Rules.Address)
		if q == nil {
			return ch, nil
		}
		for _, a := range to(dir) {
			ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: q.Org, Kind: tickets.OutPrivacy, MessageID: tickets.NewMessageID(q.ReplyDomain), To: a,
				QueueID: q.ID, NotBefore: d.now(), Spec: spec})
		}
		return ch, nil
	})
	if errors.Is(err, tickets.ErrGone) {
		err = nil
	}
	if err == nil {
		d.regular = name
		if ch != nil && len(ch.Outbox) > 0 {
			d.wake("outbox", anyRow)
		}
	}
	return err
}
