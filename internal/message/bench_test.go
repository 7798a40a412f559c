package message

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// plainMail is a mail of some 4 KiB such as most are.
func plainMail() []byte {
	var b bytes.Buffer
	b.WriteString("Return-Path: <anna@customer.example>\r\n" +
		"Received: from mail.customer.example (mail.customer.example [192.0.2.7])\r\n\tby desk.example with ESMTPS id 4711\r\n\tfor <support@desk.example>; Mon, 3 Mar 2025 10:11:12 +0100\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=customer.example; s=s1;\r\n\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=" + strings.Repeat("Qk9", 80) + "\r\n" +
		"From: Anna Muster <anna@customer.example>\r\nTo: Support <support@desk.example>\r\nSubject: The printer on the third floor\r\n" +
		"Date: Mon, 3 Mar 2025 10:11:10 +0100\r\nMessage-ID: <20250303.1011@customer.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	for i := 0; b.Len() < 4096; i++ {
		fmt.Fprintf(&b, "Line %d: the printer says that its tray is empty although it is not.\r\n", i)
	}
	return b.Bytes()
}

func BenchmarkParsePlain(b *testing.B) {
	mail := plainMail()
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	r := bytes.NewReader(nil)
	for b.Loop() {
		r.Reset(mail)
		if _, err := Parse(r, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParsePlainOnly leaves out what reads the parsed message.
func BenchmarkParsePlainOnly(b *testing.B) {
	mail := plainMail()
	b.ReportAllocs()
	r := bytes.NewReader(nil)
	for b.Loop() {
		r.Reset(mail)
		p := newParser(Limits{})
		if err := p.run(r); err != nil {
			b.Fatal(err)
		}
		p.finish()
		p.release()
	}
}

func BenchmarkParseAlternative(b *testing.B) {
	var h strings.Builder
	for i := range 40 {
		fmt.Fprintf(&h, "<p>Line %d: the <b>printer</b> says <a href=\"https://example.com/%d\">so</a>.</p>\r\n", i, i)
	}
	mail := []byte("From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n" +
		strings.Repeat("Line: the printer says so.\r\n", 40) + "--b\r\nContent-Type: text/html\r\n\r\n" + h.String() + "--b--\r\n")
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(bytes.NewReader(mail), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAttachment(b *testing.B) {
	head := "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee there.\r\n--b\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	mail := []byte(head + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100_000) + "--b--\r\n")
	b.SetBytes(int64(len(mail)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(bytes.NewReader(mail), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAttachment(b *testing.B) {
	mail := plainMail()
	b.ReportAllocs()
	for b.Loop() {
		OpenAttachment(bytes.NewReader(mail), 0, io.Discard)
	}
}
