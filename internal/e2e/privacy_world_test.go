package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"postroom/internal/message"
	"postroom/internal/testenv"
)

const (
	privacyDesk = "privacy@desk.example"
	olga        = "Olga Officer <olga@agents.example>"
)

// subject is somebody who exercises rights in a language.
type subject struct {
	from, language  string
	confirm, cancel string // the words to answer with
	words           map[string]string
	opening         map[string]string // how the mails the person gets begin, by what they are
}

var inEnglish = subject{from: "Ada Quillfeather <ada@acme.example>", language: "en", confirm: "CONFIRM", cancel: "cancel",
	words: map[string]string{
		"question":      "Good morning, the kettle that I bought from you whistles while it is cold. What can I do about it?",
		"access":        "Hello,\n\nplease send me a copy of everything you have stored about me.\n\nThank you\nAda",
		"portability":   "I am changing to another provider. Please give me my personal data in a machine-readable format that I can take there.",
		"rectification": "You have my name wrong. Please correct my personal data.\n\nName: Ada Quillfeather-Moss\n",
		"restriction":   "Please restrict the processing of my personal data until my complaint is decided.",
		"objection":     "On grounds relating to my particular situation I object to the processing of my personal data.",
		"marketing":     "Stop sending me advertising.",
		"erasure":       "Please delete my account and all the data you have about me.",
	},
	opening: map[string]string{"challenge": "Please confirm your request", "receipt": "We are working on your request", "archive": "Your data (", "passphrase": "The passphrase",
		"rectified": "Your data has been corrected", "restricted": "The use of your data is restricted", "objection": "Your objection has been accepted", "stopped": "You will get no more",
		"pending": "will be erased on", "certificate": "Your data has been erased", "cancelled": "The erasure was stopped", "again": "Please confirm once more"}}

var inGerman = subject{from: "Jörg Großkreuz <joerg@kunde.example>", language: "de", confirm: "Bestätigen", cancel: "ABBRECHEN",
	words: map[string]string{
		"question":      "Guten Morgen, der Kessel, den ich bei Ihnen gekauft habe, pfeift schon, wenn er kalt ist. Was kann ich tun?",
		"access":        "Guten Tag,\n\nbitte schicken Sie mir eine Kopie aller Daten, die Sie über mich gespeichert haben.\n\nMit freundlichen Grüßen\nJörg Großkreuz",
		"portability":   "Ich wechsle den Anbieter und möchte meine personenbezogenen Daten in einem maschinenlesbaren Format mitnehmen.",
		"rectification": "Mein Name ist bei Ihnen falsch gespeichert. Bitte berichtigen Sie meine Daten.\n\nRichtiger Name: Jörg Großkreutz\n",
		"restriction":   "Bitte schränken Sie die Verarbeitung meiner personenbezogenen Daten ein, bis über meine Beschwerde entschieden ist.",
		"objection":     "Aus Gründen meiner besonderen Situation widerspreche ich der Verarbeitung meiner personenbezogenen Daten.",
		"marketing":     "Bitte keine Werbung mehr.",
		"erasure":       "Bitte löschen Sie mein Konto und alle Daten, die Sie über mich haben.",
	},
	opening: map[string]string{"challenge": "Bitte bestätigen Sie Ihre Anfrage", "receipt": "Wir bearbeiten Ihre Anfrage", "archive": "Ihre Daten (", "passphrase": "Das Kennwort",
		"rectified": "Ihre Daten wurden berichtigt", "restricted": "Die Verwendung Ihrer Daten ist eingeschränkt", "objection": "Ihrem Widerspruch wird entsprochen", "stopped": "Sie bekommen solche Mails nicht mehr",
		"pending": "Ihre Daten werden am", "certificate": "Ihre Daten wurden gelöscht", "cancelled": "Die Löschung wurde abgebrochen", "again": "Bitte bestätigen Sie noch einmal"}}

var inFrench = subject{from: "Zoé Lefèvre-Brûlé <zoe@many.example>", language: "fr", confirm: "Je confirme", cancel: "ANNULER",
	words: map[string]string{
		"question":      "Bonjour, la bouilloire que je vous ai achetée siffle alors qu'elle est froide. Que puis-je faire ?",
		"access":        "Bonjour,\n\nmerci de m'envoyer une copie de toutes les données que vous avez sur moi.\n\nCordialement\nZoé",
		"portability":   "Je change de fournisseur et souhaite recevoir mes données personnelles dans un format lisible par machine.",
		"rectification": "Mon nom est erroné chez vous. Veuillez rectifier mes données.\n\nNom correct : Zoé Lefebvre-Brûlé\n",
		"restriction":   "Je demande la limitation du traitement de mes données personnelles jusqu'à la décision sur ma réclamation.",
		"objection":     "Pour des raisons tenant à ma situation particulière, je m'oppose au traitement de mes données personnelles.",
		"marketing":     "Ne m'envoyez plus de publicité.",
		"erasure":       "Veuillez supprimer mon compte et toutes mes données personnelles.",
	},
	opening: map[string]string{"challenge": "Merci de confirmer votre demande", "receipt": "Nous traitons votre demande", "archive": "Vos données (", "passphrase": "La phrase de passe",
		"rectified": "Vos données ont été rectifiées", "restricted": "L’utilisation de vos données est limitée", "objection": "Votre opposition est acceptée", "stopped": "Vous ne recevrez plus ces courriels",
		"pending": "Vos données seront effacées", "certificate": "Vos données ont été effacées", "cancelled": "L’effacement a été annulé", "again": "Merci de confirmer encore une fois"}}

var subjects = []subject{inEnglish, inGerman, inFrench}

// as is the same language spoken by somebody else.
func (s subject) as(name string) subject {
	_, domain, _ := strings.Cut(bare(s.from), "@")
	s.from = strings.ToUpper(name[:1]) + name[1:] + " Vantongeren <" + name + "@" + domain + ">"
	return s
}

func (s subject) address() string { return bare(s.from) }

// request is a line of privacy list, by the names of the command line.
type request struct {
	ID                                       int64
	No, Right, State, Waits, Channel, Ticket string
	Address, Name, Language, Received, Due   string
	Internal, Finished, Ends                 string
	Overdue, Extended, Held                  bool
	Hints                                    []string
	Record                                   struct {
		Counts map[string]int
		Scan   string
		Parts  int
	}
	Events []struct{ At, Edge, Key, Actor, Evidence string }
}

// requests are those of an address, newest first.
func (d *desk) requests(address string) (list []request) {
	d.t.Helper()
	for _, r := range lines[request](d, "privacy", "list", "--all") {
		if r.Address == address {
			list = append(list, r)
		}
	}
	return list
}

// request waits for the one of an address and a right to reach one of the
// states.
func (d *desk) request(address, right string, states ...string) (r request) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("the %s of %s is %s", right, address, strings.Join(states, " or ")), func() string {
		seen := "not there"
		for _, x := range d.requests(address) {
			if x.Right != right {
				continue
			}
			for _, s := range states {
				if x.State == s {
					r = x
					return ""
				}
			}
			seen = x.State + " " + strings.Join(x.Hints, " ")
		}
		return seen
	})
	return r
}

// show reads one request whole.
func (d *desk) show(no string) (r request) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.must("privacy", "show", no, "--json")), &r); err != nil {
		d.t.Fatal(err)
	}
	return r
}

// bureau is a house with a privacy officer.
type bureau struct {
	*house
	t *testing.T
	w *world
}

// privacyHouse runs an arrangement with an officer in a world that speaks TLS.
func privacyHouse(t *testing.T, a arrangement, more settings) *bureau {
	t.Helper()
	w := newSecureWorld(t)
	h := a.build(t, w, more)
	h.admin().must("agent", "add", "olga", "--address", bare(olga), "--role", "privacy", "--password-file", filepath.Join(h.admin().dir, "password"))
	for i, n := range h.nodes {
		n.serve(a.roles[i]...)
		if len(a.roles[i]) == 0 || a.roles[i][1] == "mx,submission" {
			h.doors = append(h.doors, n)
		}
	}
	b := &bureau{house: h, t: t, w: w}
	t.Cleanup(func() {
		if t.Failed() {
			h.tell(t)
			t.Log(h.admin().must("privacy", "list", "--all"))
		}
	})
	return b
}

// mail hands over a mail of the person's.
func (b *bureau) mail(s subject, to, subject, text string) {
	b.t.Helper()
	b.door().mustSend(s.address(), to, letter(encodeFrom(s.from), to, subject, "", text))
}

// encodeFrom writes a name as mail clients do that speak no SMTPUTF8.
func encodeFrom(from string) string {
	name, address, _ := strings.Cut(from, " <")
	return mime.QEncoding.Encode("utf-8", name) + " <" + address
}

// answer presses Reply and types above the quote.
func (b *bureau) answer(s subject, m *mail, text string) {
	b.t.Helper()
	extra, body := replying(m, text, "sent from my phone")
	b.door().mustSend(s.address(), m.replyTo(), letter(encodeFrom(s.from), m.replyTo(), "Re: "+m.msg.Subject, extra, body))
}

// officer answers a mail to the officer with commands.
func (b *bureau) officer(m *mail, text string) {
	b.t.Helper()
	extra, body := replying(m, text, "Olga")
	b.door().mustSend(bare(olga), m.replyTo(), letter(olga, m.replyTo(), "Re: "+m.msg.Subject, extra, body))
}

// ask exercises a right and proves the mailbox; it returns the challenge.
func (b *bureau) ask(s subject, what string) *mail {
	b.t.Helper()
	b.mail(s, privacyDesk, "", s.words[what])
	c := b.w.next(s.address(), s.opening["challenge"])
	b.neutral(s, c)
	b.answer(s, c, s.confirm)
	return c
}

// neutral checks of a question for a proof that it says nothing of what is
// held, repeats nothing, and goes to the one address.
func (b *bureau) neutral(s subject, c *mail) {
	b.t.Helper()
	if !strings.HasPrefix(c.replyTo(), "privacy+p.") {
		b.t.Errorf("the answer to %q goes to %s", c.msg.Subject, c.replyTo())
	}
	if len(c.msg.To) != 1 || c.msg.To[0].Address != s.address() || len(c.msg.Cc) > 0 {
		b.t.Errorf("the challenge goes to %v %v", c.msg.To, c.msg.Cc)
	}
	for line := range strings.Lines(s.words["access"]) {
		if line = strings.TrimSpace(line); len(line) > 30 && strings.Contains(c.msg.Text, line) {
			b.t.Errorf("the challenge repeats %q", line)
		}
	}
}

var passphraseLine = regexp.MustCompile(`(?m)^ {4}(\S+(?:[- ]\S+)*)\s*$`)

// opened is an archive, unpacked.
type opened struct {
	dir  string // of the part
	zip  string // data.zip, or the archive itself when it was not encrypted
	data map[string]any
}

// open receives the archive and its passphrase as two mails and unpacks it as
// the mail says, with 7-Zip.
func (b *bureau) open(s subject) *opened {
	b.t.Helper()
	a := b.w.next(s.address(), s.opening["archive"])
	p := b.w.next(s.address(), s.opening["passphrase"])
	m := passphraseLine.FindStringSubmatch(strings.ReplaceAll(p.msg.Text, "\r", ""))
	if m == nil {
		b.t.Fatalf("there is no passphrase in\n%s", p.msg.Text)
	}
	if !p.tls || bytes.Contains(a.raw, []byte(m[1])) || bytes.Contains(p.raw, []byte("application/zip")) {
		b.t.Errorf("the passphrase came over TLS: %v; with the archive: %v", p.tls, bytes.Contains(a.raw, []byte(m[1])))
	}
	return b.unpack(a, m[1])
}

func (b *bureau) unpack(a *mail, passphrase string) *opened {
	b.t.Helper()
	if len(a.msg.Attachments) != 1 {
		b.t.Fatalf("the archive mail has %d attachments", len(a.msg.Attachments))
	}
	dir := b.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "part.zip"), attached(b.t, a, 0), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if out, err := sevenZip(b.t, dir, "x", "-pnot-this-one", "-otry", "part.zip"); err == nil {
		b.t.Errorf("the archive opens with any passphrase: %s", out)
	}
	if out, err := sevenZip(b.t, dir, "x", "-p"+passphrase, "part.zip"); err != nil {
		b.t.Fatalf("7z: %v\n%s", err, out)
	}
	if out, err := sevenZip(b.t, dir, "x", "-oinside", "data.zip"); err != nil {
		b.t.Fatalf("7z: %v\n%s", err, out)
	}
	return b.readOpened(filepath.Join(dir, "inside"), filepath.Join(dir, "data.zip"))
}

func (b *bureau) readOpened(dir, zip string) *opened {
	b.t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 {
		b.t.Fatalf("the archive holds %v %v", list, err)
	}
	o := &opened{dir: filepath.Join(dir, list[0].Name()), zip: zip}
	if err := json.Unmarshal([]byte(o.read(b.t, "data.json")), &o.data); err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (o *opened) read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sevenZip(t testing.TB, dir string, args ...string) (string, error) {
	cmd := exec.Command(testenv.Program(t, "7z"), append(args, "-y")...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// readArchive is what python makes of an unpacked part: its mbox, and its data
// by the published schema.
const readArchive = `
import sys, json, mailbox, os, jsonschema
top = sys.argv[1]
box = mailbox.mbox(os.path.join(top, 'messages.mbox'))
print(len([m for m in box]), 'in the mbox')
data = json.load(open(os.path.join(top, 'data.json'), encoding='utf-8'))
schema = json.load(open(sys.argv[2], encoding='utf-8'))
jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(data)
print('valid')
`

// python lets python read it.
func (o *opened) python(t testing.TB) string {
	t.Helper()
	testenv.Program(t, "jsonschema")
	python := "/usr/bin/python3" // the one that jsonschema is installed for
	if _, err := os.Stat(python); err != nil {
		python = testenv.Program(t, "python3")
	}
	schema, err := filepath.Abs("../../docs/archive.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", readArchive, o.dir, schema).CombinedOutput()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, out)
	}
	return string(out)
}

// attached are the bytes of an attachment.
func attached(t testing.TB, m *mail, index int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := message.OpenAttachment(bytes.NewReader(m.raw), index, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// spoilt is the archive with one byte of one file changed, as a zip that opens.
func (o *opened) spoilt(t testing.TB) string {
	t.Helper()
	z, err := zip.OpenReader(o.zip)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range z.File {
		r, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name, "/index.html") {
			content[len(content)/2] ^= 1
		}
		f, err := w.Create(e.Name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "bad.zip")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
