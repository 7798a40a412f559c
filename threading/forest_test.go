package threading

import (
	"math/rand/v2"
	"testing"
)

type node struct {
	id    string
	names []string
}

// same reports whether two nodes stand in one conversation, by their place in list.
func conversations(list []node, order []int) []int {
	var f Forest
	for _, i := range order {
		f.Add(list[i].id, list[i].names)
	}
	out := make([]int, len(list))
	for at, thread := range f.Threads() {
		out[order[at]] = thread
	}
	return out
}

func TestForestInAnyOrder(t *testing.T) {
	list := []node{
		{"a", nil}, {"b", []string{"a"}}, {"c", []string{"a", "b"}}, {"d", []string{"c"}},
		{"x", nil}, {"y", []string{"gone", "x"}}, {"z", []string{"gone"}}, // joined by an id that nobody holds
		{"lone", nil}, {"", []string{"a"}}, {"", nil},
	}
	want := [][]int{{0, 1, 2, 3, 8}, {4, 5, 6}, {7}, {9}}
	for seed := range uint64(200) {
		got := conversations(list, rand.New(rand.NewPCG(seed, 1)).Perm(len(list)))
		group := map[int]int{}
		for g, members := range want {
			for _, m := range members {
				if was, ok := group[got[m]]; ok && was != g {
					t.Fatalf("seed %d: message %d joined a conversation that is not its own", seed, m)
				}
				group[got[m]] = g
				if got[m] != got[members[0]] {
					t.Fatalf("seed %d: messages %d and %d are apart", seed, members[0], m)
				}
			}
		}
	}
}

func TestForestBearsCyclesAndRepetitions(t *testing.T) {
	var f Forest
	f.Add("a", []string{"b", "b", "a"})
	f.Add("b", []string{"c"})
	f.Add("c", []string{"a"})
	f.Add("a", []string{"a"})
	for i, n := range f.Threads() {
		if n != 0 {
			t.Errorf("message %d is in conversation %d", i, n)
		}
	}
	var empty Forest
	if got := empty.Threads(); len(got) != 0 {
		t.Errorf("threads of nothing: %v", got)
	}
}

func TestForestNumbersByFirstMessage(t *testing.T) {
	var f Forest
	f.Add("a")
	f.Add("b")
	f.Add("c", []string{"a"})
	f.Add("d")
	want := []int{0, 1, 0, 2}
	for i, n := range f.Threads() {
		if n != want[i] {
			t.Fatalf("got %v, want %v", f.Threads(), want)
		}
	}
}
