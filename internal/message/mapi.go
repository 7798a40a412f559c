package message

import (
	"encoding/binary"
	"path"
	"strings"
)

// mapiProps calls f with each value of a list of MAPI properties. It stops at
// the first length that cannot be.
func mapiProps(b []byte, f func(id, typ uint16, v []byte)) {
	ok := true
	cut := func(n uint32) []byte {
		if !ok || uint64(n) > uint64(len(b)) {
			ok = false
			return nil
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	number := func() uint32 {
		if v := cut(4); ok {
			return binary.LittleEndian.Uint32(v)
		}
		return 0
	}
	padded := func(n uint32) []byte {
		v := cut(n)
		cut(min(-n&3, uint32(len(b))))
		return v
	}
	for count := number(); ok && count > 0; count-- {
		tag := number()
		typ, id := uint16(tag), uint16(tag>>16)
		if id >= 0x8000 { // a named property
			cut(16)
			if number() == 0 {
				cut(4)
			} else {
				padded(number())
			}
		}
		n := uint32(1)
		base := typ & 0xfff
		variable := base == 0x1e || base == 0x1f || base == 0x102 || base == 0x0d
		if variable || typ&0x1000 != 0 {
			n = number()
		}
		for ; ok && n > 0; n-- {
			size := fixedSize(base)
			if variable {
				size = number()
			}
			if v := padded(size); ok && size > 0 {
				f(id, typ, v)
			} else if size == 0 && !variable {
				return
			}
		}
	}
}

// fixedSize is the size of a property type on the wire, 0 if it is unknown.
func fixedSize(typ uint16) uint32 {
	switch typ {
	case 2, 3, 4, 0xa, 0xb:
		return 4
	case 5, 6, 7, 0x14, 0x40:
		return 8
	case 0x48:
		return 16
	}
	return 0
}

// codepage names the charset of a Windows code page number.
func codepage(n uint32) string {
	switch n {
	case 65001:
		return "utf-8"
	case 932:
		return "shift_jis"
	case 936:
		return "gb18030"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 874:
		return "windows-874"
	}
	if n >= 1250 && n <= 1258 {
		return "windows-125" + string(rune('0'+n-1250))
	}
	return ""
}

// typeByName gives the media type of a file that came without one.
func typeByName(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".doc":
		return "application/msword"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".ppt":
		return "application/vnd.ms-powerpoint"
	case ".pptx":
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	case ".txt", ".log":
		return "text/plain"
	case ".csv":
		return "text/csv"
	case ".htm", ".html":
		return "text/html"
	case ".ics":
		return "text/calendar"
	case ".vcf":
		return "text/vcard"
	case ".rtf":
		return "application/rtf"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".bmp":
		return "image/bmp"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}
