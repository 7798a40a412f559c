package message

// extract runs what reads the parsed message: the words of its writer, their
// language, and what sort of mail it is.
func extract(m *Message) {
	m.Reply = extractReply(m)
	classify(m)
	m.Language = detectLanguage(m.Reply)
	if m.Language == "" {
		m.Language = detectLanguage(m.Text)
	}
}
