package privacy

import (
	"slices"
	"strings"
	"time"

	"postroom/tickets"
)

// Edge is one step of a request's way. Each that is taken becomes an [Event].
type Edge string

// The edges.
const (
	EdgeReceived    Edge = "received"    // it came in; the clock runs
	EdgeUnclear     Edge = "unclear"     // the words left open what is asked for
	EdgeClarified   Edge = "clarified"   // the person or the officer said what is meant
	EdgeChallenged  Edge = "challenged"  // a proof was asked for
	EdgeReminded    Edge = "reminded"    // the person was reminded of it
	EdgeFailed      Edge = "failed"      // an answer that could not count
	EdgeDoubted     Edge = "doubted"     // two could not: the officer looks for another proof
	EdgeVerified    Edge = "verified"    // the mailbox, or the person, is proved
	EdgeReviewed    Edge = "review"      // the officer has to decide
	EdgeWaits       Edge = "waits"       // for the request that goes first
	EdgeApproved    Edge = "approved"    // by the officer, or automatically as configured
	EdgeCooling     Edge = "cooling"     // the person may still cancel
	EdgeCancelled   Edge = "cancelled"   // by the person
	EdgeExecuting   Edge = "executing"   // a job carries it out
	EdgeAgain       Edge = "again"       // the archive is sent once more
	EdgeDelivered   Edge = "delivered"   // the far side accepted what was asked for
	EdgeUndelivered Edge = "undelivered" // it did not: the officer's
	EdgeDone        Edge = "done"
	EdgeRefused     Edge = "refused"
	EdgeExpired     Edge = "expired"   // closed by the officer without a proof
	EdgeWithdrawn   Edge = "withdrawn" // by the person, or no request after all
	EdgeRevived     Edge = "revived"   // the proof came after all
	EdgeExtended    Edge = "extended"
	EdgeHeld        Edge = "held"
	EdgeReleased    Edge = "released"
	EdgeLinked      Edge = "linked"   // a further address was asked
	EdgeProved      Edge = "proved"   // it proved itself
	EdgeWithheld    Edge = "withheld" // a part stays out of the archive
	EdgeEffective   Edge = "effective"
	EdgeLifting     Edge = "lifting" // the end of a restriction was announced
	EdgeLifted      Edge = "lifted"
	EdgeAlarmed     Edge = "alarmed" // officer, deputy or everybody was reminded
	EdgeDropped     Edge = "dropped" // the archive was deleted here
	EdgeForgotten   Edge = "forgotten"
	EdgeNoted       Edge = "noted" // further mail about it
)

// stay stands for the state a request is in.
const stay State = ""

type way struct {
	from []State
	to   State
}

// started is the state of a request that is just being made.
const started State = "started"

// open are the states in which a request is not ended.
var openStates = []State{Received, Challenged, Verified, Review, Cooling, Executing}

// undecided are those in which nothing of it was decided or begun: what a
// request covers is settled then.
var undecided = []State{Received, Challenged, Verified, Review}

// ways is the machine: which edge leaves which states, and where it goes.
// Nothing else changes the state of a request.
var ways = map[Edge]way{
	EdgeReceived:    {[]State{started}, Received},
	EdgeUnclear:     {[]State{Received}, Review},
	EdgeClarified:   {[]State{Review}, Received},
	EdgeChallenged:  {[]State{Received, Challenged, Review}, Challenged},
	EdgeReminded:    {[]State{Challenged}, stay},
	EdgeFailed:      {[]State{Received, Challenged, Review}, stay},
	EdgeDoubted:     {[]State{Received, Challenged}, Review},
	EdgeVerified:    {[]State{Received, Challenged, Review}, Verified},
	EdgeReviewed:    {[]State{Received, Verified, Executing}, Review},
	EdgeWaits:       {[]State{Verified}, stay},
	EdgeApproved:    {[]State{Verified, Review}, Verified},
	EdgeCooling:     {[]State{Verified}, Cooling},
	EdgeCancelled:   {[]State{Cooling}, Withdrawn},
	EdgeExecuting:   {[]State{Received, Verified, Cooling}, Executing},
	EdgeAgain:       {[]State{Executing, Review, Done}, Executing},
	EdgeDelivered:   {[]State{Executing}, stay},
	EdgeUndelivered: {[]State{Executing, Done}, Review},
	EdgeDone:        {[]State{Received, Verified, Review, Executing}, Done},
	EdgeRefused:     {[]State{Received, Challenged, Verified, Review}, Refused},
	EdgeExpired:     {[]State{Received, Challenged, Review}, Expired},
	EdgeWithdrawn:   {[]State{Received, Challenged, Verified, Review, Cooling}, Withdrawn},
	EdgeRevived:     {[]State{Expired}, Received},
	EdgeExtended:    {openStates, stay},
	EdgeHeld:        {openStates, stay},
	EdgeReleased:    {openStates, stay},
	EdgeLinked:      {undecided, stay},
	EdgeProved:      {undecided, stay},
	EdgeWithheld:    {openStates, stay},
	EdgeEffective:   {openStates, stay},
	EdgeAlarmed:     {openStates, stay},
	EdgeLifting:     {[]State{Verified, Review, Executing, Done, Refused}, stay},
	EdgeLifted:      {[]State{Verified, Review, Executing, Done, Refused}, stay},
	EdgeDropped:     {[]State{Executing, Review, Done, Refused, Withdrawn}, stay},
	EdgeForgotten:   {[]State{Done, Refused, Expired, Withdrawn}, stay},
	EdgeNoted:       {append([]State{Done, Refused, Expired, Withdrawn}, openStates...), stay},
}

// Next says where an edge leads from a state. ok is false where it leads
// nowhere: the caller then does nothing at all, which makes every edge that
// changes the state happen once.
func Next(s State, e Edge) (to State, ok bool) {
	w, known := ways[e]
	if !known || !slices.Contains(w.from, s) {
		return s, false
	}
	if w.to == stay {
		return s, true
	}
	return w.to, true
}

// onlyUnproved are edges that a request takes only before its proof: nothing
// asks for it, or doubts it, a second time.
func onlyUnproved(e Edge) bool {
	switch e {
	case EdgeClarified, EdgeChallenged, EdgeReminded, EdgeFailed, EdgeDoubted, EdgeVerified, EdgeExpired:
		return true
	}
	return false
}

// May reports whether the request can take the edge now.
func (r *Request) May(e Edge) bool {
	state := r.State
	if state == "" {
		state = started
	}
	if _, ok := Next(state, e); !ok {
		return false
	}
	return !onlyUnproved(e) || r.Record.Verified.IsZero()
}

// step takes the edge, if the request may, and says whether it did. key tells
// edges of one name apart.
func (t *turn) step(r *Request, e Edge, key string, data map[string]string) bool {
	if !r.May(e) {
		return false
	}
	state := r.State
	if state == "" {
		state = started
	}
	r.State, _ = Next(state, e)
	switch {
	case r.State == Review && state != Review:
		r.Record.Turn = t.now
	case r.State != Review:
		r.Record.Turn = time.Time{}
	}
	switch {
	case r.State.Final() && !state.Final():
		r.Finished, r.Ends = t.now, t.now.Add(t.Rules.keepRecord())
	case !r.State.Final():
		r.Finished, r.Ends = time.Time{}, time.Time{}
	}
	if e == EdgeVerified {
		r.Record.Verified = t.now
	}
	t.touch(r)
	ev := &Event{RequestID: r.ID, At: t.now, Edge: string(e), Key: key, Actor: t.actor, ActorID: t.actorID, Message: t.msg, Data: data}
	if r.ID == 0 {
		ev.Request = r
	}
	if t.msg != nil {
		ev.Evidence = digestOf(t.msg.Raw.SHA256)
	}
	t.ch.Also = append(t.ch.Also, ev)
	return true
}

// touch makes the request part of the change once.
func (t *turn) touch(r *Request) {
	for _, x := range t.ch.Also {
		if x == tickets.Extra(r) {
			return
		}
	}
	t.ch.Also = append(t.ch.Also, r)
}

// rightsOf names the rights of requests for a mail, in order.
func rightsOf(list []*Request) string {
	var out []string
	for _, r := range list {
		if r.Right != "" && !slices.Contains(out, string(r.Right)) {
			out = append(out, string(r.Right))
		}
	}
	return strings.Join(out, " ")
}
