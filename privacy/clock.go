package privacy

import "time"

// Calendar counts the days of the law: in the controller's zone, around the
// weekends and public holidays of its country (Regulation (EEC, Euratom)
// No 1182/71, Article 3).
type Calendar struct {
	Zone    *time.Location // nil: UTC
	Country string         // ISO 3166 code; of an unknown one only weekends count
}

func (c Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// Working reports whether the day of t is neither on a weekend nor a public
// holiday.
func (c Calendar) Working(t time.Time) bool {
	t = t.In(c.zone())
	if d := t.Weekday(); d == time.Saturday || d == time.Sunday {
		return false
	}
	return !c.holiday(t.Date())
}

// Due is the last second of the period of months that began with the arrival
// (Article 12(3) GDPR): on the same day of the later month, else on its last
// day; a day off moves it to the next working day.
func (c Calendar) Due(received time.Time, months int) time.Time {
	y, m, d := received.In(c.zone()).Date()
	last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	end := c.endOf(y, m+time.Month(months), min(d, last))
	for !c.Working(end) {
		end = c.plusDays(end, 1)
	}
	return end
}

// The days a request runs by, from its arrival.
const (
	internalDays = 28
	extraMonths  = 2 // Article 12(3), second sentence
)

// Internal is the date we work towards: 28 days from the arrival, the working
// day before when that is a day off, and never after the statutory date.
func (c Calendar) Internal(received, due time.Time) time.Time {
	end := c.plusDays(received, internalDays)
	for !c.Working(end) {
		end = c.plusDays(end, -1)
	}
	if end.After(due) {
		return due
	}
	return end
}

// plusDays is the end of the day so many calendar days later: a day that the
// clocks change on counts as one.
func (c Calendar) plusDays(t time.Time, days int) time.Time {
	y, m, d := t.In(c.zone()).Date()
	return c.endOf(y, m, d+days)
}

// endOf is the last second of a day; the day after begins with the next one,
// also where midnight is left out by a change of the clocks.
func (c Calendar) endOf(y int, m time.Month, d int) time.Time {
	return time.Date(y, m, d, 23, 59, 59, 0, c.zone())
}

// officeHour is when reminders go out.
const officeHour = 9

// Morning is nine o'clock, so many calendar days after t.
func (c Calendar) Morning(t time.Time, days int) time.Time {
	y, m, d := t.In(c.zone()).Date()
	return time.Date(y, m, d+days, officeHour, 0, 0, 0, c.zone())
}

// AfterWorkingDays is the moment n working days later at the same time of day.
func (c Calendar) AfterWorkingDays(t time.Time, n int) time.Time {
	t = t.In(c.zone())
	for n > 0 {
		if t = t.AddDate(0, 0, 1); c.Working(t) {
			n--
		}
	}
	return t
}

// Day writes the day of t in the controller's zone as 2006-01-02.
func (c Calendar) Day(t time.Time) string { return t.In(c.zone()).Format(time.DateOnly) }
