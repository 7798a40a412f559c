package e2e

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
)

// control carries out one command as the command line does while a server runs,
// without a process for each: over control.sock. It returns the output; a
// command that fails, fails the test.
func (d *desk) control(args ...string) []byte {
	d.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(d.data, "control.sock"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	line, _ := json.Marshal(map[string]any{"args": args})
	conn.Write(append(line, '\n'))
	conn.(*net.UnixConn).CloseWrite()
	var out, errs []byte
	for {
		var head [5]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			d.t.Fatalf("%v over control.sock: %v", args, err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if head[0] == 'x' {
			if n != 0 {
				d.t.Fatalf("%v over control.sock: status %d: %s", args, n, errs)
			}
			return out
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(conn, b); err != nil {
			d.t.Fatal(err)
		}
		if head[0] == 'o' {
			out = append(out, b...)
		} else {
			errs = append(errs, b...)
		}
	}
}
