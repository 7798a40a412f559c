package e2e

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"postroom/internal/testenv"
)

// canaries are what nothing may be left of (privacy tests, section C): address,
// local part, name, telephone, attachment and its name, subject, header,
// signature, encoded word, word beyond ASCII, word to search for.
var canaries = []string{"zqxada@zqxmill.example", "zqxada", "Zqxada Vwxmoorland", "+49-555-91726340", "zqxplanbytes", "zqxplan.txt", "zqxteapot", "zqxheadervalue",
	"zqxsignatureline", "Vqxköniglich", "zqxgrüßle", "zqxsearchable"}

// sniffer looks for words in every encoding that could hide them, without any
// of the program's own code.
type sniffer struct{ forms map[string]string } // form to what it is of

func newSniffer(words []string) *sniffer {
	s := &sniffer{forms: map[string]string{}}
	for _, w := range words {
		add := func(form string) {
			if len(form) >= 6 {
				s.forms[form] = w
			}
		}
		backwards := []rune(w)
		slices.Reverse(backwards)
		for _, v := range []string{w, strings.ToLower(w), strings.ToUpper(w)} {
			add(v)
			add(hex.EncodeToString([]byte(v)))
			add(strings.ToUpper(hex.EncodeToString([]byte(v))))
			add(url.QueryEscape(v))
			if q := strings.Trim(mime.QEncoding.Encode("utf-8", v), "=?"); strings.Contains(q, "=") {
				add(q[strings.LastIndex(q, "?")+1:])
			}
			for _, order := range [][2]int{{0, 1}, {1, 0}} {
				var b []byte
				for _, u := range utf16.Encode([]rune(v)) {
					pair := [2]byte{byte(u), byte(u >> 8)}
					b = append(b, pair[order[0]], pair[order[1]])
				}
				add(string(b))
			}
			if len(v) >= 9 {
				for shift := range 3 {
					coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), v...))
					add(coded[(shift*8+5)/6 : len(coded)-2])
				}
			}
			sum, old := sha256.Sum256([]byte(v)), md5.Sum([]byte(v))
			add(hex.EncodeToString(sum[:]))
			add(hex.EncodeToString(old[:]))
			add(string(sum[:]))
		}
		add(string(backwards))
	}
	return s
}

// in says what stands in the bytes, also within what is compressed there.
func (s *sniffer) in(b []byte, depth int) (found []string) {
	for form, w := range s.forms {
		if bytes.Contains(b, []byte(form)) && !slices.Contains(found, w) {
			found = append(found, w)
		}
	}
	if depth == 0 {
		return found
	}
	for magic, open := range map[string]func(io.Reader) (io.Reader, error){
		"\x1f\x8b\x08":     func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"\x78\x9c":         func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
		"\x28\xb5\x2f\xfd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
	} {
		for at := 0; ; at++ {
			i := bytes.Index(b[at:], []byte(magic))
			if i < 0 {
				break
			}
			at += i
			r, err := open(bytes.NewReader(b[at:]))
			if err != nil {
				continue
			}
			inner, _ := io.ReadAll(io.LimitReader(r, 16<<20))
			if len(inner) > 16 {
				found = append(found, s.in(inner, depth-1)...)
			}
		}
	}
	return found
}

// under looks through every file of the folders.
func (s *sniffer) under(t testing.TB, dirs ...string) (found []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil // it went meanwhile
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			for _, w := range append(s.in([]byte(e.Name()), 0), s.in(b, 2)...) {
				found = append(found, w+" in "+path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// The proof of absence: somebody who left twelve traces in every way is erased,
// and not a byte is left in any file of the desk, of PostgreSQL or of Redis,
// while it runs and when it has stopped; a backup from before does not bring
// anybody back. The same look before the erasure finds every trace.
func TestPrivacyNothingIsLeft(t *testing.T) {
	for _, a := range privacyArrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			more := settings{"privacy.erasure": quote("automatic"), "privacy.cooling_off": quote("0"), "log.level": quote("debug")}
			var dirs []string
			if a.nodes {
				pg, redis := testenv.PostgresServer(t), testenv.RedisServer(t)
				more["database.url"], more["redis.url"] = quote(pg.URL()), quote(redis.URL())
				dirs = append(dirs, pg.Dir(), redis.Dir())
			}
			b := privacyHouse(t, a, more)
			b.w.publish("zqxmill.example MX 10 mail.outside.example.", `zqxmill.example TXT "v=spf1 ip4:127.0.0.0/8 -all"`)
			for _, n := range b.nodes {
				dirs = append(dirs, n.data)
			}
			b.leaveTraces()
			s := subject{from: "Zqxada Vwxmoorland <zqxada@zqxmill.example>", language: "en", confirm: "CONFIRM", words: inEnglish.words, opening: inEnglish.opening}
			sniff := newSniffer(canaries)
			b.sees(sniff)
			content, keys, pass := backups(t, b.admin())
			kept := map[string]map[string]string{}
			for i := range 3 {
				kept[fmt.Sprint(i)] = b.rawOf(b.other(i))
			}
			b.ask(s, "access") // what is exported is a copy, too
			b.open(s)
			b.admin().request(s.address(), "access", "done")
			b.ask(s, "erasure")
			cert := b.w.next(s.address(), s.opening["certificate"])
			no := noIn(t, cert)
			b.verifyCertificate(cert, no)
			eventually(t, "the erasure ends", func() string { return strings.TrimPrefix(b.admin().show(no).State, "done") })
			for i := range 3 {
				if got := b.rawOf(b.other(i)); fmt.Sprint(got) != fmt.Sprint(kept[fmt.Sprint(i)]) {
					t.Errorf("the mail of %s is not as it was", b.other(i).address())
				}
			}
			eventually(t, "nothing is left while it runs", func() string { return strings.Join(sniff.under(t, dirs...), "\n") })
			b.sharedStays()
			// Only the mails of this very request still say to whom they went, under a
			// key of its own that goes when no bounce can come any more.
			own := `"kind":"privacy","ticket":` + quote(b.admin().show(no).Ticket)
			for line := range strings.Lines(b.readable()) {
				if strings.Contains(line, own) {
					continue
				}
				if found := sniff.in([]byte(line), 0); len(found) > 0 {
					t.Errorf("the administrator still reads %q in %s", found, line)
				}
			}
			for _, n := range b.nodes {
				if found := sniff.in([]byte(n.proc.log.String()), 0); len(found) > 0 {
					t.Errorf("the log holds %q", found)
				}
			}
			var list []byte
			eventually(t, "the list in each data folder has the erasure", func() string {
				for _, n := range b.nodes {
					var err error
					if list, err = os.ReadFile(filepath.Join(n.data, "erasures.list")); err != nil || bytes.Count(list, []byte("\n")) < 2 {
						return fmt.Sprintf("%v %q", err, list)
					}
				}
				return ""
			})
			for _, n := range b.nodes {
				n.stop()
			}
			if found := sniff.under(t, dirs...); len(found) > 0 {
				t.Errorf("left when it has stopped:\n%s", strings.Join(found, "\n"))
			}
			b.restored(sniff, content, keys, pass, list)
		})
	}
}

// other is one of those who stay.
func (b *bureau) other(i int) subject {
	return subject{from: fmt.Sprintf("Other Number%d <other%d@kunde.example>", i, i), language: "en"}
}

// leaveTraces lets the person and others write, be answered and be noted.
func (b *bureau) leaveTraces() {
	b.t.Helper()
	const from = "Zqxada Vwxmoorland <zqxada@zqxmill.example>"
	for i := range 3 {
		b.mail(b.other(i), support, "Mine", "This is of no other's concern.")
		b.w.next(bare(berta), "no other's concern")
	}
	body := "Call me at +49-555-91726340, zqxgrüßle. The word is zqxsearchable.\n\n-- \nzqxsignatureline\n"
	raw := letter(from, support, "About the zqxteapot "+mime.BEncoding.Encode("utf-8", "Vqxköniglich"), "X-Thing: zqxheadervalue\n", body)
	b.door().mustSend("zqxada@zqxmill.example", support, withFile(raw, "zqxplan.txt", "text/plain", "zqxplanbytes"))
	to := b.w.next(bare(berta), "zqxteapot")
	extra, text := replying(to, "Dear Zqxada, pour it out.", "Berta")
	b.door().mustSend(bare(berta), to.replyTo(), letter(berta, to.replyTo(), "Re: "+to.msg.Subject, extra, text))
	answer := b.w.next("zqxada@zqxmill.example", "pour it out")
	extra, text = replying(to, "#note\nZqxada called from +49-555-91726340.", "Berta")
	b.door().mustSend(bare(berta), to.replyTo(), letter(berta, to.replyTo(), "Re: "+to.msg.Subject, extra, text))
	extra, text = replying(answer, "Thanks, zqxsearchable!", "zqxsignatureline")
	b.door().mustSend("zqxada@zqxmill.example", answer.replyTo(), letter(from, answer.replyTo(), "Re: "+answer.msg.Subject, extra, text))
	b.w.next(bare(berta), "Thanks, zqxsearchable!")
	// Her part in somebody else's ticket (P6).
	shared := letter(bob, support, "The pump we share", "Cc: "+from+"\n", "Zqxada Vwxmoorland told me that it drips. My own words: tamarindus.")
	b.door().mustSend(bare(bob), support, shared)
	b.w.next(bare(berta), "tamarindus")
	eventually(b.t, "every node searches", func() string {
		for _, n := range b.nodes {
			if out := n.must("ticket", "search", "zqxsearchable"); !strings.Contains(out, "zqxteapot") {
				return "not yet: " + out
			}
		}
		return ""
	})
	b.admin().quiet()
}

// bob shares a ticket with the person.
const bob = "Bob Stayer <bob@kunde.example>"

// sharedStays checks that Bob's ticket is there with his own words, and not hers.
func (b *bureau) sharedStays() {
	b.t.Helper()
	list := b.admin().of(bare(bob))
	if len(list) != 1 || len(list[0].Messages) != 1 {
		b.t.Fatalf("of Bob's ticket there is %+v", list)
	}
	if raw := b.admin().must("ticket", "raw", itoa(list[0].Messages[0].ID)); !strings.Contains(raw, "My own words: tamarindus.") || !strings.Contains(raw, "told me that it drips") {
		b.t.Errorf("Bob's mail is now\n%s", raw)
	}
}

// readable is all that the administrator can read.
func (b *bureau) readable() string {
	b.t.Helper()
	var out strings.Builder
	for _, what := range []string{"ticket", "person", "outbox", "held"} {
		out.WriteString(b.admin().must(what, "list", "--json"))
	}
	for _, tk := range b.admin().tickets() {
		out.WriteString(b.admin().must("ticket", "show", tk.Ref))
		for _, m := range tk.Messages {
			out.WriteString(b.admin().must("ticket", "raw", itoa(m.ID)))
		}
	}
	return out.String()
}

// sees is the negative control: before the erasure every trace is found in what
// can be read, and the look at files finds what is put there.
func (b *bureau) sees(sniff *sniffer) {
	b.t.Helper()
	found := sniff.in([]byte(b.readable()), 0)
	for _, c := range canaries {
		if !slices.Contains(found, c) {
			b.t.Errorf("blind: %q is nowhere to be read before the erasure", c)
		}
	}
	if on := sniff.under(b.t, b.admin().data); len(on) == 0 {
		b.t.Error("blind: the search index is on disk and was not found")
	}
	planted := filepath.Join(b.admin().data, "planted")
	var packed bytes.Buffer
	z, _ := zstd.NewWriter(&packed)
	io.WriteString(z, strings.Repeat("filler ", 50)+strings.ToUpper(canaries[0]))
	z.Close()
	if err := os.WriteFile(planted, packed.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if on := sniff.under(b.t, b.admin().data); !slices.ContainsFunc(on, func(s string) bool { return strings.HasSuffix(s, "planted") }) {
		b.t.Error("blind: a compressed trace was not found")
	}
	if out, _, status := b.admin().run("privacy", "scan", canaries[0]); status != 1 || !strings.Contains(out, "planted") {
		b.t.Errorf("privacy scan is blind: %d %s", status, out)
	}
	os.Remove(planted)
}

// restored brings back a backup from before the erasure: without the list it
// opens nothing, with it nobody who was erased is there.
func (b *bureau) restored(sniff *sniffer, content, keys, pass string, list []byte) {
	b.t.Helper()
	d := newDesk(b.t, b.w, nil)
	args := []string{"restore", "--keys", keys, "--passphrase-file", pass}
	if _, errs, status := d.run(append(args, content)...); status == 0 || !strings.Contains(errs, "list of erasures") {
		b.t.Errorf("restored without the list: %d %s", status, errs)
	}
	file := filepath.Join(b.t.TempDir(), "erasures.list")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		b.t.Fatal(err)
	}
	d.must(append(args, "--erasures", file, content)...)
	for i := range 3 {
		if len(d.of(b.other(i).address())) == 0 {
			b.t.Errorf("%s was not restored", b.other(i).address())
		}
	}
	at := &bureau{house: &house{w: b.w, nodes: []*desk{d}}, t: b.t, w: b.w}
	if found := sniff.in([]byte(at.readable()), 0); len(found) > 0 {
		b.t.Errorf("the restore brought back %q", found)
	}
	if out := d.must("ticket", "search", "zqxsearchable"); strings.Contains(out, "zqx") {
		b.t.Errorf("search finds after the restore: %s", out)
	}
	if found := sniff.under(b.t, d.data); len(found) > 0 {
		b.t.Errorf("on disk after the restore:\n%s", strings.Join(found, "\n"))
	}
	d.verify()
}
