// Package threading decides which ticket a mail belongs to, and says why.
//
// It is pure: headers and recipients go in, a [Decision] with its reason comes
// out; the only outside is a small lookup interface, [Finder]. The order of
// trust is the secret reply address, then Message-IDs we sent or hold, then a
// ticket reference in the subject, then Outlook's conversation index. There is
// no joining by subject alone.
//
// What always holds: a person who is no party to a ticket never joins it by
// evidence that can be guessed or copied, and never learns whether the ticket
// exists; a false join would show one customer another's mail, so in doubt the
// answer is a new ticket, linked for the agents' eyes only.
package threading
