package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/threading"
)

type inspectCmd struct {
	JSON    bool     `help:"One JSON object a line, one per file."`
	Threads bool     `help:"Number the conversations, from the headers of these files alone."`
	Files   []string `arg:"" name:"file" help:"Messages, as .eml files."`
}

func (cmd *inspectCmd) Run(ctx context.Context, _ *cli, s streams) error {
	out := bufio.NewWriter(s.out)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	show := func(i int, in message.Inspection) error {
		if cmd.JSON {
			return enc.Encode(in)
		}
		return printInspection(out, cmd.Files[i], in)
	}
	if !cmd.Threads {
		for i, path := range cmd.Files {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			in, _ := inspectFile(path)
			if err := show(i, in); err != nil {
				return err
			}
		}
		return nil
	}
	// A later file may join what came before: number them only at the end.
	var forest threading.Forest
	for _, path := range cmd.Files {
		_, m := inspectFile(path)
		if m == nil {
			forest.Add("")
			continue
		}
		forest.Add(m.MessageID, m.InReplyTo, m.References)
	}
	threads := forest.Threads()
	for i, path := range cmd.Files {
		in, _ := inspectFile(path)
		in.Thread = &threads[i]
		if err := show(i, in); err != nil {
			return err
		}
	}
	return nil
}

func inspectFile(path string) (message.Inspection, *message.Message) {
	f, err := os.Open(path)
	if err != nil {
		return unreadable(err), nil
	}
	defer f.Close()
	m, err := message.Parse(f, message.Limits{})
	if err != nil {
		return unreadable(err), nil
	}
	in := m.Inspect()
	in.Privacy = privacyJSON(m)
	return in, m
}

// privacyJSON is what the words of a mail ask for of the writer's data, or null.
func privacyJSON(m *message.Message) json.RawMessage {
	r := privacy.Recognise(m.Subject, m.Reply)
	if r == nil {
		return json.RawMessage("null")
	}
	b, err := json.Marshal(struct {
		Rights   []privacy.Right `json:"rights"`
		Language string          `json:"language"`
		Sure     bool            `json:"sure"`
	}{r.Rights, r.Language, r.Sure})
	if err != nil {
		return json.RawMessage("null") // strings and a bool always marshal
	}
	return b
}

// unreadable is the line of a file that could not be read: every field is
// there, and error says why.
func unreadable(err error) message.Inspection {
	in := (&message.Message{Kind: message.KindMail}).Inspect()
	in.Error = err.Error()
	return in
}

func printInspection(w io.Writer, path string, in message.Inspection) error {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", name+":", value)
		}
	}
	fmt.Fprintf(w, "== %s\n", path)
	if in.Error != "" {
		line("Error", in.Error)
		fmt.Fprintln(w)
		return nil
	}
	line("From", addressLine(in.From))
	line("To", addressLine(in.To))
	line("Cc", addressLine(in.Cc))
	line("Reply-To", addressLine(in.ReplyTo))
	line("Subject", in.Subject)
	if in.Date != nil {
		line("Date", *in.Date)
	}
	line("Message-ID", in.MessageID)
	line("In-Reply-To", strings.Join(in.InReplyTo, " "))
	line("References", strings.Join(in.References, " "))
	kind := string(in.Kind)
	if in.AutoReason != "" {
		kind += " (" + in.AutoReason + ")"
	}
	line("Kind", kind)
	if b := in.Bounce; b != nil {
		line("Bounce", strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", b.Status, b.Action, b.Recipient, b.Reason)))
	}
	if string(in.Privacy) != "null" {
		line("Privacy", string(in.Privacy))
	}
	if in.Thread != nil {
		line("Thread", fmt.Sprint(*in.Thread))
	}
	for _, a := range in.Attachments {
		line("Attachment", fmt.Sprintf("%q %s, %d bytes, sha256 %s", a.Name, a.Type, a.Size, a.SHA256))
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(in.Reply))
	if strings.TrimSpace(in.Reply) != strings.TrimSpace(in.Text) {
		fmt.Fprintf(w, "\n-- the whole text:\n%s\n", strings.TrimSpace(in.Text))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func addressLine(as []message.InspectedAddress) string {
	var out []string
	for _, a := range as {
		if a.Name == "" {
			out = append(out, a.Address)
			continue
		}
		out = append(out, fmt.Sprintf("%q <%s>", a.Name, a.Address))
	}
	return strings.Join(out, ", ")
}
