package message

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// quoteMarks are the traces in HTML by which mail programs mark what they
// quote. A body without any of them is judged by its text alone.
var quoteMarks = []string{
	"gmail_quote", "gmail_attr", "divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "OutlookMessageHeader",
	"mail-editor-reference-message-container", "ms-outlook-mobile-reference-message", "border-top:solid", "border-top: solid",
	"yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "tutanota_quote", "zwchr", "__DIVIDER__", "stopSpelling",
	`type="cite"`, "type='cite'", "type=cite", "freshdesk_quote", "hs_reply", `name="quote"`, "reply-intro", "isReplyContent",
	"messageReplySection", "front-blockquote", "spark_quote", "AppleMailQuote",
}

// hasQuoteMarks reports whether an HTML body holds a mark of a quote that can
// be relied on in every language.
func hasQuoteMarks(s string) bool {
	if len(s) > maxReplyBytes {
		s = s[:maxReplyBytes]
	}
	for i := range quoteAnchors {
		if quoteAnchors[i].within(s) {
			return true
		}
	}
	return false
}

// quoteAnchor looks for all marks that hold a character which HTML has seldom:
// one pass for each character and not one for each mark.
type quoteAnchor struct {
	c     byte
	marks []string
}

var quoteAnchors = anchor(quoteMarks, "_OQRSz-=p")

// anchor gives each mark to the first of the characters that it holds.
func anchor(marks []string, chars string) []quoteAnchor {
	var out []quoteAnchor
	for i := range len(chars) {
		a := quoteAnchor{c: chars[i]}
		for _, m := range marks {
			if !strings.ContainsAny(m, chars[:i]) && strings.IndexByte(m, a.c) >= 0 {
				a.marks = append(a.marks, m)
			}
		}
		out = append(out, a)
	}
	return out
}

func (a *quoteAnchor) within(s string) bool {
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], a.c)
		if i < 0 {
			return false
		}
		at += i
		for _, m := range a.marks {
			if off := strings.IndexByte(m, a.c); off <= at && strings.HasPrefix(s[at-off:], m) {
				return true
			}
		}
	}
}

// introMark stands, while a body is judged, for an attribution that was
// recognised by its place in the HTML, in whatever language it is written.
const introMark = "On 1970-01-01 00:00 <quoted@invalid> wrote:"

// ReplyFromHTML is [ReplyFromText] for an HTML body. It cuts where mail
// programs mark their quotes, then reads the rest as text.
func ReplyFromHTML(s string) string {
	if len(s) > maxReplyBytes || !hasQuoteMarks(s) && !strings.Contains(s, "signature") && !strings.Contains(s, "Signature") {
		return ReplyFromText(HTMLToText(s))
	}
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return ReplyFromText(HTMLToText(s))
	}
	changed, quoted := cutQuotes(doc)
	if !changed {
		return ReplyFromText(HTMLToText(s))
	}
	var b strings.Builder
	if err := html.Render(&b, doc); err != nil {
		return ReplyFromText(HTMLToText(s))
	}
	text := HTMLToText(b.String())
	reply := ReplyFromText(text)
	if strings.Contains(reply, introMark) || text == "" && !quoted {
		// The marks misled, or all was written in the place of a signature.
		return ReplyFromText(HTMLToText(s))
	}
	return reply
}

// cutQuotes takes out of a document what its marks tell to be a quote or a
// signature, and reports whether it changed anything and whether quotes went.
// It walks without recursion: the depth is the sender's choice.
func cutQuotes(doc *html.Node) (changed, quoted bool) {
	for n := doc; n != nil; {
		next := following(n)
		if n.Type == html.ElementNode {
			switch actionFor(n) {
			case cutHere:
				if textBefore(n) {
					dropFrom(n)
					return true, true
				}
				// A header block with nothing above: passed on, stays whole.
				return changed, quoted
			case dropNode, dropSignature:
				quoted = quoted || actionFor(n) == dropNode
				next = after(n)
				n.Parent.RemoveChild(n)
				changed = true
			case unwrap:
				n.Data, n.DataAtom, n.Attr = "div", atom.Div, nil
				changed = true
			case replaceIntro:
				next = after(n)
				replaceByIntro(n)
				changed = true
			case replaceLead:
				changed = replaceLeadText(n) || changed
			case leaveAlone:
				next = after(n)
			}
		}
		n = next
	}
	return changed, quoted
}

type quoteAction uint8

const (
	look          quoteAction = iota // go on inside
	cutHere                          // this and all that follows is quoted
	dropNode                         // this is quoted
	dropSignature                    // this is a signature
	unwrap                           // this is a quote of the writer's own making
	replaceIntro                     // this is an attribution
	replaceLead                      // text before the first blockquote in this is an attribution
	leaveAlone                       // a message passed on: look no further inside
)

// actionFor says what the id, class and style of an element tell.
func actionFor(n *html.Node) quoteAction {
	var id, class, style, name, marker string
	for _, a := range n.Attr {
		switch a.Key {
		case "id":
			id = a.Val
		case "class":
			class = a.Val
		case "style":
			style = a.Val
		case "name":
			name = a.Val
		case "data-marker":
			marker = a.Val
		case "data-smartmail":
			if a.Val == "gmail_signature" {
				return dropSignature
			}
		}
	}
	switch id {
	case "":
	case "divRplyFwdMsg", "appendonsend", "OLK_SRC_BODY_SECTION", "mail-editor-reference-message-container", "stopSpelling", "isReplyContent", "replySplit":
		return cutHere
	case "zwchr":
		return cutHere
	case "reply-intro":
		return replaceIntro
	case "Signature", "signature", "AppleMailSignature", "ms-outlook-mobile-signature", "ymail_android_signature", "ymail_ios_signature", "composer_signature":
		return dropSignature
	default:
		if strings.HasPrefix(id, "yahoo_quoted") || strings.HasPrefix(id, "yahoo-quoted") {
			return quotedUnlessForwarded(n)
		}
	}
	if marker == "__DIVIDER__" {
		return cutHere
	}
	if strings.HasPrefix(marker, "__SIG_") {
		return dropSignature
	}
	if name == "quote" && n.DataAtom == atom.Div || name == "messageReplySection" {
		return quotedUnlessForwarded(n)
	}
	if name == "messageSignatureSection" {
		return dropSignature
	}
	for c := range strings.FieldsSeq(class) {
		switch c {
		case "OutlookMessageHeader", "ms-outlook-mobile-reference-message":
			return cutHere
		case "gmail_quote", "gmail_quote_container":
			if n.DataAtom == atom.Div {
				if announcesForward(n) {
					return leaveAlone
				}
				return replaceLead
			}
			if n.DataAtom == atom.Blockquote && !insideQuote(n) {
				return unwrap
			}
		case "gmail_attr", "moz-cite-prefix", "x_gmail_attr":
			if announcesForward(n) {
				return leaveAlone
			}
			return replaceIntro
		case "yahoo_quoted", "protonmail_quote", "freshdesk_quote", "hs_reply":
			return quotedUnlessForwarded(n)
		case "gmail_signature", "moz-signature", "protonmail_signature_block", "gmail_signature_prefix":
			return dropSignature
		case "moz-forward-container":
			return leaveAlone
		}
	}
	if style != "" && n.DataAtom == atom.Div && strings.Contains(style, "border-top:") && isOutlookRule(n, style) {
		return cutHere
	}
	return look
}

// isOutlookRule recognises the box that desktop Outlook draws around the
// header block of the quoted message: a line above and bold field names.
func isOutlookRule(n *html.Node, style string) bool {
	flat := strings.ToLower(strings.ReplaceAll(style, " ", ""))
	if !strings.Contains(flat, "border:none") || !strings.Contains(flat, "border-top:solid") || !strings.Contains(flat, "padding:3.0pt") && !strings.Contains(flat, "padding:3pt") {
		return false
	}
	bold, nodes := 0, 0
	for c := n.FirstChild; c != nil && bold < 2 && nodes < maxLookNodes; c = followingWithin(c, n) {
		nodes++
		if c.Type == html.ElementNode && (c.DataAtom == atom.B || c.DataAtom == atom.Strong) {
			t := trimLineRight(textOf(c, 80))
			if strings.HasSuffix(t, ":") || strings.HasSuffix(t, "：") {
				bold++
			}
		}
	}
	return bold >= 2
}

func quotedUnlessForwarded(n *html.Node) quoteAction {
	if announcesForward(n) {
		return leaveAlone
	}
	return dropNode
}

// announcesForward reports whether the text of n begins with the line that
// announces a message passed on.
func announcesForward(n *html.Node) bool {
	t := strings.TrimSpace(textOf(n, 160))
	if t == "" {
		return false
	}
	if strings.HasPrefix(t, "--") {
		inner := strings.TrimLeft(t, "- ")
		if i := strings.Index(inner, "--"); i > 0 {
			_, ok := forwardPhrases[strings.TrimRight(cleanAttribution(inner[:i]), ": ")]
			return ok
		}
	}
	if i := strings.IndexByte(t, ':'); i > 0 && i < 60 {
		return isForwardPhrase(t[:i+1])
	}
	return false
}

// replaceByIntro puts introMark in the place of n.
func replaceByIntro(n *html.Node) {
	p := &html.Node{Type: html.ElementNode, Data: "p", DataAtom: atom.P}
	p.AppendChild(&html.Node{Type: html.TextNode, Data: introMark})
	n.Parent.InsertBefore(p, n)
	n.Parent.RemoveChild(n)
}

// replaceLeadText puts introMark in the place of the text that stands in a
// quoting element before its first blockquote: Gmail's attribution before it
// had a class of its own.
func replaceLeadText(n *html.Node) bool {
	var lead []*html.Node
	size := 0
	for c := n.FirstChild; ; c = c.NextSibling {
		if c == nil {
			return false
		}
		if c.Type == html.ElementNode {
			if c.DataAtom == atom.Blockquote {
				break
			}
			if hasClass(c, "gmail_attr") || hasClass(c, "gmail_quote") || holdsBlockquote(c) {
				return false
			}
		}
		if size += len(strings.TrimSpace(textOf(c, 500))); size > 400 {
			return false
		}
		lead = append(lead, c)
	}
	p := &html.Node{Type: html.ElementNode, Data: "p", DataAtom: atom.P}
	p.AppendChild(&html.Node{Type: html.TextNode, Data: introMark})
	n.InsertBefore(p, n.FirstChild)
	for _, c := range lead {
		n.RemoveChild(c)
	}
	return true
}

// insideQuote reports whether Gmail's own frame of a quote is around n: the
// formatting button makes the same blockquote without it.
func insideQuote(n *html.Node) bool {
	depth := 0
	for p := n.Parent; p != nil && depth < 64; p = p.Parent {
		if p.DataAtom == atom.Blockquote || hasClass(p, "gmail_quote") || hasClass(p, "gmail_extra") || hasClass(p, "gmail_quote_container") {
			return true
		}
		depth++
	}
	return depth == 64
}

// textBefore reports whether any text is shown before n.
func textBefore(n *html.Node) bool {
	for p := n; p != nil; p = p.Parent {
		for s := p.PrevSibling; s != nil; s = s.PrevSibling {
			if s.Type == html.ElementNode && s.DataAtom == atom.Head {
				continue
			}
			if strings.TrimSpace(textOf(s, 64)) != "" {
				return true
			}
		}
	}
	return false
}
