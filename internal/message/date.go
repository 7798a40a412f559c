package message

import (
	"strings"
	"time"
)

var months = map[string]time.Month{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
	"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "fev": 2, "avr": 4, "abr": 4, "aoû": 8, "aou": 8, "ago": 8, "déc": 12, "ene": 1, "dic": 12, "set": 9, "out": 10, "mag": 5, "giu": 6, "lug": 7, "ott": 10, "gen": 1, "mrt": 3, "mei": 5,
}

// zones are those of RFC 5322 section 4.3 and some that clients still write, in minutes.
var zones = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
	"cet": 60, "met": 60, "mez": 60, "cest": 120, "mest": 120, "mesz": 120, "eet": 120, "eest": 180, "wet": 0, "west": 60, "bst": 60, "msk": 180, "jst": 540, "kst": 540, "hst": -600, "akst": -540, "akdt": -480, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "ist": 330,
}

// parseDate reads a Date field in RFC 5322's form or what clients write
// instead: other orders, missing parts, two-digit years, ISO 8601, named zones.
// The zero time is returned for what has no day, month and year in it.
func parseDate(s string) time.Time {
	d := dateParts{day: -1, hour: -1}
	s = strings.TrimSpace(s)
	if len(s) > 200 {
		s = s[:200]
	}
	if i := strings.IndexByte(s, '('); i >= 0 {
		s = s[:i]
	}
	for len(s) > 0 {
		s = strings.TrimLeft(s, " \t,;.")
		n := strings.IndexAny(s, " \t,;")
		if n < 0 {
			n = len(s)
		}
		d.token(s[:n])
		s = s[n:]
	}
	return d.time()
}

type dateParts struct {
	day, year        int
	month            time.Month
	hour, min, sec   int
	zone             int // minutes east
	hasYear, hasZone bool
}

func (d *dateParts) token(t string) {
	if t == "" {
		return
	}
	switch c := t[0]; {
	case (c == '+' || c == '-') && d.hour >= 0:
		d.offset(t)
	case c >= '0' && c <= '9':
		d.number(t)
	case strings.IndexByte(t, '-') > 0 && d.month == 0: // Mar-12-2003
		for _, x := range strings.Split(t, "-") {
			d.token(x)
		}
	default:
		d.word(t)
	}
}

func (d *dateParts) word(t string) {
	low := strings.ToLower(t)
	if d.hour >= 0 {
		if z, ok := zones[low]; ok {
			if !d.hasZone {
				d.zone, d.hasZone = z, true
			}
			return
		}
		switch {
		case low == "pm" && d.hour < 12:
			d.hour += 12
			return
		case low == "am" && d.hour == 12:
			d.hour = 0
			return
		case len(low) > 4 && (low[:3] == "gmt" || low[:3] == "utc"):
			d.offset(t[3:])
			return
		}
	}
	if d.month == 0 {
		for n := 3; n <= 4 && n <= len(low); n++ {
			if m, ok := months[low[:n]]; ok {
				d.month = m
				return
			}
		}
	}
}

func (d *dateParts) offset(t string) {
	sign := 1
	if t[0] == '-' {
		sign = -1
	}
	digits := strings.ReplaceAll(strings.TrimLeft(t, "+-"), ":", "")
	n, k := leading(digits)
	switch {
	case k >= 3:
		n = n/100*60 + n%100
	case k > 0:
		n *= 60
	default:
		return
	}
	if !d.hasZone && n < 24*60 {
		d.zone, d.hasZone = sign*n, true
	}
}

// number takes a token that begins with a digit: a time, a date in one, a day or a year.
func (d *dateParts) number(t string) {
	n, k := leading(t)
	if k == len(t) {
		switch {
		case k == 3 && n <= 31 && d.day < 0:
			d.day = n
		case k >= 3 || d.day >= 0 && !d.hasYear:
			d.setYear(n, k)
		case d.day < 0:
			d.day = n
		}
		return
	}
	switch c := t[k]; {
	case c == ':' || c == '.' && d.day >= 0 && d.hour < 0 && k <= 2:
		d.clock(t)
	case c == '-' || c == '/' || c == '.':
		d.compound(t, n, k)
	case d.day < 0: // 1st, 2nd
		d.day = n
	}
}

func (d *dateParts) clock(t string) {
	if d.hour >= 0 {
		return
	}
	var v [3]int
	for i := range v {
		n, k := leading(t)
		v[i] = n
		t = t[k:]
		if k == 0 || t == "" || t[0] != ':' && t[0] != '.' {
			break
		}
		t = t[1:]
	}
	d.hour, d.min, d.sec = v[0], v[1], v[2]
	if t != "" {
		t = strings.TrimLeft(t, "0123456789.")
		switch {
		case t == "":
		case t[0] == '+' || t[0] == '-':
			d.offset(t)
		default:
			d.word(t)
		}
	}
}

// compound reads 2003-03-12, 2003-03-12T10:11:12Z, 12-Mar-2003, 12/03/2003.
func (d *dateParts) compound(t string, n, k int) {
	rest := t[k+1:]
	if k == 4 {
		m, j := leading(rest)
		if j == 0 || j >= len(rest) {
			return
		}
		day, l := leading(rest[j+1:])
		d.setYear(n, k)
		d.month, d.day = time.Month(m), day
		if tail := rest[j+1+l:]; len(tail) > 1 {
			d.token(tail[1:])
		}
		return
	}
	d.day = n
	if m, j := leading(rest); j > 0 {
		if d.month = time.Month(m); m > 12 && n <= 12 { // 03/25/2003
			d.day, d.month = m, time.Month(n)
		}
		rest = rest[j:]
	} else if i := strings.IndexAny(rest, "-/."); i > 0 {
		d.word(rest[:i])
		rest = rest[i:]
	}
	if len(rest) > 1 {
		if y, j := leading(rest[1:]); j > 0 {
			d.setYear(y, j)
		}
	}
}

func (d *dateParts) setYear(n, digits int) {
	if d.hasYear {
		return
	}
	switch { // RFC 5322 section 4.3
	case digits <= 2 && n < 50:
		n += 2000
	case digits <= 3:
		n += 1900
	}
	d.year, d.hasYear = n, true
}

func (d *dateParts) time() time.Time {
	if d.day < 1 || d.day > 31 || d.month < 1 || d.month > 12 || !d.hasYear || d.year < 1900 || d.year > 9999 {
		return time.Time{}
	}
	d.hour = max(d.hour, 0)
	if d.hour > 24 || d.min > 59 || d.sec > 60 {
		d.hour, d.min, d.sec = 0, 0, 0
	}
	loc := time.UTC
	if d.zone != 0 {
		loc = time.FixedZone("", d.zone*60)
	}
	return time.Date(d.year, d.month, d.day, d.hour, d.min, d.sec, 0, loc)
}

// leading reads the decimal number at the start of t and how many digits it has.
func leading(t string) (n, digits int) {
	for digits < len(t) && digits < 9 && t[digits] >= '0' && t[digits] <= '9' {
		n = n*10 + int(t[digits]-'0')
		digits++
	}
	return n, digits
}
