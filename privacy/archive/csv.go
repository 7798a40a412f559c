package archive

import (
	"encoding/csv"
	"io"
	"strings"
	"time"
)

// table writes CSV (RFC 4180) with a byte order mark, which Excel wants, and
// with cells that no spreadsheet takes for a formula.
type table struct{ w *csv.Writer }

func newTable(w io.Writer, columns ...string) (*table, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	t := &table{csv.NewWriter(w)}
	t.w.UseCRLF = true
	return t, t.w.Write(columns)
}

func (t *table) row(cells ...string) error {
	for i, c := range cells {
		cells[i] = safeCell(c)
	}
	return t.w.Write(cells)
}

func (t *table) end() error {
	t.w.Flush()
	return t.w.Error()
}

const maxCell = 32000 // Excel's bound is 32,767 characters

// safeCell puts an apostrophe before what a spreadsheet would calculate
// (OWASP, CSV injection) and cuts what it would not open; the whole text is in
// data.json.
func safeCell(s string) string {
	if len(s) > maxCell {
		s = strings.ToValidUTF8(s[:maxCell], "") + " […]"
	}
	if t := strings.TrimLeft(s, " \u00a0\ufeff\u3000"); t != "" && strings.ContainsRune("=+-@\t\r\n|\uff1d\uff0b\uff0d\uff20", firstRune(t)) {
		return "'" + s
	}
	return s
}

func cellTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}
