package intake

import (
	"bytes"
	"strings"

	"postroom/internal/message"
	"postroom/privacy"
)

// A letter that is attached is read where it is words: text, HTML, a mail, and
// the documents of word processors in mails that are small enough to be at
// hand. PDFs and images are not; a mail that only points at one is a case for
// the officer.
const (
	maxDocuments = 3
	// fewWords is how much of its own a mail may say that only points at its
	// attachment; beside more, an attachment does not speak for the writer.
	fewWords = 80
)

// letter is what a mail to the privacy address asks for, and the words that
// told: its own, or where they say nothing those of what is attached. What
// somebody attached is never sure, and is asked about.
func (in *Intake) letter(m *mail) (*privacy.Recognition, string) {
	said, text := in.recognise(m), m.msg.Reply
	if in.foreign != nil {
		_, text = in.foreign(m.msg.Subject, text)
	}
	if said != nil && len(said.Rights) > 0 || len(m.msg.Attachments) == 0 {
		return said, text
	}
	attached := m.attachedText()
	if attached == "" {
		return said, text
	}
	r := in.asksFor("", attached)
	if r == nil || len(r.Rights) == 0 && said != nil {
		return said, text
	}
	r.Sure, r.Doubt = false, r.Doubt || len(strings.Fields(m.msg.Reply)) > fewWords
	return r, strings.TrimSpace(text + "\n\n" + attached)
}

// attachedText is read once, however often the mail is decided on.
func (m *mail) attachedText() string {
	if m.attached != nil {
		return *m.attached
	}
	text := m.msg.AttachedText(privacy.MaxText)
	read := 0
	for _, a := range m.msg.Attachments {
		if read == maxDocuments || len(text) >= privacy.MaxText || len(m.raw.Bytes) == 0 {
			break
		}
		if !message.IsOffice(a) {
			continue
		}
		read++
		var doc bytes.Buffer
		if err := message.OpenAttachment(bytes.NewReader(m.raw.Bytes), a.Index, &doc); err == nil {
			text += "\n\n" + message.OfficeText(doc.Bytes(), privacy.MaxText-len(text))
		}
	}
	text = strings.TrimSpace(text)
	m.attached = &text
	return text
}
