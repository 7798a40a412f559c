package archive

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxName = 120 // bytes: paths stay within what Windows opens

// safeFile makes a name from a mail fit to be a file's anywhere: no folder,
// nothing that Windows refuses or takes for a device, nothing invisible, not
// hidden, not too long. A name that is empty then is made from the type.
func safeFile(name, mediaType string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`<>:"|?*%`, r):
			return '_'
		case r == ' ' || r == '\t' || r == '\n' || r == '\u00a0':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, " .")
	if name == "" {
		name = "attachment" + extension(mediaType)
	}
	ext := path.Ext(name)
	if len(ext) > 16 {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	if device[strings.ToLower(strings.TrimSpace(strings.SplitN(stem, ".", 2)[0]))] {
		stem = "_" + stem
	}
	for len(stem)+len(ext) > maxName {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return strings.TrimRight(stem, " ") + ext
}

var device = func() map[string]bool {
	m := map[string]bool{"con": true, "prn": true, "aux": true, "nul": true}
	for _, d := range "123456789" {
		m["com"+string(d)], m["lpt"+string(d)] = true, true
	}
	return m
}()

// extension is that of common types; the host's own tables are not asked, so
// that an archive is the same everywhere.
func extension(mediaType string) string {
	switch mediaType {
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "text/calendar":
		return ".ics"
	case "text/csv":
		return ".csv"
	case "message/rfc822", "message/global":
		return ".eml"
	case "application/pdf":
		return ".pdf"
	case "image/jpeg":
		return ".jpg"
	case "image/png":
		return ".png"
	case "image/gif":
		return ".gif"
	}
	return ".bin"
}
