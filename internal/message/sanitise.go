package message

import (
	"regexp"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// sanitiser is the one policy for HTML that is shown: text, its structure and
// links to click. Nothing is left that a viewer would fetch by itself, run or
// submit: no script, style, form, frame, svg, meta, base or link element, no
// style, event or background attribute, and images only where they are parts
// of the same mail (cid:).
var sanitiser = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "div", "span", "b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "small", "big", "sub", "sup",
		"tt", "code", "kbd", "samp", "var", "pre", "blockquote", "cite", "q", "abbr", "h1", "h2", "h3", "h4", "h5", "h6", "center", "font",
		"ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col", "address")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto", "tel", "cid")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.RequireNoReferrerOnLinks(true)
	p.RequireNoFollowOnLinks(true)
	p.AllowAttrs("src").Matching(regexp.MustCompile(`(?i)^cid:[^\s"'<>]+$`)).OnElements("img")
	p.AllowAttrs("alt", "title").OnElements("img")
	number := regexp.MustCompile(`^[0-9]{1,4}%?$`)
	p.AllowAttrs("width", "height").Matching(number).OnElements("img", "table", "td", "th", "col")
	p.AllowAttrs("colspan", "rowspan", "border", "cellpadding", "cellspacing", "start").Matching(number).OnElements("table", "td", "th", "col", "colgroup", "ol")
	p.AllowAttrs("align", "valign").Matching(regexp.MustCompile(`(?i)^[a-z]{1,10}$`)).OnElements("p", "div", "table", "tr", "td", "th", "h1", "h2", "h3", "img")
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`(?i)^(ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^cite$`)).OnElements("blockquote")
	p.SkipElementsContent("title", "noscript", "template", "svg", "math", "object", "select", "textarea", "iframe", "frameset", "noframes")
	return p
})

// sanitiseHTML returns what of an HTML body may be shown.
func sanitiseHTML(s string) string { return cleanText(sanitiser().Sanitize(s)) }
