package outbound

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// rawWithAttachment is a message with one attachment of n bytes.
func rawWithAttachment(n int) []byte {
	var b bytes.Buffer
	b.WriteString("From: ben@team.example\r\nX-Secret: inside\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	e := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789abcde\n"), n/16))
	for len(e) > 76 {
		b.WriteString(e[:76] + "\r\n")
		e = e[76:]
	}
	b.WriteString(e + "\r\n--x--\r\n")
	return b.Bytes()
}

var _ = strings.TrimSpace
