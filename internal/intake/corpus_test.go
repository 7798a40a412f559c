package intake_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"postroom/internal/message"
	"postroom/threading"
)

// corpora is the folder of real mails, when it is there.
func corpora(t *testing.T) string {
	dir := os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("corpora not there")
	}
	return dir
}

type threadRecord struct {
	Kind, Variant, File string
	Expected            struct {
		Thread   string
		MustJoin *bool `json:"must_join"`
	}
}

// TestThreadsOfRealMail joins real conversations by their headers alone, in
// the order of the corpus and shuffled. Missed and wrong joins are counted
// apart: a wrong one would show a customer another's mail.
func TestThreadsOfRealMail(t *testing.T) {
	dir := corpora(t)
	f, err := os.Open(filepath.Join(dir, "threads.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sets := map[string][]threadRecord{}
	for in := bufio.NewScanner(f); in.Scan(); {
		var r threadRecord
		if json.Unmarshal(in.Bytes(), &r) != nil || r.Kind != "thread" || r.Expected.Thread == "" {
			continue // imaptest's own format and cycles: see the forest's tests
		}
		set, _, _ := strings.Cut(r.Expected.Thread, "/")
		sets[set+" "+r.Variant] = append(sets[set+" "+r.Variant], r)
	}
	if len(sets) == 0 {
		t.Fatal("no threads in the corpus")
	}
	var right, missed, wrong, apart int
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		list := sets[name]
		for seed := range uint64(4) {
			order := rand.New(rand.NewPCG(seed, 9)).Perm(len(list))
			if seed == 0 {
				slices.Sort(order)
			}
			got := threadsOf(t, dir, list, order)
			for i := range list {
				for j := range i {
					a, b := list[i].Expected, list[j].Expected
					joined := got[i] == got[j]
					switch {
					case a.Thread != b.Thread && joined:
						wrong++
						t.Logf("%s: wrong join of %s and %s", name, list[i].File, list[j].File)
					case a.Thread != b.Thread:
						apart++
					case a.MustJoin == nil || b.MustJoin == nil || !*a.MustJoin || !*b.MustJoin:
					case joined:
						right++
					default:
						missed++
						t.Logf("%s: missed join of %s and %s", name, list[i].File, list[j].File)
					}
				}
			}
		}
	}
	share := float64(right) / float64(right+missed)
	t.Logf("%d sets, 4 orders each: %.2f %% of %d pairs joined that belong together, %d wrong joins among %d that don't", len(sets), 100*share, right+missed, wrong, apart+wrong)
	if share < 0.99 || wrong > 0 {
		t.Errorf("%.2f %% joined, %d wrong joins", 100*share, wrong)
	}
}

func threadsOf(t *testing.T, dir string, list []threadRecord, order []int) []int {
	var forest threading.Forest
	for _, i := range order {
		raw, err := os.Open(filepath.Join(dir, "data", list[i].File))
		if err != nil {
			t.Fatal(err)
		}
		m, err := message.Parse(raw, message.Limits{NoHTML: true})
		raw.Close()
		if err != nil {
			t.Fatal(err)
		}
		forest.Add(m.MessageID, m.InReplyTo, m.References)
	}
	out := make([]int, len(list))
	for at, thread := range forest.Threads() {
		out[order[at]] = thread
	}
	return out
}
