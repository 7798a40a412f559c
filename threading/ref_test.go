package threading

import (
	"slices"
	"strings"
	"testing"
)

func TestRefsAreSpokenAndTyped(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"K7Q2-9F3M", "K7Q2-9F3M"},
		{"k7q2-9f3m", "K7Q2-9F3M"},
		{"K7Q29F3M", "K7Q2-9F3M"},
		{"#K7Q2-9F3M", "K7Q2-9F3M"},
		{" k7q2 9f3m ", "K7Q2-9F3M"},
		{"O0oI-1lLi", "0001-1111"},
		{"00000000", "0000-0000"},
		{"ZZZZ-ZZZZ", "ZZZZ-ZZZZ"},
		{"", ""},
		{"#", ""},
		{"K7Q2-9F3", ""},
		{"K7Q2-9F3MX", ""},
		{"K7Q2_9F3M", ""},
		{"K7Q2--9F3M", ""},
		{"UUUU-UUUU", ""},
		{"K7Q2-9F3é", ""},
	} {
		got, ok := ParseRef(c.in)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("ParseRef(%q) = %q, %v; want %q", c.in, got, ok, c.want)
		}
	}
}

func TestNewRefsAreUnlikeEachOther(t *testing.T) {
	seen := map[string]bool{}
	for range 10000 {
		r := NewRef()
		if back, ok := ParseRef(r); !ok || back != r || len(r) != 9 || r[4] != '-' {
			t.Fatalf("reference %q does not read back", r)
		}
		if strings.ContainsAny(r, "ILOU") {
			t.Fatalf("reference %q holds a letter that is misheard", r)
		}
		if seen[r] {
			t.Fatalf("%q twice in 10000 of 2^40", r)
		}
		seen[r] = true
	}
}

func TestSubjectRefs(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"Re: Printer [#K7Q2-9F3M]", []string{"K7Q2-9F3M"}},
		{"AW: [#k7q2-9f3m] Drucker", []string{"K7Q2-9F3M"}},
		{"Re: [# K7Q2-9F3M ]", []string{"K7Q2-9F3M"}},
		{"[#[#K7Q2-9F3M]", []string{"K7Q2-9F3M"}},
		{"[#K7Q2-9F3M] [#K7Q2-9F3M]", []string{"K7Q2-9F3M"}},
		{"[#1111-1111][#2222-2222][#3333-3333][#4444-4444]", []string{"1111-1111", "2222-2222", "3333-3333"}},
		{"[#no end K7Q2-9F3M [#K7Q2-9F3M]", []string{"K7Q2-9F3M"}},
		{"#K7Q2-9F3M", nil},
		{"[K7Q2-9F3M]", nil},
		{"[#1234]", nil},
		{"[#", nil},
		{"", nil},
	} {
		if got := SubjectRefs(c.in); !slices.Equal(got, c.want) {
			t.Errorf("SubjectRefs(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzSubjectRefs(f *testing.F) {
	f.Add("Re: x [#K7Q2-9F3M]")
	f.Add("[#[#[#]]]")
	f.Add(strings.Repeat("[#", 5000) + "]")
	f.Fuzz(func(t *testing.T, s string) {
		refs := SubjectRefs(s)
		if len(refs) > maxSubjectRefs {
			t.Fatalf("%d references", len(refs))
		}
		for _, r := range refs {
			if back, ok := ParseRef(r); !ok || back != r {
				t.Fatalf("%q does not read back", r)
			}
		}
		const ref = "K7Q2-9F3M"
		if len(refs) == 0 && !strings.HasSuffix(s, "[") {
			if got := SubjectRefs(s + " [#" + ref + "]"); !slices.Contains(got, ref) {
				t.Fatalf("a tagged subject lost its reference: %q", s)
			}
		}
	})
}
