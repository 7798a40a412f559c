package threading

// Forest groups messages into conversations by nothing but their own ids: a
// message belongs with those it names and those that name it, in whatever
// order they come. It serves to look at a heap of mail (postroom inspect
// --threads, import); the desk itself uses [Resolve], which also weighs who writes.
type Forest struct {
	parent []int
	byID   map[string]int
}

// Add takes in a message by its Message-ID and the ids it names, and returns a
// node for [Forest.Thread]. Cycles and repetitions are harmless.
func (f *Forest) Add(messageID string, names ...[]string) int {
	if f.byID == nil {
		f.byID = make(map[string]int)
	}
	n := len(f.parent)
	f.parent = append(f.parent, n)
	f.join(n, messageID)
	for _, ids := range names {
		for _, id := range ids {
			f.join(n, id)
		}
	}
	return n
}

func (f *Forest) join(n int, id string) {
	if id == "" {
		return
	}
	if m, ok := f.byID[id]; ok {
		f.parent[f.root(n)] = f.root(m)
		return
	}
	f.byID[id] = n
}

func (f *Forest) root(n int) int {
	for f.parent[n] != n {
		f.parent[n] = f.parent[f.parent[n]]
		n = f.parent[n]
	}
	return n
}

// Threads numbers the conversations of all nodes from 0 in order of their
// first message.
func (f *Forest) Threads() []int {
	number := make(map[int]int)
	out := make([]int, len(f.parent))
	for n := range f.parent {
		r := f.root(n)
		t, ok := number[r]
		if !ok {
			t = len(number)
			number[r] = t
		}
		out[n] = t
	}
	return out
}
