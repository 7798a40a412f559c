// Package storage keeps the desk: tickets, messages, people, keys and what is
// to be sent, on SQLite (one process) or PostgreSQL (several), with the same
// SQL text for both.
//
// What always holds:
//
//   - [DB.Apply] returns nil only after everything of its change is durable
//     (fsync). Either the whole change is there or nothing of it.
//   - Nothing personal is readable in the content database, its WAL or a
//     backup. Content is sealed under random keys that are wrapped for the
//     people concerned, whose own keys stand in another database, wrapped by
//     the installation's master key. Look-ups go over keyed hashes. The
//     search index is the one exception and is kept apart (search.go).
//   - A ciphertext is bound to its table, row and column; moved elsewhere, or
//     cut short, it does not open.
//   - A key is committed before what it seals, and nothing is sealed under a
//     person's key unless the person's row is there in the same commit: who is
//     erased is gone for every node at once (erase.go).
//   - Memory does not grow with the size of a message or with their number.
//
// A change is decided and sealed on the caller's goroutine, from a snapshot.
// On SQLite one writer takes all changes that wait, runs each under a
// savepoint and commits them together; on PostgreSQL each is a transaction.
// Versions (WHERE version = ?) and absences (unique keys) guard what the
// decision relied on; where one moved, the change is decided again, on SQLite
// inside the writing transaction.
//
// When it fails: a fault of one change rolls back that change. A full disk is
// a [tickets.Refusal] with RefuseDiskFull and passes when there is room. A
// lock held by somebody else is a temporary refusal within ten seconds. After
// an I/O error of a write or an fsync nobody knows what the disk holds: the
// store refuses every further change and closes [DB.Fatal], so that the
// process ends and starts again from what is really there.
package storage
