package storage

// int postroom_gather(void);
import "C"

import "sync"

// gatherVFS is the name of the file system that hands pages which stand side by
// side to the kernel in one call. SQLite itself writes each page of a commit
// in two calls, at an odd offset, which costs several times what the bytes do.
//
// It changes nothing of what is durable when: before each fsync, each read and
// each lock everything gathered is written (gather_linux.c). In the WAL others
// look only for what was committed, and a commit ends with an fsync: all
// databases are opened with synchronous=FULL.
//
// It is empty where SQLite cannot be given one; then SQLite writes itself.
var gatherVFS = sync.OnceValue(func() string {
	if C.postroom_gather() == 0 {
		return ""
	}
	return "gather"
})
