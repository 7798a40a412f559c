package message

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// margin is how many line ends an element owes before and after it.
func margin(tag atom.Atom) int {
	switch tag {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Dl, atom.Figure:
		return 2
	case atom.Div, atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Caption, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Nav,
		atom.Aside, atom.Main, atom.Address, atom.Center, atom.Form, atom.Fieldset, atom.Dt, atom.Dd, atom.Body, atom.Html, atom.Details, atom.Summary, atom.Legend, atom.Figcaption:
		return 1
	}
	return 0
}

func isVoid(tag atom.Atom) bool {
	switch tag {
	case atom.Br, atom.Img, atom.Hr, atom.Input, atom.Meta, atom.Link, atom.Col, atom.Area, atom.Base, atom.Wbr:
		return true
	}
	return false
}

// cleanURL returns the links worth showing, "" for others.
func cleanURL(s string) string {
	s = strings.ReplaceAll(cleanLine(s), " ", "%20")
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || len(s) > 2048 {
		return ""
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ftp", "mailto", "tel":
		return s
	}
	return ""
}

func sameURL(text, url string) bool {
	bare := func(s string) string {
		s = strings.ToLower(s)
		for _, p := range []string{"https://", "http://", "mailto:", "tel:", "www."} {
			s = strings.TrimPrefix(s, p)
		}
		return strings.TrimRight(s, "/")
	}
	t, u := bare(text), bare(url)
	if t == u {
		return true
	}
	u, _, _ = strings.Cut(u, "?")
	return strings.HasPrefix(strings.ToLower(url), "mailto:") && t == u
}
