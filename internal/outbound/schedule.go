package outbound

import (
	"math/rand/v2"
	"time"
)

const (
	maxPause  = 8 * time.Hour
	noticeAge = 4 * time.Hour      // when the agents hear that a mail is late
	expiryAge = 5 * 24 * time.Hour // RFC 5321 section 4.5.4.1: at least four to five days
)

// Schedule says when a mail is tried again. The pauses are those listed, then
// the last one doubled until it is eight hours; each is jittered by a tenth, so
// that mails that failed together do not come back together.
type Schedule struct {
	Pauses []time.Duration // empty: 5 min, 15 min, 1 h
	Jitter func() float64  // in [0,1); nil: random
}

// Pause is the time to wait after so many tries, without jitter.
func (s Schedule) Pause(attempts int) time.Duration {
	list := s.Pauses
	if len(list) == 0 {
		list = []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour}
	}
	i := max(attempts-1, 0)
	if i < len(list) {
		return list[i]
	}
	d := list[len(list)-1]
	for n := i - len(list); n >= 0 && d < maxPause; n-- {
		d *= 2
	}
	return max(min(d, maxPause), list[len(list)-1])
}

// Next is when to try again after so many tries, and false when the mail is
// too old for another. A try falls due when the notice does, so that the
// notice is not late, and the last one falls due at the end.
func (s Schedule) Next(created, now time.Time, attempts int, noticed bool) (time.Time, bool) {
	end := created.Add(expiryAge)
	if !now.Before(end) {
		return time.Time{}, false
	}
	jitter := rand.Float64
	if s.Jitter != nil {
		jitter = s.Jitter
	}
	p := s.Pause(attempts)
	next := now.Add(p + time.Duration((jitter()-0.5)*0.2*float64(p)))
	if late := created.Add(noticeAge); !noticed && now.Before(late) && next.After(late) {
		next = late
	}
	if next.After(end) {
		next = end
	}
	return next, true
}
