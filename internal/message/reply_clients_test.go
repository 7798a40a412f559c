package message

import (
	"strings"
	"testing"
)

// TestReplyOfMailPrograms holds what each mail program makes of an answer in
// plain text, and what people do with it.
func TestReplyOfMailPrograms(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing quoted", "Hello,\n\nwhere is my order?\n\nAnn", "Hello,\n\nwhere is my order?\n\nAnn"},
		{"line ends of Windows", "Yes.\r\n\r\nOn 5/12/20 10:07 AM, Ann wrote:\r\n> Is it there?\r\n", "Yes."},
		{"line ends of old Macs", "Yes.\r\rOn 5/12/20 10:07 AM, Ann wrote:\r> Is it there?\r", "Yes."},
		{"space at line ends goes", "Yes, \nit came.\t\n \nBob", "Yes,\nit came.\n\nBob"},
		{"answered below", "On 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\nYes, it is.", "Yes, it is."},
		{"answered below, blank lines", "On 5/12/20 10:07 AM, Ann wrote:\n\n> Is it there?\n\n\nYes, it is.\n\nBob", "Yes, it is.\n\nBob"},
		{"greeting above, answer below", "Hi Ann,\nOn 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\n\nYes.", "Hi Ann,\nYes."},
		{"answered in between", "Hi Ann,\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\n\nYes.\n\n> Is it whole?\n\nNo, the lid is broken.\n\n> Regards\n> Ann", "Hi Ann,\n\n> Is it there?\n\nYes.\n\n> Is it whole?\n\nNo, the lid is broken."},
		{"answered in between without attribution", "> Is it there?\nYes.\n> Is it whole?\nNo.", "> Is it there?\nYes.\n> Is it whole?\nNo."},
		{"one question quoted by hand", "> what is your order id?\nIt is 12345", "> what is your order id?\nIt is 12345"},
		{"quote and nothing else", "On 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\n> Ann", ""},
		{"quote and signature only", "On 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\n\n-- \nBob\nExample Ltd", ""},
		{"marked lines only: may be the mail itself", "> Is it there?\n> Ann", "> Is it there?\n> Ann"},
		{"name only before wrote", "Yes.\n\nAnn Example wrote:\n> Is it there?", "Yes."},
		{"citing in prose", "As you wrote:\n> the warranty is two years\nSo please repair it.", "As you wrote:\n> the warranty is two years\nSo please repair it."},
		{"nested quotes", "Yes.\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> On 5/11/20, Bob wrote:\n>> On 5/10/20, Ann wrote:\n>>> Where?\n>> Here.\n> Is it there?", "Yes."},
		{"quote wrapped by a mail program", "Yes.\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> We have sent the parcel with the blue lid to the address that you gave us on\nMonday morning.\n> Is it there?", "Yes."},
		{"link wrapped in a quote", "Yes.\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> See https://example.org/a/very/long\n/path?of=things\n> Is it there?", "Yes."},
		{"short answer right below a quoted line stays", "On 5/12/20 10:07 AM, Ann wrote:\n> Is it there?\nyes\n> Is it whole?\nno", "> Is it there?\nyes\n> Is it whole?\nno"},
		{"Apple Mail, attribution inside the quote", "Yes.\n\n> On 12 May 2020, at 10:07, Ann Example <ann@example.org> wrote:\n> \n> Is it there?", "Yes."},
		{"Apple Mail, answered below", "> On 12 May 2020, at 10:07, Ann Example <ann@example.org> wrote:\n> \n> Is it there?\n\nYes.", "Yes."},
		{"Gmail, address broken off", "Yes.\n\nOn Tue, May 12, 2020 at 10:07 AM Ann Example <ann@example.org\n> wrote:\n\n> Is it there?", "Yes."},
		{"Gmail, only the bracket broken off", "Ja.\n\ntir. 12. mai 2020 kl. 10:07 skrev Ann Example <ann@example.org\n>:\n\n> Er den der?", "Ja."},
		{"Polymail", "Yes.\n\nOn Tue, May 12, 2020 at 10:07 AM Ann Example\n\n<\nmailto:Ann Example <ann@example.org>\n> wrote:\nIs it there?", "Yes."},
		{"attribution on the line of the answer", "Yes it is On Tue, May 12, 2020 at 10:07 AM, ann@example.org wrote:\n> Is it there?", "Yes it is"},
		{"Yahoo dashes on the line of the answer", "Yes--- On Tue, 5/12/20, Ann <ann@example.org> wrote:\nIs it there?", "Yes"},
		{"Android", "Yes.\n\n---- Ann Example wrote ----\n\nIs it there?", "Yes."},
		{"Horde", "Yes.\n\nQuoting Ann Example <ann@example.org>:\n\n> Is it there?", "Yes."},
		{"Horde, German", "Ja.\n\nZitat von Ann Example <ann@example.org>:\n\n> Ist es da?", "Ja."},
		{"Hotmail", "Yes.\n\nDate: Tue, 12 May 2020 10:07:12 +0200\nFrom: ann@example.org\nTo: bob@example.net\nSubject: Order\n\nIs it there?", "Yes."},
		{"Hotmail, marked", "Yes.\n\n> Subject: Order\n> From: ann@example.org\n> To: bob@example.net\n> Date: Tue, 12 May 2020 10:07:12 +0200\n>\n> Is it there?", "Yes."},
		{"two header lines", "Yes.\n\nFrom: ann@example.org\nDate: Tue, 12 May 2020 10:07:12 +0200\n\nIs it there?", "Yes."},
		{"Outlook, line of underscores", "Yes.\n________________________________\nFrom: Ann [ann@example.org]\nSent: Tuesday, 12 May 2020 10:07\nTo: Bob\nSubject: Order\n\nIs it there?", "Yes."},
		{"Outlook 2013 on the web", "Yes.\n\n  *From:* Ann [mailto:\n  ann@example.org]\n  *Sent:* Tuesday, May 12, 2020 10:07 AM\n  *To:* bob@example.net\n  *Subject:* Order\n\nIs it there?", "Yes."},
		{"Outlook, double stars", "Yes.\n\n**From:** Ann <ann@example.org>\n**Sent:** Tuesday, May 12, 2020 10:07 AM\n**To:** Bob\n**Subject:** Order\n\nIs it there?", "Yes."},
		{"Outlook, long list of recipients", "Yes.\n\nFrom: Ann <ann@example.org>\nSent: Tuesday, May 12, 2020 10:07 AM\nTo: Bob <bob@example.net>; Carol <carol@example.net>;\n Dave <dave@example.net>; Eve <eve@example.net>;\n Frank <frank@example.net>\nCc: Grace\nSubject: Order\n\nIs it there?", "Yes."},
		{"Outlook, all on one line", "Yes.\n\nFrom: Ann <ann@example.org> Sent: Tuesday, May 12, 2020 10:07 AM To: Bob <bob@example.net> Subject: Order\n\nIs it there?", "Yes."},
		{"Outlook Express", "Yes.\n\n----- Original Message ----- \nFrom: \"Ann\" <ann@example.org>\nTo: <bob@example.net>\nSent: Tuesday, May 12, 2020 10:07 AM\nSubject: Order\n\n\n> Is it there?", "Yes."},
		{"Outlook appointment", "Yes.\n\n-----Original Appointment-----\nFrom: Ann\nSent: Tuesday\nTo: Bob\nSubject: Talk\nWhen: Friday\n", "Yes."},
		{"Outlook for iOS", "Yes.\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Ann <ann@example.org>\nSent: Tuesday, May 12, 2020 10:07:12 AM\nTo: Bob <bob@example.net>\nSubject: Order\n\nIs it there?", "Yes."},
		{"Samsung", "Yes.\n\n\nSent from my Galaxy\n\n\n-------- Original message --------\nFrom: Ann <ann@example.org> \nDate: 12/05/2020  10:07  (GMT+01:00) \nTo: Bob <bob@example.net> \nSubject: Order \n\nIs it there?", "Yes."},
		{"Samsung, French, one line", "Oui.\n\n-------- Message d'origine --------\nDe : Ann <ann@example.org> \nDate : 12/05/2020  10:07  (GMT+01:00) \nÀ : bob@example.net Objet : Commande \n\nElle est là ?", "Oui."},
		{"Orange", "Oui.\n\n> Message du 12/05/20 10:07\n> De : \"Ann\" <ann@example.org>\n> A : bob@example.net\n> Copie à : \n> Objet : Commande\n> \n> Elle est là ?", "Oui."},
		{"Laposte", "Oui.\n\n====\n\nMessage du : 12/05/2020 10:07\nDe : \"Ann\" <ann@example.org>\nA : bob@example.net\nCopie à : \nSujet : Commande\n\nElle est là ?", "Oui."},
		{"GMX", "Ja.\n\nGesendet: Dienstag, 12. Mai 2020 um 10:07 Uhr\nVon: \"Ann\" <ann@example.org>\nAn: \"Bob\" <bob@example.net>\nBetreff: Bestellung\n\nIst es da?", "Ja."},
		{"QQ", "是的\n\n\n------------------&nbsp;原始邮件&nbsp;------------------\n发件人: \"Ann\" <ann@example.org>;\n发送时间: 2020年5月12日(星期二) 上午10:07\n收件人: \"Bob\" <bob@example.net>;\n主题: 订单\n\n到了吗?", "是的"},
		{"Zimbra", "Yes. \n\n----- On May 12, 2020, at 10:07 AM, Ann ann@example.org wrote: \n\n> Is it there?", "Yes."},
		{"Zimbra, original message", "Yes. \n\n----- Original Message -----\nFrom: \"Ann\" <ann@example.org>\nTo: \"Bob\" <bob@example.net>\nSent: Tuesday, May 12, 2020 10:07:12 AM\nSubject: Order\n\nIs it there?", "Yes."},
		{"ProtonMail", "Yes.\n\nSent with ProtonMail Secure Email.\n\n‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Tuesday, May 12, 2020 10:07 AM, Ann <ann@example.org> wrote:\n\n> Is it there?", "Yes."},
		{"ProtonMail, newer", "Yes.\n\n------- Original Message -------\nOn Tuesday, May 12th, 2020 at 10:07, Ann <ann@example.org> wrote:\n\n\n> Is it there?", "Yes."},
		{"mutt", "On Tue, May 12, 2020 at 10:07:12AM +0200, Ann Example wrote:\n> Is it there?\n\nYes.\n\n-- \nBob", "Yes."},
		{"Gnus", "Ann Example <ann@example.org> writes:\n\n> Is it there?\n\nYes.", "Yes."},
		{"Notes", "Yes.\n\nFrom:\tAnn/EXAMPLE@EXAMPLE\nTo:\tBob/EXAMPLE@EXAMPLE\nCc:\t\nDate:\t12/05/2020 10:07\nSubject:\tOrder\n\nIs it there?", "Yes."},
		{"GroupWise", "Yes.\n\n>>> Ann Example <ann@example.org> 12/05/2020 10:07 >>>\nIs it there?", "Yes."},
		{"GroupWise, older", "Yes.\n\n>>> On 12/05/2020 at 10:07, in message <1@example.org>, Ann <ann@example.org> wrote:\nIs it there?", "Yes."},
		{"Notes, older", "Yes.\n\n\n\nAnn Example <ann@example.org> \n12/05/2020 10:07 AM\n\nTo\nBob/EXAMPLE@EXAMPLE\ncc\n\nSubject\nOrder\n\n\nIs it there?", "Yes."},
		{"Notes, older, passed on", "Ann Example <ann@example.org>\n12/05/2020 10:07 AM\n\nTo\nBob/EXAMPLE@EXAMPLE\n\nSubject\nOrder\n\nIs it there?", "Ann Example <ann@example.org>\n12/05/2020 10:07 AM\n\nTo\nBob/EXAMPLE@EXAMPLE\n\nSubject\nOrder\n\nIs it there?"},
		{"Airmail", "Yes.\n-- \nBob\nSent with Airmail\n\nOn 12 May 2020 at 10:07:12, Ann (ann@example.org) wrote:\n\nIs it there?", "Yes."},
		{"iPhone, wrapped", "Yes.\n\nSent from my iPhone\n\nOn May 12, 2020, at 10:07 AM, Ann Example <ann@example.org<mailto:ann@example.org>>\nwrote:\n\nIs it there?", "Yes."},
		{"footer in the middle: what is typed below it stays", "Yes.\n\nSent from my iPhone\n\nP.S. The lid is broken.", "Yes.\n\nP.S. The lid is broken."},
		{"forward with a word", "Please see below.\n\n---------- Forwarded message ----------\nFrom: Ann <ann@example.org>\nDate: Tue, May 12, 2020 at 10:07 AM\nSubject: Order\nTo: Bob\n\nIs it there?", "Please see below.\n\n---------- Forwarded message ----------\nFrom: Ann <ann@example.org>\nDate: Tue, May 12, 2020 at 10:07 AM\nSubject: Order\nTo: Bob\n\nIs it there?"},
		{"forward without a word", "---------- Forwarded message ---------\nVon: Ann <ann@example.org>\nDate: Di., 12. Mai 2020 um 10:07 Uhr\nSubject: Order\nTo: Bob\n\n> old\nIs it there?", "---------- Forwarded message ---------\nVon: Ann <ann@example.org>\nDate: Di., 12. Mai 2020 um 10:07 Uhr\nSubject: Order\nTo: Bob\n\n> old\nIs it there?"},
		{"forward by Apple", "Begin forwarded message:\n\nFrom: Ann <ann@example.org>\nSubject: Order\nDate: 12 May 2020 at 10:07\nTo: Bob\n\nIs it there?", "Begin forwarded message:\n\nFrom: Ann <ann@example.org>\nSubject: Order\nDate: 12 May 2020 at 10:07\nTo: Bob\n\nIs it there?"},
		{"forward by Outlook without a word", "-----Original Message-----\nFrom: Ann\nSent: Tuesday\nTo: Bob\nSubject: Order\n\nIs it there?", "-----Original Message-----\nFrom: Ann\nSent: Tuesday\nTo: Bob\nSubject: Order\n\nIs it there?"},
		{"a forward below a reply is quoted", "Yes.\n\n-----Original Message-----\nFYI\n\n---------- Forwarded message ----------\nFrom: Ann <ann@example.org>\n\nIs it there?", "Yes."},
	} {
		if got := ReplyFromText(c.body); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestReplySignatures(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"delimiter", "Yes.\n\n-- \nBob Example\nExample Ltd\n+1 555 0123", "Yes."},
		{"delimiter without its space", "Yes.\n--\nBob", "Yes."},
		{"delimiter in the text", "this is -- well -- text.\n--\nBob", "this is -- well -- text."},
		{"two delimiters", "Yes.\n\n-- \nBob\n\n--\nSent from my iPhone", "Yes."},
		{"delimiter before a quote", "Yes.\n\n-- \nBob\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> Is it there?", "Yes."},
		{"underscores", "Yes.\n\n__\nBob Example\nExample Ltd", "Yes."},
		{"long dash", "Yes.\n\n—\nBob Example\nHead of Things", "Yes."},
		{"mailing list footer", "Yes.\n\n_______________________________________________\nthings mailing list\nthings@lists.example.org\nhttps://lists.example.org/mailman/listinfo/things", "Yes."},
		{"rule and disclaimer", "Yes.\n\n________________________________\nThis e-mail is confidential and intended for the addressee only. If you are not the intended recipient, delete it.", "Yes."},
		{"disclaimer without a rule", "Yes.\n\nThis message and its attachments are confidential and may be legally privileged. If you are not the intended recipient, please notify the sender and delete it.", "Yes."},
		{"disclaimer, German", "Ja.\n\nDiese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Empfänger sind, löschen Sie bitte diese Mail.", "Ja."},
		{"disclaimer, French", "Oui.\n\nCe message est confidentiel et destiné à son seul destinataire. Si vous l'avez reçu par erreur, merci de le supprimer.", "Oui."},
		{"contact block", "Yes, it came.\n\nBob Example\nHead of Things\nbob@example.net\n+1 (555) 012-3456\nwww.example.net", "Yes, it came."},
		{"closing and name stay", "Yes, it came.\n\nBest regards,\nBob", "Yes, it came.\n\nBest regards,\nBob"},
		{"closing and name stay, contacts go", "Yes, it came.\n\nBest regards,\nBob Example\nHead of Things\nTel: +1 555 012 3456\nbob@example.net", "Yes, it came.\n\nBest regards,\nBob Example"},
		{"one number is news, not a signature", "Please call me.\n\nBob Example\nExample Ltd\n555-941-0697", "Please call me.\n\nBob Example\nExample Ltd\n555-941-0697"},
		{"dash and name", "Yes.\n\n-Bob Example", "Yes."},
		{"virus scanner", "Yes.\n\nVirus-free. www.avast.com", "Yes."},
		{"nothing but a signature", "-- \nBob\nExample Ltd", "--\nBob\nExample Ltd"},
		{"nothing but a footer", "Sent from my iPhone", "Sent from my iPhone"},
		{"nothing but contacts", "Bob Example\nbob@example.net\n+1 (555) 012-3456", "Bob Example\nbob@example.net\n+1 (555) 012-3456"},
	} {
		if got := ReplyFromText(c.body); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestReplyKeepsText holds bodies that look like quotes and signatures in
// parts, and are all the writer's own.
func TestReplyKeepsText(t *testing.T) {
	for _, body := range []string{
		"On Monday we met.\nOn Tuesday I wrote:\nnothing at all.",
		"On Thursday:\nI cleaned the lid.\nOn Friday:\nI sent it back.",
		"Here is what I tried:\n\n1. restart\n2. update\n\nNote: the lid is blue.",
		"From: Berlin\nTo: Paris\nDate: 12.05.2024\n\nPlease book two seats.",
		"Name: Ann\nFrom: Berlin\nPhone: 555 0123\n\nPlease call.",
		"Please call me on 12.05.2024 at 10:00 or write to ann@example.org:\nthe lid is broken.",
		"The following were wrong on 12.05.2020 10:07 according to ann@example.org:\n- the lid\n- the box",
		"Sent from my desk, is much easier than my phone.",
		"I wrote this.\n\nSent from the office on Monday with the van, it should be there.",
		"Outlook for Android does not show the picture.",
		"Get Outlook to work please!\n\nIt crashes.",
		"Outlook with a question",
		"The notification was sent from my iPhone app to all users.\nSent from my iPad it fails.",
		"## Points\n----\n1. Faster\n2. Smaller\n----\nThe dashes are mine.\n\n====\nSo are these, and this line is long enough to be nobody's signature at all, I think.",
		"```\n> not a quote\n--\nnot a signature\nOn 5/12/20 10:07 AM, Ann wrote:\n> code\n```\nWhat is wrong in it?",
		"Steps:\n- open the lid\n- close the lid\n\n--verbose does not help",
		"Visit us\n>>> >>>  http://www.example.org <<<\nby the link above",
		"The value must be:\n> 5 and\n< 7",
		"My order:\n\nSubject to change: yes\nDate of birth: 12.05.1970",
		"Re: my order\n\nTo: whom it may concern\n\nIt is broken.",
		"Please reply above all to my first question.",
		"Bob wrote to me yesterday that the order had left.",
		"I said:\nno.",
		"Ann Example\n12 Long Street\nSmalltown",
		"On 5 May 2024 your colleague wrote:\nwe will repair it.\n\nNothing came of it.",
		"To\nwhom it may concern\n\nSubject\nto change",
		"It costs 10:50 here and 9:30 there:\ncompare them.",
		"Hello\n\n* one\n* two\n\n***\n\nand the rest of the text goes on here with more words than any signature has.",
		"Le produit est cassé.\nLe 12 mai il a cessé de marcher :\nplus rien.",
		"Am 12.05.2020 um 10:07 habe ich bestellt:\nzwei Deckel.",
		"お世話になっております。\n件名：注文について\n\n届きません。",
		"这是我的问题：\n盖子坏了。",
		"Confidential: please do not tell my wife about the present.",
		"__init__ fails:\n\n__main__ too",
		"The error is\n\nFrom: line missing\n\nand I don't know why.",
		"-----\nA title\n-----\n\nThe text below the title goes on for a while, so that nobody takes it for a signature.",
		"Who wrote:\nthis?",
	} {
		if got := ReplyFromText(body); got != body {
			t.Errorf("changed:\n got %q\nwant %q", got, body)
		}
	}
}

func TestReplyOfHTML(t *testing.T) {
	const gmail = `<div dir="ltr">Ja, es ist da.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">`
	for _, c := range []struct{ name, body, want string }{
		{"plain", "<p>Yes.</p><p>Bob</p>", "Yes.\n\nBob"},
		{"Gmail", gmail + `Am Di., 12. Mai 2020 um 10:07 Uhr schrieb Ann &lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt;:<br></div><blockquote class="gmail_quote"><div>Ist es da?</div></blockquote></div>`, "Ja, es ist da."},
		{"Gmail in a language we have no word of", gmail + `Zxc 12 vbn qwe Ann asdf:<br></div><blockquote class="gmail_quote"><div>Ist es da?</div></blockquote></div>`, "Ja, es ist da."},
		{"Gmail before attributions had a class", `Yes.<br><br><div class="gmail_quote">Zxc vbn Ann:<br><blockquote class="gmail_quote">Is it there?</blockquote></div>`, "Yes."},
		{"Gmail, answered below", `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">Zxc Ann:<br></div><blockquote class="gmail_quote">Is it there?</blockquote></div><div>Yes.</div>`, "Yes."},
		{"Gmail, answered in between", `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">Zxc Ann:<br></div><blockquote class="gmail_quote">Is it there?</blockquote><div>Yes.</div><blockquote class="gmail_quote">Is it whole?</blockquote><div>No.</div></div>`, "> Is it there?\nYes.\n> Is it whole?\nNo."},
		{"Gmail, signature", `<div dir="ltr">Yes.<br clear="all"><div><br></div>-- <br><div dir="ltr" class="gmail_signature">Bob<br>Example Ltd</div></div><br><div class="gmail_quote"><div class="gmail_attr">On Tue wrote:</div><blockquote class="gmail_quote">Is it there?</blockquote></div>`, "Yes."},
		{"Gmail, quote by the button", `<div>You say<blockquote class="gmail_quote">two years</blockquote>so repair it.</div>`, "You say\ntwo years\nso repair it."},
		{"Gmail, quote and nothing else", `<div class="gmail_quote"><div class="gmail_attr">Zxc Ann:<br></div><blockquote class="gmail_quote">Is it there?</blockquote></div>`, ""},
		{"Gmail, forward", `<div dir="ltr">See below.<br><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: Ann &lt;ann@example.org&gt;<br>Subject: Order<br></div><br><div>Is it there?</div></div></div>`, "See below.\n\n---------- Forwarded message ---------\nFrom: Ann <ann@example.org>\nSubject: Order\n\nIs it there?"},
		{"Outlook on the web", `<div>Oui.</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><font><b>Zxc:</b> Ann<br><b>Vbn:</b> mardi</font><div>&nbsp;</div></div><div>C'est là ?</div>`, "Oui."},
		{"Outlook on the web, forward without a word", `<div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Ann<br><b>Subject:</b> Order</div><div>Is it there?</div>`, "From: Ann\nSubject: Order\nIs it there?"},
		{"Outlook desktop in a language we have no word of", `<div class="WordSection1"><p class="MsoNormal">Yes.</p><div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class="MsoNormal"><b>Zxc:</b> Ann<br><b>Vbn:</b> Tue</p></div></div><p class="MsoNormal">Is it there?</p></div>`, "Yes."},
		{"a box with a line above is not Outlook's", `<div>Yes.</div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in"><p>Bob</p></div>`, "Yes.\n\nBob"},
		{"Outlook for Mac", `<div>Yes.</div><span id="OLK_SRC_BODY_SECTION"><div><span>From: </span>Ann</div><div>Is it there?</div></span>`, "Yes."},
		{"Outlook mobile", `<div>Yes.</div><div id="ms-outlook-mobile-signature">Get Outlook for iOS</div><div id="mail-editor-reference-message-container"><div>Is it there?</div></div>`, "Yes."},
		{"Outlook mobile, written in the place of the signature", `<div id="ms-outlook-mobile-signature"><div>Yes.</div></div>`, "Yes."},
		{"Yahoo", `<div>Yes.</div><div id="yahoo_quoted_123" class="yahoo_quoted"><div>Zxc Ann:</div><div>Is it there?</div></div>`, "Yes."},
		{"Apple Mail", `<div>Yes.</div><div><br><blockquote type="cite"><div>On 12 May 2020, at 10:07, Ann wrote:</div><div>Is it there?</div></blockquote></div>`, "Yes."},
		{"Thunderbird", `<p>Yes.</p><div class="moz-cite-prefix">Zxc 12 Ann:<br></div><blockquote type="cite" cite="mid:1@example.org">Is it there?</blockquote>`, "Yes."},
		{"Thunderbird, answered below", `<div class="moz-cite-prefix">Zxc 12 Ann:<br></div><blockquote type="cite">Is it there?</blockquote><p>Yes.</p><pre class="moz-signature">-- 
Bob</pre>`, "Yes."},
		{"ProtonMail", `<div>Yes.</div><div class="protonmail_signature_block">Sent with Proton</div><div class="protonmail_quote">Zxc Ann:<blockquote class="protonmail_quote">Is it there?</blockquote></div>`, "Yes."},
		{"Zimbra", `<div>Yes.</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>Zxc: </b>Ann<br></div><div data-marker="__QUOTED_TEXT__">Is it there?</div>`, "Yes."},
		{"Hotmail", `<div dir="ltr">Yes.<div><hr id="stopSpelling">Zxc: Tue<br>Vbn: Ann<br><br>Is it there?</div></div>`, "Yes."},
		{"GMX", `<div>Ja.<div name="quote" style="border-left:2px solid #C3D9E5;"><div><b>Zxc:</b> Di<br></div><div>Ist es da?</div></div></div>`, "Ja."},
		{"Roundcube", `<p>Yes.</p><p id="reply-intro">Zxc 12 Ann:</p><blockquote type="cite">Is it there?</blockquote>`, "Yes."},
		{"Spark", `<div name="messageBodySection">Yes.</div><div name="messageSignatureSection">Bob</div><div name="messageReplySection">Zxc Ann:<br><blockquote type="cite">Is it there?</blockquote></div>`, "Yes."},
		{"blockquote without a mark", `<div>Yes.</div><blockquote><div>Is it there?</div></blockquote>`, "Yes."},
		{"header block without a mark", `<div>Yes.<br><br><hr>From: Ann<br>Date: Tue, 12 May 2020<br>To: Bob<br>Subject: Order<br><br>Is it there?</div>`, "Yes."},
		{"unbalanced", `<div>Yes.<div class="gmail_quote"><div class="gmail_attr">Zxc:<blockquote>Is it`, "Yes."},
	} {
		if got := ReplyFromHTML(c.body); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestReplyOfMultipart holds that the HTML decides where its marks are sure,
// and the text else.
func TestReplyOfMultipart(t *testing.T) {
	mail := func(text, html string) string {
		return "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + "\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html + "\r\n--b--\r\n"
	}
	for _, c := range []struct{ name, raw, want string }{
		{"marks", mail("Yes.\r\n\r\nZxc Ann:\r\nIs it there?", `Yes.<div class="gmail_quote"><div class="gmail_attr">Zxc Ann:</div><blockquote>Is it there?</blockquote></div>`), "Yes."},
		{"no marks", mail("Yes.\r\n\r\nOn 5/12/20 10:07 AM, Ann wrote:\r\n> Is it there?", `<p>Yes.</p><p>bla</p>`), "Yes."},
	} {
		m, err := Parse(strings.NewReader(c.raw), Limits{})
		if err != nil || m.Reply != c.want {
			t.Errorf("%s: got %q, %v", c.name, m.Reply, err)
		}
	}
}

// TestReplyBeyondTheLimit holds what happens to bodies longer than what is
// examined: own text stays whole, a quote that began before the limit goes.
func TestReplyBeyondTheLimit(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("a line\n", maxReplyLines+1000), "\n")
	if got := ReplyFromText(long); got != long {
		t.Errorf("%d lines: %d bytes of %d left", maxReplyLines+1000, len(got), len(long))
	}
	wide := strings.Repeat("é", maxReplyBytes)
	if got := ReplyFromText(wide); got != wide {
		t.Errorf("one long line: %d bytes of %d left", len(got), len(wide))
	}
	late := long + "\n\nOn 5/12/20 10:07 AM, Ann wrote:\n> Is it there?"
	if got := ReplyFromText(late); got != late {
		t.Error("looked beyond the limit")
	}
	quoted := "Yes.\n\nOn 5/12/20 10:07 AM, Ann wrote:\n" + strings.Repeat("> a line\n", maxReplyLines+1000)
	if got := ReplyFromText(quoted); got != "Yes." {
		t.Errorf("a long quote: %d bytes left", len(got))
	}
	unmarked := "Yes.\n\nOn 5/12/20 10:07 AM, Ann wrote:\n" + long
	if got := ReplyFromText(unmarked); got != "Yes." {
		t.Errorf("a long unmarked quote: %d bytes left", len(got))
	}
}
