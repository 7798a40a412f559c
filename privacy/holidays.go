package privacy

import (
	"strconv"
	"strings"
	"time"
)

// holidays are the public holidays that hold in all of a country, by its code:
//
//	12-25    a date
//	E+1 O-2  days from the western or the orthodox Easter Sunday
//	5:1Mon   the first Monday in May; 8:LMon the last one in August
//	10:Sat31 the first Saturday on or after 31 October
//	12-26~   moved to the next weekday that is free, when it falls on a weekend
//
// Days of single regions, half days and days whose law is being changed are
// left out: a day that counts as a working day only makes us earlier.
var holidays = map[string]string{
	"AT": "1-1 1-6 E+1 5-1 E+39 E+50 E+60 8-15 10-26 11-1 12-8 12-25 12-26",
	"BE": "1-1 E+1 5-1 E+39 E+50 7-21 8-15 11-1 11-11 12-25",
	"BG": "1-1~ 3-3~ O-2 O-1 O+0 O+1 5-1~ 5-6~ 5-24~ 9-6~ 9-22~ 12-24~ 12-25~ 12-26~",
	"HR": "1-1 1-6 E+0 E+1 5-1 5-30 E+60 6-22 8-5 8-15 11-1 11-18 12-25 12-26",
	"CY": "1-1 1-6 O-48 3-25 4-1 O-2 O+0 O+1 5-1 O+50 8-15 10-1 10-28 12-25 12-26",
	"CZ": "1-1 E-2 E+1 5-1 5-8 7-5 7-6 9-28 10-28 11-17 12-24 12-25 12-26",
	"DK": "1-1 E-3 E-2 E+0 E+1 E+39 E+49 E+50 12-25 12-26",
	"EE": "1-1 2-24 E-2 E+0 5-1 E+49 6-23 6-24 8-20 12-24 12-25 12-26",
	"FI": "1-1 1-6 E-2 E+0 E+1 5-1 E+39 E+49 6:Sat20 10:Sat31 12-6 12-25 12-26",
	"FR": "1-1 E+1 5-1 5-8 E+39 E+50 7-14 8-15 11-1 11-11 12-25",
	"DE": "1-1 E-2 E+1 5-1 E+39 E+50 10-3 12-25 12-26",
	"GR": "1-1 1-6 O-48 3-25 O-2 O+0 O+1 5-1 O+50 8-15 10-28 12-25 12-26",
	"HU": "1-1 3-15 E-2 E+1 5-1 E+50 8-20 10-23 11-1 12-25 12-26",
	"IE": "1-1~ 2:1Mon 3-17~ E+1 5:1Mon 6:1Mon 8:1Mon 10:LMon 12-25~ 12-26~",
	"IT": "1-1 1-6 E+1 4-25 5-1 6-2 8-15 11-1 12-8 12-25 12-26",
	"LV": "1-1 E-2 E+0 E+1 5-1 5-4 6-23 6-24 11-18 12-24 12-25 12-26 12-31",
	"LT": "1-1 2-16 3-11 E+0 E+1 5-1 6-24 7-6 8-15 11-1 11-2 12-24 12-25 12-26",
	"LU": "1-1 E+1 5-1 5-9 E+39 E+50 6-23 8-15 11-1 12-25 12-26",
	"MT": "1-1 2-10 3-19 3-31 E-2 5-1 6-7 6-29 8-15 9-8 9-21 12-8 12-13 12-25",
	"NL": "1-1 E+0 E+1 4-27 E+39 E+50 12-25 12-26",
	"PL": "1-1 1-6 E+0 E+1 5-1 5-3 E+49 E+60 8-15 11-1 11-11 12-25 12-26",
	"PT": "1-1 E-2 E+0 4-25 5-1 E+60 6-10 8-15 10-5 11-1 12-1 12-8 12-25",
	"RO": "1-1 1-2 1-6 1-7 1-24 O-2 O+0 O+1 5-1 6-1 O+49 O+50 8-15 11-30 12-1 12-25 12-26",
	"SK": "1-1 1-6 E-2 E+1 5-1 7-5 8-29 11-1 12-24 12-25 12-26",
	"SI": "1-1 1-2 2-8 E+0 E+1 4-27 5-1 5-2 E+49 6-25 8-15 10-31 11-1 12-25 12-26",
	"ES": "1-1 1-6 E-2 5-1 8-15 10-12 11-1 12-6 12-8 12-25",
	"SE": "1-1 1-6 E-2 E+0 E+1 5-1 E+39 E+49 6-6 6:Sat20 10:Sat31 12-25 12-26",
	"GB": "1-1~ E-2 E+1 5:1Mon 5:LMon 8:LMon 12-25~ 12-26~",
	"CH": "1-1 E+39 8-1 12-25",
}

// KnownCountry reports whether the country's holidays are known, by its ISO
// 3166 code or the ones that the EU uses for Greece and the United Kingdom.
func KnownCountry(code string) bool { return holidays[countryCode(code)] != "" }

func countryCode(code string) string {
	switch code = strings.ToUpper(strings.TrimSpace(code)); code {
	case "EL":
		return "GR"
	case "UK":
		return "GB"
	}
	return code
}

// holiday reports whether the day is a public holiday of the country.
func (c Calendar) holiday(y int, m time.Month, d int) bool {
	day := date(y, m, d)
	moved := map[time.Time]bool{} // by a rule that moves; a day has one substitute
	for rule := range strings.FieldsSeq(holidays[countryCode(c.Country)]) {
		rule, moves := strings.CutSuffix(rule, "~")
		at := holidayOn(y, rule)
		for moves && (at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || moved[at]) {
			at = at.AddDate(0, 0, 1)
		}
		if moves {
			moved[at] = true
		}
		if at.Equal(day) {
			return true
		}
	}
	return false
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// holidayOn reads one rule of the table for a year.
func holidayOn(y int, rule string) time.Time {
	switch {
	case rule[0] == 'E' || rule[0] == 'O':
		days, _ := strconv.Atoi(rule[1:])
		if rule[0] == 'O' {
			return orthodoxEaster(y).AddDate(0, 0, days)
		}
		return easter(y).AddDate(0, 0, days)
	case strings.Contains(rule, ":"):
		month, what, _ := strings.Cut(rule, ":")
		m, _ := strconv.Atoi(month)
		return weekdayIn(y, time.Month(m), what)
	}
	month, day, _ := strings.Cut(rule, "-")
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	return date(y, time.Month(m), d)
}

// weekdayIn finds 1Mon, LMon or Sat20 in a month.
func weekdayIn(y int, m time.Month, what string) time.Time {
	switch {
	case what[0] == 'L':
		return onOrAfter(date(y, m+1, 1), dayNamed(what[1:])).AddDate(0, 0, -7)
	case what[0] >= '1' && what[0] <= '5':
		return onOrAfter(date(y, m, 1+7*int(what[0]-'1')), dayNamed(what[1:]))
	}
	from, _ := strconv.Atoi(what[3:])
	return onOrAfter(date(y, m, from), dayNamed(what[:3]))
}

func dayNamed(name string) time.Weekday {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if d.String()[:3] == name {
			return d
		}
	}
	return time.Sunday
}

func onOrAfter(t time.Time, d time.Weekday) time.Time {
	return t.AddDate(0, 0, (int(d)-int(t.Weekday())+7)%7)
}

// easter is the western Easter Sunday, by Gauss's rule as corrected by
// Lichtenberg.
func easter(y int) time.Time {
	k := y / 100
	m := 15 + (3*k+3)/4 - (8*k+13)/25
	s := 2 - (3*k+3)/4
	a := y % 19
	d := (19*a + m) % 30
	r := (d + a/11) / 29
	og := 21 + d - r
	sz := 7 - (y+y/4+s)%7
	oe := 7 - (og-sz)%7
	return date(y, time.March, og+oe)
}

// orthodoxEaster is the Easter Sunday of the Julian calendar as a Gregorian
// date, which is thirteen days ahead until the year 2099.
func orthodoxEaster(y int) time.Time {
	d := (19*(y%19) + 15) % 30
	e := (2*(y%4) + 4*(y%7) - d + 34) % 7
	n := d + e + 114
	return date(y, time.Month(n/31), n%31+1).AddDate(0, 0, 13)
}
