// Package smtpd is the SMTP door: port 25 for customers, submission (587,
// 465) for agents. It speaks the protocol, applies the limits and hands an
// envelope and a stream of bytes to an [Intake]. It knows nothing of tickets.
//
// What always holds:
//
//   - 250 after DATA or BDAT LAST is said only when the end of the data was
//     seen and Intake.Receive returned without an error. Any doubt is a 4xx.
//   - One end of data, CR LF dot CR LF, and no other. A bare CR, a bare LF or a
//     NUL in the content is answered 550 5.5.2 and the connection closes, so
//     that no byte of a body is ever read as a command (CVE-2023-51764 and kin).
//   - Intake reads exactly the bytes sent, dots unstuffed, line ends untouched.
//   - Nothing is buffered but one block of each connection; a message's size
//     costs no memory here.
//   - Every wait has a deadline: handshake, command, silence within the data,
//     rate of the data, the transaction as a whole.
//   - A reply never carries an internal error. refusals are mapped in one
//     function (replyOf); what is not known is 451 4.3.0.
//   - A panic ends the session it happened in, with 421, and no other.
//   - No address stands in the log; what a client chose is cut to 256 bytes and
//     stripped of control characters.
//
// # How it is built on go-smtp
//
// The engine is emersion/go-smtp (v0.25.1): it parses the parameters, keeps
// the order of a conversation, runs the SASL exchange and calls the session.
// It does not see the wire. Each connection has a front (front.go) that owns
// the socket and shows the engine a net.Conn (conversation.go) on which whole,
// checked command lines arrive one at a time and from which replies are taken.
// One goroutine serves a connection: the engine's Read is the front's turn.
// What that works around, each with a test named TestGoSMTP_…:
//
//   - S1, S2: a timeout within DATA let the rest of the body run as commands,
//     and the timeout was absolute. The front reads the data itself
//     (dotreader.go) under a rolling deadline, a least rate and a cap; on any
//     trouble the connection ends. The engine's own data reader is only ever
//     shown the final dot.
//   - S3: CR CR LF before the dot hung until the timeout: now a bare CR, 550.
//   - S4: a plain or wrapped error was answered 554 with its text.
//   - S5: long lines: limits are the front's, for commands and text apart.
//   - S6: a panic in Logout or Reset ended the process.
//   - S7: RCPT TO:<Postmaster> was refused before the backend saw it.
//   - S8: quoted local parts arrived unquoted, UTF-8 without SMTPUTF8, paths
//     without brackets: paths are parsed by ParsePath alone.
//   - S9: no limit of connections, and of what is drained after 552.
//   - S10: BDAT ran the session in a second goroutine. A run of BDAT commands is
//     shown to the engine as one DATA, so there is only one (bdatreader.go).
//   - S11: the EHLO reply named the client, and half a line at a timeout was
//     run as a command.
//   - STARTTLS: a failed handshake went on in the clear. The front does the
//     handshake, and a fresh engine conversation begins after it.
package smtpd
