// Package privacydesk carries out what the privacy desk decided: it builds and
// mails archives, works out and carries out erasures with their certificates,
// tells recipients, and keeps the clock.
//
// What must hold: everything is a leased job whose last act is one change that
// takes the job away, so that a job killed at any point begins again and comes
// to the same end; nothing personal is in a log line; a passphrase is never in
// the mail that carries the archive. When a step fails the job is tried again
// by the worker that leased it, and the request stays open and on its clock.
package privacydesk
