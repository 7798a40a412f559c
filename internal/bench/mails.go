package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
)

// mixInWords says what writer.next writes.
const mixInWords = "4 KiB each, every sender's domain asked for SPF and DMARC; 60 % new matters (half by people known already), " +
	"20 % replies to the secret address, 20 % replies by In-Reply-To; 30 % multipart/alternative with HTML, the rest plain text; no TLS, no pipelining"

const mailBytes = 4096

// writer writes mails for one session; not safe for concurrent use.
type writer struct {
	rnd   *rand.Rand
	plain [16]string // bodies
	quote [16]string
	html  [16]string
	buf   []byte
}

// mailNumber makes Message-IDs and new addresses of this run unique.
var mailNumber atomic.Int64

func newWriter() *writer {
	w := &writer{rnd: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), buf: make([]byte, 0, 2*mailBytes)}
	for i := range w.plain {
		w.plain[i] = w.prose("", mailBytes)
		w.quote[i] = w.prose("", 600) + "\r\nOn Tue, 3 Mar 2026 at 10:12, Desk Support <support@desk.example> wrote:\r\n" + w.prose("> ", mailBytes)
		w.html[i] = w.prose("", mailBytes)
	}
	return w
}

// prose is text in lines of ordinary length, blank lines between paragraphs.
func (w *writer) prose(prefix string, n int) string {
	var s strings.Builder
	for s.Len() < n {
		line := prefix
		for len(line) < 66 {
			line += vocabulary[w.rnd.IntN(len(vocabulary))] + " "
		}
		s.WriteString(strings.TrimSpace(line) + "\r\n")
		if w.rnd.IntN(5) == 0 {
			s.WriteString(strings.TrimSpace(prefix) + "\r\n")
		}
	}
	return s.String()
}

func (w *writer) subject() string {
	pick := func() string { return vocabulary[w.rnd.IntN(len(vocabulary))] }
	return "The " + pick() + " " + pick() + " " + strconv.Itoa(w.rnd.IntN(100000))
}

// letter is a mail on its way: the envelope, and the bytes after DATA with the
// final dot. data is the writer's own until the next one.
type letter struct {
	from, to string
	data     []byte
	thread   thread // what a later reply needs
	fresh    bool   // a new matter
}

// next writes one mail of the mix. threads are there to be replied to.
func (w *writer) next(threads *threads) letter {
	n := mailNumber.Add(1)
	h := mailHead{to: queueAddress, subject: w.subject()}
	fresh := false
	switch kind := w.rnd.IntN(10); {
	case kind < 2:
		t := threads.seed(w.rnd)
		h.from, h.to, h.reply = t.address, threads.tokens.reply(t.ref), true
	case kind < 4:
		t := threads.any(w.rnd)
		h.from, h.answers, h.reply = t.address, t.messageID, true
	case kind < 7:
		h.from, fresh = threads.seed(w.rnd).address, true
	default:
		h.from, fresh = fmt.Sprintf("new%d@%s", n, senderDomain(int(n))), true
	}
	domain := h.from[strings.IndexByte(h.from, '@')+1:]
	h.id = fmt.Sprintf("%d.%08x@%s", n, w.rnd.Uint32(), domain)
	h.html = w.rnd.IntN(10) < 3
	return letter{from: h.from, to: h.to, data: w.mail(h), thread: thread{address: h.from, messageID: h.id}, fresh: fresh}
}

// mailHead is what differs from mail to mail.
type mailHead struct {
	from, to, id, subject, answers string
	reply, html                    bool
}

const boundary = "b1_7c2f"

// mail writes a mail of mailBytes with its final dot into the writer's buffer.
func (w *writer) mail(h mailHead) []byte {
	b := w.buf[:0]
	domain := h.from[strings.IndexByte(h.from, '@')+1:]
	b = fmt.Appendf(b, "Received: from [192.0.2.17] by out.%s (Mailer 4.2) with ESMTPSA\r\n\tid %08x for <%s>; Tue, 3 Mar 2026 10:15:27 +0100\r\n",
		domain, w.rnd.Uint32(), h.to)
	if h.reply {
		h.subject = "Re: " + h.subject
	}
	b = fmt.Appendf(b, "From: Some Customer <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Tue, 3 Mar 2026 10:15:26 +0100\r\nMessage-ID: <%s>\r\n",
		h.from, h.to, h.subject, h.id)
	if h.answers != "" {
		b = fmt.Appendf(b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", h.answers, h.answers)
	}
	b = append(b, "MIME-Version: 1.0\r\nUser-Agent: Mailer 4.2\r\n"...)
	body := w.plain[w.rnd.IntN(len(w.plain))]
	if h.reply {
		body = w.quote[w.rnd.IntN(len(w.quote))]
	}
	const end = "\r\n.\r\n"
	if !h.html {
		b = append(b, "Content-Type: text/plain; charset=utf-8\r\n\r\n"...)
		b = appendCut(b, body, mailBytes-len(b)-2)
		w.buf = append(b, end...)
		return w.buf
	}
	tail := "\r\n--" + boundary + "--"
	b = append(b, `Content-Type: multipart/alternative; boundary="`+boundary+"\"\r\n\r\n--"+boundary+"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"...)
	b = appendCut(b, body, (mailBytes-len(b))/2)
	b = append(b, "\r\n--"+boundary+"\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><div dir=\"ltr\"><p>"...)
	const close = "</p></div></body></html>"
	b = appendCut(b, w.html[w.rnd.IntN(len(w.html))], mailBytes-len(b)-len(close)-len(tail)-2)
	b = append(b, close+tail...)
	w.buf = append(b, end...)
	return w.buf
}

// appendCut appends n bytes of text, which is never cut within a line's end.
func appendCut(b []byte, text string, n int) []byte {
	b = append(b, text[:n]...)
	if b[len(b)-1] == '\r' {
		b[len(b)-1] = '!'
	}
	return b
}

// vocabulary is what people write to a desk about.
var vocabulary = strings.Fields(`the a and to of in is it you that we for on with as have not be this are at from or by
but my your our they can was if will what which there when how all were out up so some would like him into time has look
two more write go see number no way could people than first water been call who its now find long down day did get come
made may part order invoice account password printer delivery address parcel broken screen update install error message
please thank hello kind regards customer support office contract number payment card bank refund amount month year price
question answer problem wrong right again still since yesterday today tomorrow morning week already never always because
however although therefore attached document file page website login button click open close window server connection
network cable phone call mobile email reply forward received sent waiting urgent important meeting colleague manager`)
