package message

// extract runs what reads the parsed message.
func extract(m *Message) {
	m.Reply = extractReply(m)
	classify(m)
}
