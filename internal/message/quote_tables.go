package message

import "strings"

// wordSet makes a set of the blank-separated words of list.
func wordSet(list string) map[string]struct{} {
	set := make(map[string]struct{})
	for _, w := range strings.Fields(list) {
		set[w] = struct{}{}
	}
	return set
}

// wordLines makes a set of phrases that are separated by | or line ends.
func wordLines(list string) map[string]struct{} {
	set := make(map[string]struct{})
	for _, p := range splitPhrases(list) {
		set[p] = struct{}{}
	}
	return set
}

func splitPhrases(list string) []string {
	var out []string
	for _, p := range strings.FieldsFunc(list, func(r rune) bool { return r == '|' || r == '\n' }) {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// headerSet turns the lists of names around: from name to class. A name that
// stands for two things (Latvian "no" is from, "a" is to) keeps the class of
// the smaller bit, so that the result does not depend on the order of a map.
func headerSet(lists map[headerClass]string) map[string]headerClass {
	set := make(map[string]headerClass)
	for _, class := range []headerClass{hdrFrom, hdrSent, hdrTo, hdrCc, hdrSubject} {
		for _, name := range splitPhrases(lists[class]) {
			if _, taken := set[name]; !taken {
				set[name] = class
			}
		}
	}
	return set
}
