package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/internal/testenv"
)

// arrangement is a way to run the desk: which processes, on which database.
type arrangement struct {
	name  string
	roles [][]string // the arguments of serve, for each process
	nodes bool       // PostgreSQL and Redis
}

var arrangements = []arrangement{
	{name: "SQLite alone", roles: [][]string{nil}},
	{name: "PostgreSQL and Redis, doors and workers apart", nodes: true,
		roles: [][]string{{"--roles", "mx,submission"}, {"--roles", "worker,outbound"}}},
	{name: "PostgreSQL and Redis, twice everything", nodes: true, roles: [][]string{nil, nil}},
}

// house is an arrangement that runs: the processes, and those with a door.
type house struct {
	w     *world
	nodes []*desk
	doors []*desk
	next  int
}

// door gives the desk to hand the next mail to: each in turn.
func (h *house) door() *desk {
	h.next++
	return h.doors[h.next%len(h.doors)]
}

// admin is the desk to ask by the command line.
func (h *house) admin() *desk { return h.nodes[0] }

// build sets an arrangement up in a world, with its team and its keys
// published, and starts nothing yet.
func (a arrangement) build(t testing.TB, w *world, more settings) *house {
	t.Helper()
	set := settings{}
	if a.nodes {
		set["database.url"], set["redis.url"] = quote(testenv.Postgres(t)), quote(testenv.Redis(t))
	}
	for k, v := range more {
		set[k] = v
	}
	h := &house{w: w}
	for range a.roles {
		h.nodes = append(h.nodes, newDesk(t, w, set))
	}
	first := h.admin()
	first.team()
	first.publishAsChecked(w)
	for _, n := range h.nodes[1:] { // one installation, one master key
		key, err := os.ReadFile(filepath.Join(first.data, "master.key"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(n.data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(n.data, "master.key"), key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// start builds an arrangement and runs it.
func (a arrangement) start(t testing.TB, w *world, more settings) *house {
	t.Helper()
	h := a.build(t, w, more)
	for i, n := range h.nodes {
		n.serve(a.roles[i]...)
		if len(a.roles[i]) == 0 || a.roles[i][1] == "mx,submission" {
			h.doors = append(h.doors, n)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			h.tell(t)
		}
	})
	return h
}

// tell logs what the desk knows, for whoever has to find out why a test failed.
func (h *house) tell(t testing.TB) {
	const enough = 5
	for _, n := range h.nodes {
		for line := range strings.Lines(n.proc.log.String()) {
			if !strings.Contains(line, `"level":"INFO"`) {
				t.Logf("%s: %s", n.ip, line)
			}
		}
	}
	select {
	case <-h.admin().proc.exited:
		return // it may be what failed
	default:
	}
	list := h.admin().tickets()
	for _, tk := range list[:min(len(list), enough)] {
		t.Log(h.admin().must("ticket", "explain", tk.Ref))
	}
	for i, o := range h.admin().outbox() {
		if i < enough || o.State != "sent" {
			t.Logf("outgoing %+v", o)
		}
	}
	t.Log("held:\n" + h.admin().must("held", "list"))
}
