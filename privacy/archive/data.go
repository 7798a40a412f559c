package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
)

// dataFormat names the form of data.json; its schema is docs/archive.schema.json.
const dataFormat = "postroom-archive/1"

type dataHead struct {
	Format      string           `json:"format"`
	Request     string           `json:"request"`
	Right       privacy.Right    `json:"right"`
	Made        time.Time        `json:"made"`
	Part        int              `json:"part"`
	Parts       int              `json:"parts"`
	Addresses   []string         `json:"addresses"`
	People      []dataPerson     `json:"people"`
	Information *dataInformation `json:"information,omitempty"` // in part 1
	Recipients  []Recipient      `json:"recipients"`
	Deliveries  []Delivery       `json:"deliveries"`
	Consents    []dataConsent    `json:"consents"`
	Requests    []dataRequest    `json:"requests"`
	Withheld    []Withheld       `json:"withheld"`
}

type dataPerson struct {
	Address  string    `json:"address"`
	Name     string    `json:"name"`
	Language string    `json:"language"`
	Since    time.Time `json:"since"`
}

type dataInformation struct {
	Controller string      `json:"controller"`
	Contact    string      `json:"contact"`
	DPO        string      `json:"data_protection_officer"`
	Authority  string      `json:"supervisory_authority"`
	Purposes   []Purpose   `json:"purposes"`
	Processors []Processor `json:"processors"`
	Rights     string      `json:"rights"`
	Source     string      `json:"source"`
	Automated  string      `json:"automated_decisions"`
}

type dataConsent struct {
	Purpose  string     `json:"purpose"`
	Act      string     `json:"act"`
	Version  string     `json:"version,omitempty"`
	Wording  string     `json:"wording_sha256,omitempty"`
	Language string     `json:"language,omitempty"`
	Channel  string     `json:"channel"`
	At       time.Time  `json:"at"`
	Ends     *time.Time `json:"ends,omitempty"`
}

type dataRequest struct {
	No       string     `json:"no"`
	Right    string     `json:"right"`
	State    string     `json:"state"`
	Channel  string     `json:"channel"`
	Received time.Time  `json:"received"`
	Due      time.Time  `json:"due"`
	Finished *time.Time `json:"finished,omitempty"`
}

type dataTicket struct {
	Ref      string     `json:"ref"`
	Queue    string     `json:"queue"`
	Subject  string     `json:"subject"`
	State    string     `json:"state,omitempty"`
	Priority string     `json:"priority,omitempty"`
	Tags     []string   `json:"tags"`
	Created  time.Time  `json:"created"`
	Resolved *time.Time `json:"resolved,omitempty"`
	Own      bool       `json:"own"`
	Frozen   bool       `json:"frozen"`
}

type dataMessage struct {
	No          int              `json:"no"`
	Receipt     string           `json:"receipt,omitempty"`
	MessageID   string           `json:"message_id,omitempty"`
	Direction   string           `json:"direction"`
	Kind        string           `json:"kind"`
	Relation    string           `json:"relation"`
	By          Who              `json:"by"`
	From        string           `json:"from,omitempty"`
	FromName    string           `json:"from_name,omitempty"`
	To          []string         `json:"to"`
	Cc          []string         `json:"cc"`
	Subject     string           `json:"subject"`
	Received    time.Time        `json:"received"`
	Size        int64            `json:"size"`
	SHA256      string           `json:"sha256,omitempty"`
	Masked      bool             `json:"masked"`
	SenderCheck string           `json:"sender_check,omitempty"`
	Auth        string           `json:"authentication_results,omitempty"`
	Envelope    string           `json:"envelope_from,omitempty"`
	Text        string           `json:"text"`
	File        *dataFile        `json:"file,omitempty"`
	Attachments []dataAttachment `json:"attachments"`
}

type dataFile struct {
	Part int    `json:"part"`
	Name string `json:"name"`
}

type dataAttachment struct {
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	Size   int64     `json:"size"`
	SHA256 string    `json:"sha256,omitempty"`
	File   *dataFile `json:"file,omitempty"`
}

// writeData writes data.json, one message at a time.
func (b *builder) writeData(ctx context.Context, p *part, w io.Writer) error {
	head, err := json.Marshal(b.dataHead(p))
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\n\"tickets\":[", head[:len(head)-1]); err != nil {
		return err
	}
	first := true
	err = b.conversations(p, func(t *Ticket, list []*entry) error {
		text, err := json.Marshal(dataTicket{
			Ref: t.Ref, Queue: t.Queue, Subject: t.Subject, State: string(t.State), Priority: string(t.Priority), Tags: some(t.Tags),
			Created: t.Created.UTC(), Resolved: timeOrNil(t.Resolved), Own: t.Own, Frozen: t.Frozen,
		})
		if err != nil {
			return err
		}
		sep := ",\n"
		if first {
			sep, first = "\n", false
		}
		if _, err := fmt.Fprintf(w, "%s%s,\"messages\":[", sep, text[:len(text)-1]); err != nil {
			return err
		}
		for i, e := range list {
			if err := b.writeDataMessage(ctx, e, i == 0, w); err != nil {
				return err
			}
		}
		_, err = io.WriteString(w, "]}")
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n]}\n")
	return err
}

func (b *builder) dataHead(p *part) dataHead {
	c := b.c
	h := dataHead{
		Format: dataFormat, Request: c.No, Right: c.Right, Made: c.Made.UTC(), Part: p.no, Parts: len(b.parts), Addresses: some(c.Addresses),
		People: []dataPerson{}, Recipients: []Recipient{}, Deliveries: []Delivery{}, Consents: []dataConsent{}, Requests: []dataRequest{}, Withheld: []Withheld{},
	}
	if p.no > 1 {
		return h
	}
	h.Information = b.information()
	for _, x := range c.People {
		h.People = append(h.People, dataPerson{x.Address, x.Name, x.Language, x.Created.UTC()})
	}
	h.Recipients, h.Deliveries, h.Withheld = some(c.Recipients), some(c.Deliveries), some(c.Withheld)
	for _, x := range c.Consents {
		h.Consents = append(h.Consents, dataConsent{x.Purpose, string(x.Act), x.Version, hex.EncodeToString(x.WordingHash), x.Language, x.Channel, x.At.UTC(), timeOrNil(x.Ends)})
	}
	for _, x := range c.Requests {
		h.Requests = append(h.Requests, dataRequest{x.No, string(x.Right), string(x.State), string(x.Channel), x.Received.UTC(), x.Due.UTC(), timeOrNil(x.Finished)})
	}
	return h
}

func (b *builder) information() *dataInformation {
	a := b.c.About
	i := &dataInformation{a.Controller, a.Contact, a.DPO, a.Authority, some(a.Purposes), some(a.Processors), b.words.t("rights"), a.Source, a.Automated}
	if i.Source == "" {
		i.Source = b.words.t("source")
	}
	if i.Automated == "" {
		i.Automated = b.words.t("automated")
	}
	return i
}

func (b *builder) writeDataMessage(ctx context.Context, e *entry, first bool, w io.Writer) error {
	text, err := b.src.Text(ctx, e.ID)
	if err != nil {
		return err
	}
	m := dataMessage{
		No: e.seq, Receipt: e.Receipt, MessageID: e.MessageID, Direction: string(e.Direction), Kind: e.Kind, Relation: string(e.Relation), By: e.By,
		From: e.From, FromName: e.FromName, To: some(e.To), Cc: some(e.Cc), Subject: e.Subject, Received: e.Received.UTC(), Size: e.Size, SHA256: e.SHA256,
		Masked: e.Masked, SenderCheck: e.Proof, Auth: e.Auth, Envelope: e.Envelope, Text: strings.ToValidUTF8(text, "\ufffd"), Attachments: []dataAttachment{},
	}
	if e.eml.name != "" {
		m.File = &dataFile{e.eml.part, e.eml.name}
	}
	for i, a := range e.Attachments {
		m.Attachments = append(m.Attachments, dataAttachment{a.Name, a.Type, a.Size, a.SHA256, &dataFile{e.files[i].part, e.files[i].name}})
	}
	out, err := json.Marshal(m)
	if err != nil {
		return err
	}
	sep := ",\n"
	if first {
		sep = "\n"
	}
	_, err = fmt.Fprintf(w, "%s%s", sep, out)
	return err
}

// conversations calls fn for each ticket with messages in the part, and in
// the first part for those without any.
func (b *builder) conversations(p *part, fn func(*Ticket, []*entry) error) error {
	for i := 0; i < len(p.entries); {
		j := i
		for j < len(p.entries) && p.entries[j].ticket == p.entries[i].ticket {
			j++
		}
		if err := fn(p.entries[i].ticket, p.entries[i:j]); err != nil {
			return err
		}
		i = j
	}
	if p.no > 1 {
		return nil
	}
	for i := range b.c.Tickets {
		if t := &b.c.Tickets[i]; len(t.Messages) == 0 {
			if err := fn(t, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *builder) writeTickets(p *part, w io.Writer) error {
	t, err := newTable(w, "ticket", "queue", "subject", "state", "priority", "tags", "created", "resolved", "own")
	if err != nil {
		return err
	}
	err = b.conversations(p, func(x *Ticket, _ []*entry) error {
		return t.row(x.Ref, x.Queue, x.Subject, string(x.State), string(x.Priority), strings.Join(x.Tags, " "), cellTime(x.Created), cellTime(x.Resolved), strconv.FormatBool(x.Own))
	})
	if err != nil {
		return err
	}
	return t.end()
}

func (b *builder) writeMessages(ctx context.Context, p *part, w io.Writer) error {
	t, err := newTable(w, "no", "ticket", "received", "direction", "by", "from", "to", "cc", "subject", "text", "attachments", "size", "message_id", "file", "masked")
	if err != nil {
		return err
	}
	for _, e := range p.entries {
		text, err := b.src.Text(ctx, e.ID)
		if err != nil {
			return err
		}
		names := make([]string, len(e.files))
		for i, f := range e.files {
			names[i] = f.name
		}
		err = t.row(strconv.Itoa(e.seq), e.ticket.Ref, cellTime(e.Received), string(e.Direction), string(e.By), e.From, strings.Join(e.To, " "), strings.Join(e.Cc, " "),
			e.Subject, text, strings.Join(names, " "), strconv.FormatInt(e.Size, 10), e.MessageID, e.eml.name, strconv.FormatBool(e.Masked))
		if err != nil {
			return err
		}
	}
	return t.end()
}

func (b *builder) writeDeliveries(w io.Writer) error {
	t, err := newTable(w, "kind", "to", "state", "status", "ticket", "created", "finished")
	if err != nil {
		return err
	}
	for _, d := range b.c.Deliveries {
		if err := t.row(d.Kind, d.To, d.State, d.Status, d.Ticket, cellTime(d.Created), cellTime(d.Finished)); err != nil {
			return err
		}
	}
	return t.end()
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// some is the list, never null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
