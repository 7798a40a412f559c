package message

import (
	"strings"
	"testing"
)

// attributions are the lines by which Gmail (web), Apple Mail, Thunderbird
// and others introduce a quote, by language.
var attributions = []struct{ lang, line string }{
	{"en gmail", "On Tue, May 12, 2020 at 10:07 AM Ann Example <ann@example.org> wrote:"},
	{"en gmail wrapped", "On Tue, May 12, 2020 at 10:07 AM Ann Example From The Long Department <\nann@example.org> wrote:"},
	{"en gmail wrapped twice", "On Tue, May 12, 2020 at 10:07 AM Ann Example From The Long Department\n<ann.with.a.very.long.address@department.example.org>\nwrote:"},
	{"en gmail old", "2014-10-17 11:28 GMT+03:00 Ann Example <ann@example.org>:"},
	{"en apple", "On 12 May 2020, at 10:07, Ann Example <ann@example.org> wrote:"},
	{"en thunderbird", "On 5/12/20 10:07 AM, Ann Example wrote:"},
	{"en yahoo", "On Tuesday, May 12, 2020, 10:07:12 AM GMT+2, Ann Example <ann@example.org> wrote:"},
	{"en yahoo classic", "--- On Tue, 5/12/20, Ann Example <ann@example.org> wrote:"},
	{"en mutt", "* Ann Example <ann@example.org> [2020-05-12 10:07]:"},
	{"en gnus", "Ann Example <ann@example.org> writes:"},
	{"en zoho", "---- On Tue, 12 May 2020 10:07:12 +0200 Ann Example <ann@example.org> wrote ----"},
	{"en proton", "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Tuesday, May 12th, 2020 at 10:07 AM, Ann Example <ann@example.org> wrote:"},
	{"en dashed", "------On 12/05/2020 10:07, Ann Example wrote-----"},
	{"de gmail", "Am Di., 12. Mai 2020 um 10:07 Uhr schrieb Ann Example <ann@example.org>:"},
	{"de gmail wrapped", "Am Di., 12. Mai 2020 um 10:07 Uhr schrieb Ann Example aus der Abteilung <\nann@example.org>:"},
	{"de apple", "> Am 12.05.2020 um 10:07 schrieb Ann Example <ann@example.org>:"},
	{"de thunderbird", "Am 12.05.20 um 10:07 schrieb Ann Example:"},
	{"de outlook classic", "Ann Example <ann@example.org> hat am 12. Mai 2020 um 10:07 geschrieben:"},
	{"fr gmail", "Le mar. 12 mai 2020 à 10:07, Ann Example <ann@example.org> a écrit :"},
	{"fr gmail wrapped", "Le mar. 12 mai 2020 à 10:07, Ann Example du service <ann@example.org> a\nécrit :"},
	{"fr thunderbird", "Le 12/05/2020 à 10:07, Ann Example a écrit :"},
	{"es gmail", "El mar., 12 may. 2020 a las 10:07, Ann Example (<ann@example.org>) escribió:"},
	{"es apple", "El 12 may 2020, a las 10:07, Ann Example <ann@example.org> escribió:"},
	{"it gmail", "Il giorno mar 12 mag 2020 alle ore 10:07 Ann Example <ann@example.org> ha scritto:"},
	{"it thunderbird", "Il 12/05/2020 10:07, Ann Example ha scritto:"},
	{"nl gmail", "Op di 12 mei 2020 om 10:07 schreef Ann Example <ann@example.org>:"},
	{"nl apple", "Op 12 mei 2020, om 10:07 heeft Ann Example <ann@example.org> het volgende geschreven:"},
	{"pl gmail", "wt., 12 maj 2020 o 10:07 Ann Example <ann@example.org> napisał(a):"},
	{"pl thunderbird", "W dniu 12.05.2020 o 10:07, Ann Example pisze:"},
	{"pl o2", "Dnia 12 maja 2020 10:07 Ann Example <ann@example.org> napisał(a):"},
	{"pt-BR gmail", "Em ter., 12 de mai. de 2020 às 10:07, Ann Example <ann@example.org> escreveu:"},
	{"pt-PT gmail", "Ann Example <ann@example.org> escreveu no dia terça, 12/05/2020 à(s) 10:07:"},
	{"sv gmail", "Den tis 12 maj 2020 kl 10:07 skrev Ann Example <ann@example.org>:"},
	{"sv apple", "12 maj 2020 kl. 10:07 skrev Ann Example <ann@example.org>:"},
	{"da gmail", "Den tir. 12. maj 2020 kl. 10.07 skrev Ann Example <ann@example.org>:"},
	{"da apple", "Den 12. maj 2020 kl. 10.07 skrev Ann Example <ann@example.org>:"},
	{"no gmail", "tir. 12. mai 2020 kl. 10:07 skrev Ann Example <ann@example.org>:"},
	{"no apple", "12. mai 2020 kl. 10:07 skrev Ann Example <ann@example.org>:"},
	{"fi gmail", "ti 12. toukok. 2020 klo 10.07 Ann Example (ann@example.org) kirjoitti:"},
	{"is gmail", "þri., 12. maí 2020 kl. 10:07 skrifaði Ann Example <ann@example.org>:"},
	{"cs gmail", "út 12. 5. 2020 v 10:07 odesílatel Ann Example <ann@example.org> napsal:"},
	{"cs thunderbird", "Dne 12. 05. 20 v 10:07 Ann Example napsal(a):"},
	{"sk gmail", "ut 12. 5. 2020 o 10:07 Ann Example <ann@example.org> napísal(a):"},
	{"sl gmail", "V V tor., 12. maj 2020 ob 10:07 je oseba Ann Example <ann@example.org> napisala:"},
	{"hr gmail", "uto, 12. svi 2020. u 10:07 Ann Example <ann@example.org> napisao je:"},
	{"sr gmail", "уто, 12. мај 2020. у 10:07 Ann Example <ann@example.org> је написао/ла:"},
	{"hu gmail", "Ann Example <ann@example.org> ezt írta (időpont: 2020. máj. 12., K, 10:07):"},
	{"hu thunderbird", "2020. 05. 12. 10:07 keltezéssel, Ann Example írta:"},
	{"ro gmail", "mar., 12 mai 2020 la 10:07, Ann Example <ann@example.org> a scris:"},
	{"ro thunderbird", "Pe 12.05.2020 10:07, Ann Example a scris:"},
	{"tr gmail", "Ann Example <ann@example.org>, 12 May 2020 Sal, 10:07 tarihinde şunu yazdı:"},
	{"et gmail", "Kuupäev T, 12. mai 2020 kell 10:07 kirjutas Ann Example <ann@example.org>:"},
	{"lv gmail", "otrd., 2020. g. 12. maijs, plkst. 10:07 — lietotājs Ann Example (<ann@example.org>) rakstīja:"},
	{"lt gmail", "2020-05-12, an, 10:07 Ann Example <ann@example.org> rašė:"},
	{"ca gmail", "Missatge de Ann Example <ann@example.org> del dia dt., 12 de maig 2020 a les 10:07:"},
	{"gl gmail", "O mar., 12 de maio de 2020 ás 10:07, Ann Example (<ann@example.org>) escribiu:"},
	{"eu gmail", "Ann Example (<ann@example.org>) erabiltzaileak hau idatzi du (2020 mai. 12, ar. (10:07)):"},
	{"ru gmail", "вт, 12 мая 2020 г. в 10:07, Ann Example <ann@example.org>:"},
	{"ru apple", "12 мая 2020 г., в 10:07, Ann Example <ann@example.org> написал(а):"},
	{"ru thunderbird", "12.05.2020 10:07, Ann Example пишет:"},
	{"ru mail.ru", "Вторник, 12 мая 2020, 10:07 +03:00 от Ann Example <ann@example.org>:"},
	{"ru yandex", "12.05.2020, 10:07, \"Ann Example\" <ann@example.org>:"},
	{"uk gmail", "вт, 12 трав. 2020 р. о 10:07 Ann Example <ann@example.org> пише:"},
	{"uk apple", "12 трав. 2020 р. о 10:07 Ann Example <ann@example.org> написав(ла):"},
	{"bg gmail", "На вт, 12.05.2020 г. в 10:07 Ann Example <ann@example.org> написа:"},
	{"be thunderbird", "12.05.20 10:07, Ann Example піша:"},
	{"el gmail", "Στις Τρί, 12 Μαΐ 2020 στις 10:07 π.μ., ο χρήστης Ann Example <ann@example.org> έγραψε:"},
	{"sq", "Më 12.5.2020 10:07, Ann Example shkroi:"},
	{"he gmail", "\u202bבתאריך יום ג׳, 12 במאי 2020 ב-10:07 מאת \u202aAnn Example\u202c\u200f <\u202aann@example.org\u202c\u200f>:\u202c"},
	{"ar gmail", "في الثلاثاء، ١٢ مايو ٢٠٢٠ في ١٠:٠٧ ص تمت كتابة ما يلي بواسطة Ann Example <ann@example.org>:"},
	{"ar thunderbird", "في 12/05/2020 10:07 ص، كتب Ann Example:"},
	{"fa gmail", "در تاریخ سه\u200cشنبه ۱۲ مهٔ ۲۰۲۰،\u200f ۱۰:۰۷ Ann Example <ann@example.org> نوشت:"},
	{"ja gmail", "2020年5月12日(火) 10:07 Ann Example <ann@example.org>:"},
	{"ja apple", "2020/05/12 10:07、Ann Example <ann@example.org>のメール:"},
	{"ja thunderbird", "On 2020/05/12 10:07, Ann Example さんは書きました:"},
	{"zh-CN gmail", "Ann Example <ann@example.org> 于2020年5月12日周二 上午10:07写道："},
	{"zh-TW gmail", "Ann Example <ann@example.org> 於 2020年5月12日 週二 上午10:07寫道："},
	{"zh apple", "在 2020年5月12日，上午10:07，Ann Example <ann@example.org> 写道："},
	{"zh 163", "在 2020-05-12 10:07:12，\"Ann Example\" <ann@example.org> 写道："},
	{"en 163", "At 2020-05-12 10:07:12, \"Ann Example\" <ann@example.org> wrote:"},
	{"ko gmail", "2020년 5월 12일 (화) 오전 10:07, Ann Example <ann@example.org>님이 작성:"},
	{"ko apple", "2020. 5. 12. 오전 10:07, Ann Example <ann@example.org> 작성:"},
	{"vi gmail", "Vào Th 3, 12 thg 5, 2020 vào lúc 10:07 Ann Example <ann@example.org> đã viết:"},
	{"th gmail", "ในวันที่ อ. 12 พ.ค. 2020 เวลา 10:07 Ann Example <ann@example.org> เขียนว่า:"},
	{"id gmail", "Pada tanggal Sel, 12 Mei 2020 pukul 10.07 Ann Example <ann@example.org> menulis:"},
	{"ms gmail", "Pada Sel, 12 Mei 2020 pada 10:07 PG Ann Example <ann@example.org> menulis:"},
	{"fil gmail", "Noong Mar, May 12, 2020 nang 10:07 AM, isinulat ni Ann Example <ann@example.org> ang:"},
	{"hi gmail", "मंगल, 12 मई 2020 को 10:07 पूर्वाह्न बजे को Ann Example <ann@example.org> ने लिखा:"},
	{"sw gmail", "Mnamo Jum, 12 Mei 2020 saa 10:07 Ann Example <ann@example.org> aliandika:"},
	{"af thunderbird", "Op 2020/05/12 10:07 het Ann Example geskryf:"},
}

func TestReplyAttributionsInManyLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range attributions {
		seen[strings.Fields(a.lang)[0]] = true
		for _, shape := range []struct{ name, below string }{
			{"marked", "\n> Is it there?\n> Ann\n"},
			{"marked after a blank", "\n\n> Is it there?\n>\n> Ann\n"},
			{"unmarked", "\n\nIs it there?\nAnn\n"},
		} {
			if strings.HasPrefix(a.line, ">") && shape.name == "unmarked" {
				continue
			}
			if a.lang == "en mutt" && shape.name == "unmarked" {
				continue // no word for "wrote": only a marked quote makes sure
			}
			for _, glue := range []string{"\n\n", "\n"} {
				body := "Yes, it came.\nThank you" + glue + a.line + shape.below
				if got, want := ReplyFromText(body), "Yes, it came.\nThank you"; got != want {
					t.Errorf("%s, %s: got %q", a.lang, shape.name, got)
				}
			}
		}
		below := a.line + "\n> Is it there?\n\nYes, it came."
		if got := ReplyFromText(below); got != "Yes, it came." {
			t.Errorf("%s, answered below: got %q", a.lang, got)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d languages", len(seen))
	}
}

// headerBlocks are the fields that Outlook puts above a quoted message:
// from, sent, to, subject, by language.
var headerBlocks = []struct{ lang, from, sent, to, subject string }{
	{"en", "From", "Sent", "To", "Subject"},
	{"en mac", "From", "Date", "To", "Subject"},
	{"de", "Von", "Gesendet", "An", "Betreff"},
	{"de mac", "Von", "Datum", "An", "Betreff"},
	{"fr", "De", "Envoyé", "À", "Objet"},
	{"fr2", "De ", "Envoyé ", "À ", "Objet "},
	{"es", "De", "Enviado", "Para", "Asunto"},
	{"es2", "De", "Enviado el", "Para", "Asunto"},
	{"it", "Da", "Inviato", "A", "Oggetto"},
	{"nl", "Van", "Verzonden", "Aan", "Onderwerp"},
	{"pl", "Od", "Wysłano", "Do", "Temat"},
	{"pl2", "Od", "Wysłane", "Do", "Temat"},
	{"pt-BR", "De", "Enviado", "Para", "Assunto"},
	{"pt-BR2", "De", "Enviada em", "Para", "Assunto"},
	{"sv", "Från", "Skickat", "Till", "Ämne"},
	{"da", "Fra", "Sendt", "Til", "Emne"},
	{"no", "Fra", "Sendt", "Til", "Emne"},
	{"fi", "Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"},
	{"cs", "Od", "Odesláno", "Komu", "Předmět"},
	{"sk", "Od", "Odoslané", "Komu", "Predmet"},
	{"sl", "Od", "Poslano", "Za", "Zadeva"},
	{"hr", "Od", "Poslano", "Za", "Predmet"},
	{"hu", "Feladó", "Elküldve", "Címzett", "Tárgy"},
	{"ro", "De la", "Trimis", "Către", "Subiect"},
	{"tr", "Kimden", "Gönderme Tarihi", "Kime", "Konu"},
	{"tr2", "Gönderen", "Gönderildi", "Kime", "Konu"},
	{"et", "Saatja", "Saadetud", "Adressaat", "Teema"},
	{"lv", "No", "Nosūtīts", "Kam", "Tēma"},
	{"lt", "Nuo", "Išsiųsta", "Kam", "Tema"},
	{"ca", "De", "Enviat el", "Per a", "Assumpte"},
	{"ru", "От", "Отправлено", "Кому", "Тема"},
	{"ru mac", "От", "Дата", "Кому", "Тема"},
	{"uk", "Від", "Надіслано", "Кому", "Тема"},
	{"bg", "От", "Изпратено", "До", "Относно"},
	{"el", "Από", "Στάλθηκε", "Προς", "Θέμα"},
	{"he", "מאת", "נשלח", "אל", "נושא"},
	{"ar", "من", "تم الإرسال", "إلى", "الموضوع"},
	{"fa", "از", "ارسال شده", "به", "موضوع"},
	{"ja", "差出人", "送信日時", "宛先", "件名"},
	{"zh-CN", "发件人", "发送时间", "收件人", "主题"},
	{"zh-TW", "寄件者", "寄件日期", "收件者", "主旨"},
	{"ko", "보낸 사람", "보낸 날짜", "받는 사람", "제목"},
	{"vi", "Từ", "Đã gửi", "Đến", "Chủ đề"},
	{"th", "จาก", "ส่ง", "ถึง", "เรื่อง"},
	{"id", "Dari", "Dikirim", "Kepada", "Subjek"},
}

func TestReplyHeaderBlocksInManyLanguages(t *testing.T) {
	for _, h := range headerBlocks {
		plain := []string{
			h.from + ": Ann Example <ann@example.org>",
			h.sent + ": 12.05.2020 10:07",
			h.to + ": Bob Example <bob@example.net>",
			h.subject + ": Your order",
		}
		var bold, wide []string
		for _, l := range plain {
			key, value, _ := strings.Cut(l, ": ")
			bold = append(bold, "*"+key+":* "+value)
			wide = append(wide, key+"："+value)
		}
		blocks := map[string][]string{"plain": plain, "bold": bold, "wide colon": wide, "blank lines": {plain[0] + "\n", plain[1] + "\n", plain[2] + "\n", plain[3]}}
		for missing := range plain {
			var b []string
			for i, l := range plain {
				if i != missing {
					b = append(b, l)
				}
			}
			blocks["without line "+string(rune('1'+missing))] = b
		}
		for name, b := range blocks {
			block := strings.Join(b, "\n")
			for _, glue := range []string{"\n\n", "\n", "\n\n________________________________\n", "\n\n  "} {
				body := "Yes, it came.\nThank you" + glue + block + "\n\nIs it there?\n\nAnn"
				if got, want := ReplyFromText(body), "Yes, it came.\nThank you"; got != want {
					t.Errorf("%s, %s: got %q", h.lang, name, got)
				}
			}
		}
		passedOn := strings.Join(plain, "\n") + "\n\nIs it there?\n\nAnn"
		if got := ReplyFromText(passedOn); got != passedOn {
			t.Errorf("%s: passed on with no word: got %q", h.lang, got)
		}
	}
	if len(headerBlocks) < 30 {
		t.Error("too few languages")
	}
}

func TestReplyOriginalMessageLines(t *testing.T) {
	for _, phrase := range []string{
		"Original Message", "Ursprüngliche Nachricht", "Original-Nachricht", "Message d'origine", "Message d’origine", "Mensaje original", "Messaggio originale",
		"Oorspronkelijk bericht", "Oorspronkelijk bericht", "Wiadomość oryginalna", "Mensagem original", "Ursprungligt meddelande", "Originalmeddelande", "Oprindelig meddelelse",
		"Oprindelig besked", "Opprinnelig melding", "Alkuperäinen viesti", "Původní zpráva", "Pôvodná správa", "Izvirno sporočilo", "Izvorna poruka", "Eredeti üzenet", "Mesaj original",
		"Orijinal Mesaj", "Özgün İleti", "Algne kiri", "Sākotnējais ziņojums", "Originalus laiškas", "Missatge original", "Исходное сообщение", "Вихідне повідомлення", "Оригинално съобщение",
		"Αρχικό μήνυμα", "הודעה מקורית", "الرسالة الأصلية", "پیام اصلی", "原始邮件", "原始郵件", "元のメッセージ", "원본 메시지", "Thư gốc", "ข้อความต้นฉบับ", "Pesan asli",
	} {
		for _, line := range []string{"-----" + phrase + "-----", "-------- " + phrase + " --------", "----- " + strings.ToLower(phrase) + " -----"} {
			body := "Yes.\n\n" + line + "\nIs it there?"
			if strings.Contains(phrase, "İ") && line[5] != 'O' && strings.Contains(line, "i̇") {
				continue // lower-casing by Go is not Turkish
			}
			if got := ReplyFromText(body); got != "Yes." {
				t.Errorf("%s: got %q", line, got)
			}
		}
	}
	unknown := "Jes.\n\n----- Iu nekonata frazo -----\nFrom: ann@example.org\nSent: 12.05.2020 10:07\nTo: bob@example.net\nSubject: Saluton\n\nĈu?"
	if got := ReplyFromText(unknown); got != "Jes." {
		t.Errorf("separator in an unknown language: got %q", got)
	}
}

func TestReplyMobileFooters(t *testing.T) {
	for _, f := range []string{
		"Sent from my iPhone", "Sent from my iPad", "Sent from my Verizon Wireless BlackBerry", "Sent from my Samsung Galaxy smartphone.", "Sent from my mobile phone, please excuse brevity and typos",
		"Sent from Mail for Windows 10", "Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows 10", "Sent from Outlook<http://aka.ms/weboutlook>", "Sent from Yahoo Mail on Android",
		"Sent from Yahoo Mail for iPhone <https://overview.mail.yahoo.com/?.src=iOS>", "Get Outlook for Android", "Get Outlook for iOS<https://aka.ms/o0ukef>", "Get Outlook for Android (https://aka.ms/AAb9ysg)",
		"Sent with Proton Mail secure email.", "Sent via BlackBerry from T-Mobile", "Sent using Zoho Mail", "Sent with Spark", "*Sent from my iPhone*", "[Sent from my iPhone]", "Sent from my Huawei Mobile",
		"Von meinem iPhone gesendet", "Gesendet von meinem iPad", "Gesendet mit der GMX Mail App", "Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.", "Von meinem Samsung Galaxy Smartphone gesendet.",
		"Gesendet von Outlook für Android<https://aka.ms/AAb9ysg>", "Outlook für iOS beziehen", "Outlook für Android herunterladen<https://aka.ms/AAb9ysg>", "Gesendet von Mail für Windows",
		"Envoyé de mon iPhone", "Envoyé depuis mon smartphone Samsung Galaxy.", "Envoyé à partir de Outlook pour Android", "Télécharger Outlook pour Android", "Obtenir Outlook pour iOS", "Provenance : Courrier pour Windows 10",
		"Enviado desde mi iPhone", "Enviado desde mi smartphone Samsung Galaxy.", "Obtener Outlook para Android", "Enviado desde Correo para Windows 10<https://go.microsoft.com/fwlink/?LinkId=550986>",
		"Enviado do meu iPhone", "Enviado do Yahoo Mail no Android", "Obter o Outlook para Android", "Inviato da iPhone", "Inviato dal mio dispositivo Samsung", "Scarica Outlook per Android", "Ottieni Outlook per iOS",
		"Verstuurd vanaf mijn iPhone", "Verzonden vanaf mijn Galaxy", "Outlook voor Android downloaden", "Download Outlook voor iOS", "Wysłane z iPhone'a", "Wysłano z telefonu Samsung", "Pobierz aplikację Outlook dla systemu Android",
		"Skickat från min iPhone", "Hämta Outlook för Android", "Skaffa Outlook för iOS", "Sendt fra min iPhone", "Hent Outlook til Android", "Få Outlook for Android", "Lähetetty iPhonesta", "Hanki Outlook for Android",
		"Odesláno z mého iPhonu", "Odoslané z iPhonu", "Poslano z mojega iPhona", "Poslano s mog iPhonea", "Az iPhone-omról küldve", "Elküldve az iPhone készülékemről", "Trimis de pe iPhone-ul meu", "Trimis de pe iPhone",
		"iPhone'umdan gönderildi", "Android için Outlook uygulamasını edinin", "Saadetud minu iPhone'ist", "Nosūtīts no mana iPhone", "Išsiųsta iš mano iPhone", "Enviat des del meu iPhone",
		"Отправлено с iPhone", "Отправлено из мобильной Почты Mail.ru", "Отправлено с моего iPhone", "Скачайте Outlook для Android", "Надіслано з iPhone", "Изпратено от моя iPhone", "Στάλθηκε από το iPhone μου", "Αποκτήστε το Outlook για Android",
		"נשלח מה-iPhone שלי", "أُرسلت من الـ iPhone", "تم الإرسال من هاتف Samsung", "از iPhone من ارسال شده", "iPhoneから送信", "Outlook for Android を入手", "发自我的 iPhone", "發自我的iPhone", "从我的手机发送", "获取 Outlook for Android",
		"나의 iPhone에서 보냄", "iPhone에서 보냄", "Gửi từ iPhone của tôi", "ส่งจาก iPhone ของฉัน", "Dikirim dari iPhone saya",
	} {
		for _, below := range []string{"", "\n\nOn Tue, May 12, 2020 at 10:07 AM Ann <ann@example.org> wrote:\n> Is it there?"} {
			body := "Yes, it came.\n\n" + f + below
			if got := ReplyFromText(body); got != "Yes, it came." {
				t.Errorf("%s: got %q", f, got)
			}
		}
	}
}

func TestReplyLineInEveryLanguage(t *testing.T) {
	for lang, line := range replyLines {
		for _, quoted := range []string{line, "-- \n" + line, " " + line} {
			body := "Yes, it came.\n\n" + quoted + "\nAnn wrote to us:\nIs it there?"
			if got := ReplyFromText(body); got != "Yes, it came." {
				t.Errorf("%s: got %q", lang, got)
			}
		}
		between := line + "\nAnn wrote to us:\nIs it there?\n" + line + "\n\nYes, it came."
		if got := ReplyFromText(between); got != "Yes, it came." {
			t.Errorf("%s, between two lines: got %q", lang, got)
		}
	}
	for _, line := range []string{
		"##- Please type your reply above this line -##", "## Please write above this line ##", "--- Reply above this line ---", "==== Please reply above this line ====",
		"## In replies all text above this line is added to the ticket ##", "Please reply above this line", "-- Bitte antworten Sie oberhalb dieser Linie --",
	} {
		if got := ReplyFromText("Yes.\n\n" + line + "\n\nTicket 4711\nIs it there?"); got != "Yes." {
			t.Errorf("%s: got %q", line, got)
		}
	}
	if s := "As I said above this line of thought, it works."; ReplyFromText(s+"\n\nBye") != s+"\n\nBye" {
		t.Error("a sentence was taken for a reply line")
	}
}
