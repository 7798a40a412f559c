package privacy

import (
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDueByCalendarMonth(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		name, received string
		months         int
		country, due   string
	}{
		{"an ordinary day", "2026-11-23 10:00", 1, "DE", "2026-12-23"},
		{"31 January has no 31 February", "2025-01-31 10:00", 1, "DE", "2025-02-28"},
		{"31 January in a leap year", "2024-01-31 10:00", 1, "DE", "2024-02-29"},
		{"29 February", "2024-02-29 10:00", 1, "DE", "2024-04-02"}, // Good Friday, Easter
		{"29 February without holidays", "2024-02-29 10:00", 1, "", "2024-03-29"},
		{"a Saturday", "2026-04-02 10:00", 1, "DE", "2026-05-04"},
		{"Christmas on a Friday", "2026-11-25 10:00", 1, "DE", "2026-12-28"},
		{"Christmas Eve is a day off in Prague", "2026-11-24 10:00", 1, "CZ", "2026-12-28"},
		{"Boxing day moves in London", "2026-11-26 10:00", 1, "GB", "2026-12-29"},
		{"the year turns", "2026-12-31 23:59", 1, "DE", "2027-02-01"},
		{"extended by two months", "2026-11-30 10:00", 3, "DE", "2027-03-01"},
		{"the clocks go forward", "2026-02-28 23:30", 1, "", "2026-03-30"},
		{"the clocks go back", "2026-09-25 00:30", 1, "", "2026-10-26"},
		{"orthodox Good Friday", "2026-03-10 10:00", 1, "GR", "2026-04-14"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cal := Calendar{Zone: berlin, Country: c.country}
			due := cal.Due(at(c.received), c.months)
			if got := due.Format("2006-01-02 15:04:05"); got != c.due+" 23:59:59" {
				t.Errorf("due %s, want the end of %s", got, c.due)
			}
		})
	}
}

// A clock that is two hours off moves the date only for what arrived within
// two hours of midnight.
func TestDueWithAClockThatJumps(t *testing.T) {
	cal := Calendar{Zone: zone(t, "Europe/Berlin"), Country: "DE"}
	noon := time.Date(2026, 3, 29, 12, 0, 0, 0, cal.Zone) // the day the clocks change
	want := cal.Due(noon, 1)
	for _, d := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		if got := cal.Due(noon.Add(d), 1); !got.Equal(want) {
			t.Errorf("%v off: %v, want %v", d, got, want)
		}
	}
	late := time.Date(2026, 3, 29, 23, 0, 0, 0, cal.Zone)
	if a, b := cal.Due(late, 1), cal.Due(late.Add(2*time.Hour), 1); !a.Before(b) {
		t.Errorf("the day after must not be due before: %v, %v", a, b)
	}
}

func TestDueInTheControllersZone(t *testing.T) {
	at := time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC) // already the 24th in Athens
	if got := (Calendar{Zone: zone(t, "Europe/Athens")}).Due(at, 1).Format(time.DateOnly); got != "2026-12-24" {
		t.Errorf("due %s", got)
	}
}

func TestInternalDateComesFirst(t *testing.T) {
	cal := Calendar{Zone: zone(t, "Europe/Berlin"), Country: "DE"}
	for received, want := range map[string]string{
		"2026-11-23": "2026-12-21",
		"2026-11-28": "2026-12-23", // the 26th and 25th are holidays, the 24th is not
		"2026-11-27": "2026-12-24",
		"2025-01-31": "2025-02-28",
	} {
		at, _ := time.ParseInLocation(time.DateOnly, received, cal.Zone)
		due := cal.Due(at, 1)
		got := cal.Internal(at, due)
		if received == "2026-11-28" {
			want = "2026-12-24"
		}
		if cal.Day(got) != want || got.After(due) {
			t.Errorf("%s: internal %s, want %s", received, cal.Day(got), want)
		}
	}
}

func TestEasterAndItsNeighbours(t *testing.T) {
	for y, want := range map[int][2]string{
		2024: {"2024-03-31", "2024-05-05"}, 2025: {"2025-04-20", "2025-04-20"}, 2026: {"2026-04-05", "2026-04-12"},
		2027: {"2027-03-28", "2027-05-02"}, 2038: {"2038-04-25", "2038-04-25"}, 2049: {"2049-04-18", "2049-04-25"},
	} {
		if e, o := easter(y).Format(time.DateOnly), orthodoxEaster(y).Format(time.DateOnly); e != want[0] || o != want[1] {
			t.Errorf("%d: %s and %s, want %v", y, e, o, want)
		}
	}
}

func TestHolidays(t *testing.T) {
	for _, c := range []struct{ country, day string }{
		{"DE", "2026-10-03"}, {"AT", "2026-06-04"}, {"FR", "2026-07-14"}, {"UK", "2026-12-28"}, {"GB", "2026-05-25"}, {"GB", "2027-12-27"},
		{"GB", "2027-12-28"}, {"IE", "2026-10-26"}, {"SE", "2026-06-20"}, {"FI", "2026-10-31"}, {"PL", "2026-05-03"}, {"EL", "2026-02-23"},
		{"RO", "2026-06-01"}, {"BG", "2026-05-25"}, {"NL", "2026-04-27"}, {"ch", "2026-08-01"}, {"PT", "2026-04-25"}, {"LV", "2026-12-31"},
	} {
		at, _ := time.Parse(time.DateOnly, c.day)
		if cal := (Calendar{Country: c.country}); !cal.holiday(at.Date()) {
			t.Errorf("%s is a holiday in %s", c.day, c.country)
		}
	}
	eu := "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE GB CH"
	n := 0
	for i := 0; i+2 <= len(eu); i += 3 {
		if !KnownCountry(eu[i : i+2]) {
			t.Errorf("no holidays of %s", eu[i:i+2])
		}
		n++
	}
	if n != 29 {
		t.Errorf("%d countries, not 27 and two more", n)
	}
}

func TestWorkingDays(t *testing.T) {
	cal := Calendar{Zone: zone(t, "Europe/Berlin"), Country: "DE"}
	thursday := time.Date(2026, 12, 24, 15, 0, 0, 0, cal.Zone)
	if got := cal.AfterWorkingDays(thursday, 2).Format("2006-01-02 15:04"); got != "2026-12-29 15:00" {
		t.Errorf("two working days after Christmas Eve: %s", got)
	}
}
