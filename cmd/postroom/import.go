package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"postroom/tickets"
)

// importCmd feeds old mail through the same intake. The caller's side reads
// the files and sends each message with its length; the desk's side keeps it.
type importCmd struct {
	Queue string   `required:"" help:"Queue the mail belongs to." placeholder:"NAME"`
	State string   `help:"State the tickets are left in: open or resolved." default:"resolved" enum:"open,resolved"`
	From  []string `arg:"" name:"file" help:"An mbox file or a maildir."`
}

// maxImport bounds one message of an import.
const maxImport = 256 << 20

// Input streams the messages of all files, each behind eight bytes of length.
func (cmd *importCmd) Input() (io.ReadCloser, error) {
	for _, p := range cmd.From {
		if _, err := os.Stat(p); err != nil {
			return nil, err
		}
	}
	pr, pw := io.Pipe()
	go func() {
		bar := newProgress(cmd.From)
		w := bufio.NewWriterSize(pw, 64<<10)
		var err error
		for _, p := range cmd.From {
			if err = feed(p, w, bar); err != nil {
				err = fmt.Errorf("%s: %w", p, err)
				break
			}
		}
		if err == nil {
			err = w.Flush()
		}
		bar.end()
		pw.CloseWithError(err)
	}()
	return pr, nil
}

func feed(path string, w io.Writer, bar *progress) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return feedMaildir(path, w, bar)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return feedMbox(f, w, bar)
}

// feedMaildir reads cur and new of a maildir and of the maildirs below it.
func feedMaildir(dir string, w io.Writer, bar *progress) error {
	var names []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if parent := filepath.Base(filepath.Dir(p)); e.Type().IsRegular() && (parent == "cur" || parent == "new") {
			names = append(names, p)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("holds no mail: a maildir has folders cur and new")
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	for _, p := range names {
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := send(w, raw, bar, int64(len(raw))); err != nil {
			return err
		}
	}
	return nil
}

// feedMbox splits at "From " lines after an empty line (RFC 4155) and takes
// one > off quoted ones (mboxrd).
func feedMbox(r io.Reader, w io.Writer, bar *progress) error {
	br := bufio.NewReaderSize(r, 256<<10)
	var msg bytes.Buffer
	var read int64
	blank, begun := true, false
	flush := func() error {
		if !begun {
			return nil
		}
		raw := bytes.TrimSuffix(bytes.TrimSuffix(msg.Bytes(), []byte("\n")), []byte("\r"))
		err := send(w, raw, bar, read)
		msg.Reset()
		read = 0
		return err
	}
	for {
		line, err := br.ReadBytes('\n')
		read += int64(len(line))
		switch {
		case blank && bytes.HasPrefix(line, []byte("From ")):
			if ferr := flush(); ferr != nil {
				return ferr
			}
			begun = true
		case !begun && len(bytes.TrimSpace(line)) > 0:
			return errors.New("is no mbox: it does not begin with a line \"From \"")
		case begun:
			if msg.Len()+len(line) > maxImport {
				return fmt.Errorf("a message of more than %d MiB", maxImport>>20)
			}
			if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) && line[0] == '>' {
				line = line[1:]
			}
			msg.Write(line)
		}
		blank = len(bytes.TrimRight(line, "\r\n")) == 0
		if err == io.EOF {
			if !begun {
				return errors.New("holds no mail")
			}
			return flush()
		}
		if err != nil {
			return err
		}
	}
}

func send(w io.Writer, raw []byte, bar *progress, read int64) error {
	if len(raw) > maxImport {
		return fmt.Errorf("a message of more than %d MiB", maxImport>>20)
	}
	if err := binary.Write(w, binary.BigEndian, int64(len(raw))); err != nil {
		return err
	}
	_, err := w.Write(raw)
	bar.add(read)
	return err
}

func (cmd *importCmd) Do(ctx context.Context, d *desk, s streams) error {
	if _, err := d.queueNamed(ctx, cmd.Queue); err != nil {
		return err
	}
	state := tickets.StateResolved
	if cmd.State == "open" {
		state = tickets.StateOpen
	}
	fresh, known, refused := 0, 0, 0
	for {
		var n int64
		err := binary.Read(s.in, binary.BigEndian, &n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("the import broke off after %d messages; run it again, what is here is recognised: %w", fresh+known, err)
		}
		body := io.LimitReader(s.in, n)
		env := tickets.Envelope{Via: tickets.ViaImport, Queue: cmd.Queue, State: state, Received: d.now()}
		counted := &countReader{r: body}
		_, again, err := d.intake.Take(ctx, env, counted)
		if err != nil {
			var refusal *tickets.Refusal
			if !errors.As(err, &refusal) {
				return fmt.Errorf("message %d: %w", fresh+known+refused+1, err)
			}
			refused++
			fmt.Fprintf(s.err, "message %d was not taken: %s\n", fresh+known+refused, refusal.Text)
			io.Copy(io.Discard, body)
			continue
		}
		if counted.n != n {
			return fmt.Errorf("message %d broke off", fresh+known+refused+1)
		}
		if again {
			known++
		} else {
			fresh++
		}
	}
	fmt.Fprintf(s.out, "%d messages taken in, %d known already, %d not taken.\n", fresh, known, refused)
	if refused > 0 {
		return exitError(1)
	}
	return nil
}

type countReader struct {
	r io.Reader
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// progress is a bar on the caller's terminal; nothing elsewhere.
type progress struct {
	total, done int64
	messages    int
	shown       time.Time
}

func newProgress(paths []string) *progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	p := &progress{}
	for _, path := range paths {
		filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				p.total += info.Size()
			}
			return nil
		})
	}
	return p
}

func (p *progress) add(n int64) {
	if p == nil {
		return
	}
	p.done += n
	p.messages++
	if time.Since(p.shown) < 100*time.Millisecond || p.total == 0 {
		return
	}
	p.shown = time.Now()
	p.draw()
}

func (p *progress) draw() {
	const width = 40
	full := min(int(p.done*width/max(p.total, 1)), width)
	fmt.Fprintf(os.Stderr, "\r[%s%s] %3d %%  %d messages", strings.Repeat("#", full), strings.Repeat(".", width-full),
		min(p.done*100/max(p.total, 1), 100), p.messages)
}

func (p *progress) end() {
	if p != nil {
		p.draw()
		fmt.Fprintln(os.Stderr)
	}
}
