package archive

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"postroom/privacy"
	"postroom/tickets"
)

// TestWholeAsTheyWere: what the person wrote or was sent is there to the byte,
// what they never saw is not there whole, and the manifest vouches for each file.
func TestWholeAsTheyWere(t *testing.T) {
	c, m := story()
	b := build(t, c, m)
	if len(b.parts) != 1 {
		t.Fatal(len(b.parts), "parts")
	}
	got := unzip(t, b.parts[0])
	for name, id := range map[string]int64{"messages/00001_2026-02-03.eml": 1, "messages/00003_2026-02-03.eml": 3, "messages/00004_2026-02-04.eml": 4, "messages/00006_2026-02-10.eml": 6} {
		if !bytes.Equal(got[name], m.raw[id]) {
			t.Errorf("%s is not as it was", name)
		}
	}
	for name := range got {
		if strings.HasPrefix(name, "messages/00002") || strings.HasPrefix(name, "messages/00005") {
			t.Errorf("%s was never seen by the person", name)
		}
	}
	for _, name := range []string{"attachments/00001/washing machine, E18.jpg", "attachments/00001/_con.txt", "attachments/00004/Rechnung März.pdf", "README.txt", "index.html", "data.json", "messages.csv", "tickets.csv", "deliveries.csv", "messages.mbox"} {
		if len(got[name]) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	manifest, err := VerifyManifest(got["manifest.json"], got["manifest.json.sig"], []ed25519.PublicKey{testKey.Public().(ed25519.PublicKey)})
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Files) != len(got)-2 {
		t.Errorf("%d files in the manifest, %d in the part", len(manifest.Files), len(got))
	}
	for _, f := range manifest.Files {
		if sum(got[f.Name]) != f.SHA256 || int64(len(got[f.Name])) != f.Size {
			t.Errorf("%s is not what the manifest says", f.Name)
		}
	}
	forged := bytes.Replace(got["manifest.json"], []byte(manifest.Files[0].SHA256), []byte(strings.Repeat("0", 64)), 1)
	if _, err := VerifyManifest(forged, got["manifest.json.sig"], []ed25519.PublicKey{testKey.Public().(ed25519.PublicKey)}); err == nil {
		t.Error("a forged manifest is believed")
	}
}

// TestPageIsHarmless: the page has no script, nothing remote, and mail in it is text.
func TestPageIsHarmless(t *testing.T) {
	c, m := story()
	c.Tickets[0].Subject = `"><img src=x onerror=alert(1)>`
	c.Tickets[0].Messages[0].Attachments[0].Name = `javascript:alert(1)"onclick="x`
	got := string(unzip(t, build(t, c, m).parts[0])["index.html"])
	for _, bad := range []string{"<script", "<img", "<iframe", " src=\"", "http://", "https://", "url(", "@import", " onclick=", "onerror=alert(1)>"} {
		if strings.Contains(strings.ToLower(got), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(got, -1) {
		if !regexp.MustCompile(`^(#|attachments/|messages/|\.\./P-)`).MatchString(href[1]) {
			t.Errorf("a link leads to %q", href[1])
		}
	}
	for _, want := range []string{"Washing machine", "since yesterday my washing machine", "Article 15", "Standard contractual clauses", "bob@example.net", "Internal note", "rights of others", "&lt;script&gt;"} {
		if want != "Washing machine" && !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestP12_Cells: no cell of a table is a formula.
func TestP12_Cells(t *testing.T) {
	for in, want := range map[string]string{
		"=cmd()": "'=cmd()", "+1": "'+1", "-1": "'-1", "@sum": "'@sum", "\tx": "'\tx", "\rx": "'\rx", " =1": "' =1", "\u00a0=1": "'\u00a0=1",
		"\uff1d1": "'\uff1d1", "|x": "'|x", "a=b": "a=b", "": "", "anna@example.org": "anna@example.org",
	} {
		if got := safeCell(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	c, m := story()
	c.Tickets[0].Subject = "=HYPERLINK(1)"
	m.text[1] = "@evil"
	got := unzip(t, build(t, c, m).parts[0])
	for _, name := range []string{"tickets.csv", "messages.csv", "deliveries.csv"} {
		if !bytes.HasPrefix(got[name], []byte("\ufeff")) {
			t.Errorf("%s has no byte order mark", name)
		}
		rows, err := csv.NewReader(bytes.NewReader(got[name][3:])).ReadAll()
		if err != nil || len(rows) < 2 {
			t.Fatal(name, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s has the cell %q", name, cell)
				}
			}
		}
	}
}

// TestPortability: what the person provided, and nothing that others wrote or
// concluded.
func TestPortability(t *testing.T) {
	c, m := story()
	c.Right = privacy.Portability
	got := unzip(t, build(t, c, m).parts[0])
	all := bytes.Join([][]byte{got["index.html"], got["data.json"], got["messages.csv"], got["tickets.csv"], got["messages.mbox"]}, nil)
	for _, bad := range []string{"be generous", "clean the filter", "vip", "Offer for our office", `"high"`} {
		if bytes.Contains(all, []byte(bad)) {
			t.Errorf("there is %q", bad)
		}
	}
	for _, want := range []string{"does not drain", "a coin", "survey"} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("%q is missing", want)
		}
	}
	if len(c.Tickets[0].Messages) != 4 {
		t.Error("the contents were changed")
	}
}

// TestNothingHeld: a person of whom nothing is known gets that in words.
func TestNothingHeld(t *testing.T) {
	c, m := story()
	c.Tickets, c.Withheld, c.Consents, c.Deliveries, c.Recipients = nil, nil, nil, nil, nil
	b := build(t, c, m)
	if !b.result.Nothing || !strings.Contains(string(unzip(t, b.parts[0])["index.html"]), "hold no data about you") {
		t.Error("it is not said")
	}
}

// TestLanguages: every text is there in each language, with the same places
// for what is put in.
func TestLanguages(t *testing.T) {
	verbs := regexp.MustCompile(`%[sd]`)
	for _, table := range []map[string]row{labels, texts} {
		for name, r := range table {
			for i, text := range r {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s is missing in %s", name, languages[i])
				}
				if fmt.Sprint(verbs.FindAllString(text, -1)) != fmt.Sprint(verbs.FindAllString(r[0], -1)) {
					t.Errorf("%s in %s takes other words than in English", name, languages[i])
				}
			}
		}
	}
	article15 := map[string][]string{"rights": {"16", "17", "18", "20", "21", "77", "79"}, "automated": {"22"}, "intro": {"15"}, "intro-port": {"20"}, "locked": {"AES-256", "7-Zip", "data.zip", "index.html"}}
	for name, parts := range article15 {
		for i, text := range texts[name] {
			for _, p := range parts {
				if !strings.Contains(text, p) {
					t.Errorf("%s in %s lacks %s", name, languages[i], p)
				}
			}
		}
	}
	for _, l := range languages {
		c, m := story()
		c.Language = l
		got := unzip(t, build(t, c, m).parts[0])
		if !strings.Contains(string(got["index.html"]), `<html lang="`+l+`">`) || strings.Contains(string(got["index.html"]), "%!") || strings.Contains(string(got["README.txt"]), "%!") {
			t.Errorf("the page in %s", l)
		}
	}
}

// TestParts: no part is over its bound but one that holds a single larger
// file, each has its own page and manifest, and together they hold every
// message and file once.
func TestParts(t *testing.T) {
	c, m := story()
	c.PartBytes = 512 << 10
	big := m.attach(90, "film.mp4", "video/mp4", noise(900<<10, 1))
	var list []Message
	for i := range 40 {
		id := int64(100 + i)
		list = append(list, m.mail(id, privacy.Wrote, You, made.AddDate(0, 0, -i), "One of many", strings.Repeat("word ", 50), m.attach(id, "a.bin", "application/octet-stream", noise(40<<10, int64(i)))))
	}
	large := m.mail(90, privacy.Wrote, You, made, "A film", "see there", big)
	m.raw[90] = noise(1200<<10, 2)
	large.Size = int64(len(m.raw[90]))
	c.Tickets = append(c.Tickets, Ticket{Ref: "MANY-0001", Subject: "Many", Messages: append(list, large)})
	b := build(t, c, m)
	seen, messages := map[string]int{}, 0
	for i, part := range b.parts {
		got := unzip(t, part)
		if got["index.html"] == nil || got["manifest.json"] == nil || got["README.txt"] == nil {
			t.Errorf("part %d does not stand alone", i+1)
		}
		var data struct {
			Part, Parts int
			Tickets     []struct{ Messages []struct{ No int } }
		}
		if err := json.Unmarshal(got["data.json"], &data); err != nil || data.Part != i+1 || data.Parts != len(b.parts) {
			t.Errorf("part %d: %v %+v", i+1, err, data)
		}
		for _, x := range data.Tickets {
			messages += len(x.Messages)
		}
		files := 0
		for name := range got {
			if strings.HasPrefix(name, "messages/") || strings.HasPrefix(name, "attachments/") {
				seen[name]++
				files++
			}
		}
		if len(part) > int(c.PartBytes) && (files != 1 || !strings.Contains(string(got["README.txt"]), "larger than a part")) {
			t.Errorf("part %d has %d bytes and %d files", i+1, len(part), files)
		}
	}
	if b.result.Large != 2 || len(b.parts) < 6 || messages != 6+41 || len(seen) != 4+3+41+41 {
		t.Errorf("%+v: %d parts, %d messages, %d files", b.result, len(b.parts), messages, len(seen))
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}

// TestNames: no name of an attachment leads anywhere or is a device.
func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"../../etc/passwd": "passwd", `C:\x\y.doc`: "y.doc", "CON": "_CON", "nul.txt": "_nul.txt", "": "attachment.pdf", "...": "attachment.pdf", "a\x00b\u202egnp.exe": "abgnp.exe",
		"a:b?.txt": "a_b_.txt", ".htaccess": "htaccess", "x. ": "x", strings.Repeat("ä", 200) + ".pdf": strings.Repeat("ä", 58) + ".pdf",
	} {
		if got := safeFile(in, "application/pdf"); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	e := &entry{Message: &Message{Attachments: []tickets.Attachment{{Name: "a.txt"}, {Name: "A.TXT"}, {Name: "a.txt"}}}, seq: 1}
	used := map[string]bool{}
	var got []string
	for i := range e.Attachments {
		got = append(got, e.fileName(i, used))
	}
	if fmt.Sprint(got) != "[attachments/00001/a.txt attachments/00001/A (2).TXT attachments/00001/a (3).txt]" {
		t.Error(got)
	}
}
