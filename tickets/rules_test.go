package tickets

import (
	"testing"
	"time"
)

func TestNextState(t *testing.T) {
	states := []State{StateNew, StateOpen, StateWaiting, StateSnoozed, StateResolved, StateSpam}
	for _, c := range []struct {
		h    Happening
		want [6]State // by the states above
	}{
		{CustomerWrote, [6]State{StateNew, StateOpen, StateOpen, StateOpen, StateOpen, StateSpam}},
		{AutoReplied, [6]State{StateNew, StateOpen, StateWaiting, StateSnoozed, StateResolved, StateSpam}},
		{StrangerWrote, [6]State{StateNew, StateOpen, StateWaiting, StateSnoozed, StateResolved, StateSpam}},
		{MailBounced, [6]State{StateNew, StateOpen, StateWaiting, StateSnoozed, StateResolved, StateSpam}},
		{AgentNoted, [6]State{StateNew, StateOpen, StateWaiting, StateSnoozed, StateResolved, StateSpam}},
		{AgentAnswered, [6]State{StateWaiting, StateWaiting, StateWaiting, StateWaiting, StateWaiting, StateWaiting}},
		{SnoozeEnded, [6]State{StateNew, StateOpen, StateWaiting, StateOpen, StateResolved, StateSpam}},
	} {
		for i, s := range states {
			if got := NextState(s, c.h); got != c.want[i] {
				t.Errorf("%s, %s: %s, want %s", s, c.h, got, c.want[i])
			}
		}
	}
}

func TestSetStateKeepsItsTimes(t *testing.T) {
	tk := &Ticket{State: StateOpen}
	tk.SetState(StateResolved, now)
	if tk.ResolvedAt != now {
		t.Error("resolved without a time")
	}
	tk.SetState(StateResolved, now.Add(time.Hour))
	if tk.ResolvedAt != now {
		t.Error("resolving again moved the time")
	}
	tk.SetState(StateOpen, now)
	if !tk.ResolvedAt.IsZero() {
		t.Error("open, with a time of resolution")
	}
}

func TestEndSnooze(t *testing.T) {
	m := contents()[1]
	tk := ticket()
	tk.State, tk.SnoozeUntil = StateSnoozed, now.Add(time.Minute)
	if ch := EndSnooze(tk, m, now); len(ch.Tickets) != 0 {
		t.Error("ended before its time")
	}
	ch := EndSnooze(tk, m, now.Add(time.Minute))
	whole(t, ch)
	if tk.State != StateOpen || len(ch.Jobs) != 1 || len(ch.Events) != 1 {
		t.Errorf("state %s, %d jobs, events %v", tk.State, len(ch.Jobs), events(ch))
	}
	// Whoever snoozed a mail of their own is told all the same.
	mine := &Message{ID: 7, AuthorAgent: ada, Direction: DirectionOut}
	tk.AssigneeID = ada
	if out := Notifications(Notice{Ticket: tk, Message: mine, Directory: directory(), Addr: addr, Data: ch.Jobs[0].Data, Now: now}); len(out) != 1 {
		t.Errorf("%d notifications of an ended snooze", len(out))
	}
	if ch := EndSnooze(tk, m, now.Add(time.Hour)); len(ch.Tickets) != 0 {
		t.Error("ended twice")
	}
}

func TestNotifications(t *testing.T) {
	names := func(n Notice) (list []string) {
		n.Directory, n.Addr, n.Now = directory(), addr, now
		if n.Ticket == nil {
			n.Ticket = ticket()
		}
		if n.Message == nil {
			n.Message = contents()[0]
		}
		for _, o := range Notifications(n) {
			list = append(list, directory().AgentByID(o.ToAgent).Name)
		}
		return list
	}
	equal := func(what string, got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("%s: told %v, want %v", what, got, want)
			return
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: told %v, want %v", what, got, want)
			}
		}
	}
	assigned, spam, nowhere, strange := ticket(), ticket(), ticket(), ticket()
	assigned.AssigneeID, spam.State, nowhere.QueueID, strange.AssigneeID = ben, StateSpam, 99, 999
	equal("nobody has it", names(Notice{}), "ada", "ben")
	equal("assigned", names(Notice{Ticket: assigned}), "ben")
	equal("assignee who left", names(Notice{Ticket: strange}), "ada", "ben")
	equal("spam", names(Notice{Ticket: spam}))
	equal("queue that is gone", names(Notice{Ticket: nowhere}))
	equal("their own", names(Notice{Message: &Message{AuthorAgent: ada}}), "ben")
	equal("one agent only", names(Notice{Data: map[string]string{"to": "13"}}), "cleo")
	equal("a dead mailbox", names(Notice{Ticket: assigned, Data: map[string]string{"not": "12"}}), "ada")
	d := directory()
	d.Agents = d.Agents[2:] // support has nobody
	out := Notifications(Notice{Ticket: ticket(), Message: contents()[0], Directory: d, Addr: addr, Now: now})
	if len(out) != 1 || out[0].ToAgent != root {
		t.Errorf("a queue without agents: %d notifications", len(out))
	}
	tok := keys.Parse(mustLocal(t, out[0].Spec.ReplyTo), now)
	if tok == nil || tok.AgentID != root || tok.Ref != "AAAA-AAAA" {
		t.Error("the notification's reply address is not the agent's own")
	}
}

func mustLocal(t *testing.T, address string) string {
	t.Helper()
	local, _, ok := SplitAddress(address)
	if !ok {
		t.Fatalf("%q is no address", address)
	}
	return local
}
