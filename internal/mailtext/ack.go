package mailtext

import "strings"

// AckVars is what an acknowledgement names. None of it comes from the sender.
type AckVars struct {
	Ref        string // the ticket's reference
	Queue      string // the desk's public name
	Controller string // who answers for the data (Article 13(1)(a) GDPR)
	Contact    string // where rights are exercised
	Body       string // the queue's own words instead of ours; the notice follows in any case
}

// words is an acknowledgement in one language. {queue}, {ref}, {controller} and
// {contact} are filled in.
type words struct {
	subject string
	body    string
	notice  string // Article 13 GDPR: controller, purpose, basis, retention, rights, complaint
}

// Languages lists those with words of their own.
func Languages() []string {
	list := make([]string, 0, len(acks))
	for l := range acks {
		list = append(list, l)
	}
	return list
}

// Ack gives subject and text of an acknowledgement, in English where the
// language has no words here. The privacy notice is part of the text.
func Ack(lang string, v AckVars) (subject, text string) {
	w, ok := acks[Base(lang)]
	if !ok {
		w = acks["en"]
	}
	r := strings.NewReplacer("{queue}", v.Queue, "{ref}", v.Ref, "{controller}", v.Controller, "{contact}", v.Contact)
	body := w.body
	if v.Body != "" {
		body = strings.TrimSpace(v.Body)
	}
	return r.Replace(w.subject), r.Replace(body) + "\n\n-- \n" + r.Replace(w.notice) + "\n"
}
