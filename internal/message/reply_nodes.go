package message

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func holdsBlockquote(n *html.Node) bool {
	nodes := 0
	for c := n.FirstChild; c != nil && nodes < maxLookNodes; c = followingWithin(c, n) {
		if c.DataAtom == atom.Blockquote {
			return true
		}
		nodes++
	}
	return false
}

func hasClass(n *html.Node, class string) bool {
	for _, a := range n.Attr {
		if a.Key == "class" {
			for c := range strings.FieldsSeq(a.Val) {
				if c == class {
					return true
				}
			}
		}
	}
	return false
}

// dropFrom removes n and everything that follows it.
func dropFrom(n *html.Node) {
	for p := n; p.Parent != nil; {
		parent := p.Parent
		for s := p.NextSibling; s != nil; {
			next := s.NextSibling
			parent.RemoveChild(s)
			s = next
		}
		if p == n {
			// The line that is drawn above it goes with it.
			if r := prevElement(n); r != nil && r.DataAtom == atom.Hr {
				parent.RemoveChild(r)
			}
			parent.RemoveChild(n)
		}
		p = parent
	}
}

func prevElement(n *html.Node) *html.Node {
	for s := n.PrevSibling; s != nil; s = s.PrevSibling {
		if s.Type == html.ElementNode {
			return s
		}
		if s.Type == html.TextNode && strings.TrimSpace(s.Data) != "" {
			return nil
		}
	}
	return nil
}

// maxLookNodes bounds how far one element is looked into, so that the cost of
// nested marks does not multiply.
const maxLookNodes = 500

// textOf returns the text inside n, up to about limit bytes.
func textOf(n *html.Node, limit int) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	nodes := 0
	for c := n.FirstChild; c != nil && b.Len() < limit && nodes < maxLookNodes; c = followingWithin(c, n) {
		nodes++
		if c.Type == html.TextNode && (c.Parent.DataAtom != atom.Style && c.Parent.DataAtom != atom.Script) {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// following returns the node after n in document order.
func following(n *html.Node) *html.Node {
	if n.FirstChild != nil {
		return n.FirstChild
	}
	return after(n)
}

// after returns the node after n and all that is inside it.
func after(n *html.Node) *html.Node {
	for ; n != nil; n = n.Parent {
		if n.NextSibling != nil {
			return n.NextSibling
		}
	}
	return nil
}

// followingWithin is following, ending with the last node inside root.
func followingWithin(n, root *html.Node) *html.Node {
	if n.FirstChild != nil {
		return n.FirstChild
	}
	for ; n != nil && n != root; n = n.Parent {
		if n.NextSibling != nil {
			return n.NextSibling
		}
	}
	return nil
}
