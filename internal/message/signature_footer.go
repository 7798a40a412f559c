package message

import "strings"

// footerWords are the words with which the lines begin, or end, that mobile
// mail programs and web mailers append: "sent" and "get" in many languages.
// They are looked up before anything dearer is tried.
var footerWords = wordSet(`sent get gesendet diese dieses von verschickt versendet geschickt beziehen herunterladen envoyé envoye télécharger obtenez obtenir téléchargez provenance
	enviado enviada enviat obtener obtén obtenga descarga descargar obter obtenha baixe inviato inviata scarica ottieni verzonden verstuurd download downloaden ontvang
	wysłane wysłano wyslane wyslano pobierz skickat skickad hämta skaffa sendt få hent lähetetty hanki lataa odesláno odoslané odoslane poslané získejte stáhněte stiahnite
	küldve elküldve letöltése trimis descărcați obțineți gönderildi gönderilmiştir edinin отправлено отправленно получите скачать скачайте надіслано відправлено завантажте отримайте
	изпратено изтеглете poslano послато poslato preuzmi preuzmite στάλθηκε απεστάλη εστάλη αποκτήστε κατεβάστε saadetud hankige nosūtīts nosūtīta išsiųsta išsiuntė
	נשלח נשלחה أرسلت أُرسلت مرسل تم مُرسل ارسال شده فرستاده gửi đã tải dikirim dihantar dapatkan unduh ส่งจาก ส่ง รับ dërguar sendur bidalita
	android outlook iphone ipad via composed typed written`)

// footerBrands are what such lines name: makers, systems, programs.
var footerBrands = splitPhrases(`iphone|iphona|iphonu|iphonom|iphonie|ipad|ipod|айфон|blackberry|android|samsung|galaxy|huawei|xiaomi|redmi|nokia|lumia|xperia|htc|motorola|oneplus|oppo |pixel|wiko|honor |windows|symbian|macbook|apple watch|
	outlook|yahoo|gmail|hotmail|aol|protonmail|proton mail|tutanota|tuta mail|mail.ru|yandex|яндекс|gmx|web.de|freenet|t-online|laposte|libero|virgilio|zoho|hushmail|fastmail|hey.com|icloud|apple mail|qq邮箱|qq mail|
	typeapp|bluemail|blue mail|mailbird|spark|airmail|polymail|newton mail|superhuman|acompli|sparrow|mailbox|aqua mail|aquamail|k-9|fairemail|thunderbird|postbox|em client|edison|boxer|mailspring|canary|missive|cloudmagic|mymail|kindle|verizon|t-mobile|vodafone|telstra`)

// footerDevices are the plain names of devices: they need a word of ownership
// beside them.
var footerDevices = splitPhrases(`smartphone|mobile|mobil|handy|phone|tablet|telefon|telefoon|téléphone|teléfono|telefone|móvil|celular|cellulare|puhelime|телефон|смартфон|планшет|mobiel|portable|komórk|手机|手機|携帯|スマートフォン|핸드폰|휴대폰|스마트폰|điện thoại|ponsel|هاتف|جوال|הנייד|סמארטפון|κινητό|wireless|my mac`)

// ownWords tell a footer from a sentence: "from my", "von meinem", "de mon".
var ownWords = splitPhrases(`from my |from mail|from outlook|from yahoo|from samsung|from typeapp|from the all new|from aol|from proton|from gmail|from for |from a |from |von meinem |von meiner |vom |von mein|de mon |de ma |depuis |desde mi |desde |de mi |do meu |da minha |dal mio |da |dal |van mijn |vanaf mijn |met mijn |
	z mojego |z telefonu |från min |fra min |fra mit |minun |z mého |z mojho |zo svojho |a telefonomról|s mog |iz moj|de pe |din |с моего |с мого |з мого |із мого |от моя |από το |minu |no mana |iš mano |מה|من |từ |dari |จาก |
	via |with |mit |avec |con |com |using |through |for android|for ios|for iphone|for windows`)

// footerGlued are footers in scripts without spaces, found anywhere in a line.
var footerGlued = []string{"から送信", "发自我的", "發自我的", "从我的", "從我的", "에서 보냄", "에서 보낸", "에서 발송", "发送自", "傳送自我的", "来自我的", "寄自我的",
	"からの送信", "手机发送", "iPhoneより送信", "を入手", "を使用して送信", "手机版发送", "에서 전송", "邮箱发送", "邮箱手机版", "获取 Outlook", "取得 Outlook", "다운로드하세요", "Outlook 받기", "Outlook for Android を", "Outlook for iOS を", "에서 나의"}

// isFooterStart is the cheap test before isMobileFooter.
func isFooterStart(t string) bool {
	if len(t) < 8 || len(t) > 220 {
		return false
	}
	end := 0
	for end < len(t) && t[end] != ' ' && t[end] != '<' && t[end] != '(' {
		end++
	}
	if t[0] >= 0xE0 || strings.HasPrefix(t, "iPhone") || strings.HasPrefix(t, "iPad") {
		return true
	}
	first := 0
	for first < end && (t[first] == '*' || t[first] == '_' || t[first] == '[') {
		first++
	}
	if lookupFold(footerWords, t[first:end]) {
		return true
	}
	last := len(t)
	for last > 0 && (t[last-1] == '*' || t[last-1] == '_' || t[last-1] == ']' || t[last-1] == '.' || t[last-1] == '!') {
		last--
	}
	return lookupFold(footerWords, t[strings.LastIndexByte(t[:last], ' ')+1:last])
}

// lookupFold looks an ASCII or other word up in lower case.
func lookupFold(set map[string]struct{}, w string) bool {
	var buf [40]byte
	if len(w) > len(buf) {
		return false
	}
	for i := 0; i < len(w); i++ {
		c := w[i]
		if c >= 0x80 {
			_, ok := set[strings.ToLower(w)]
			return ok
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	_, ok := set[string(buf[:len(w)])]
	return ok
}

// isMobileFooter recognises "Sent from my iPhone" and its kin in many
// languages. It names a device or program, is short and is no sentence:
// "Sent from my desk, is much easier than my phone." stays. Where it is close
// below other text it must end with what it names.
func isMobileFooter(t string, close bool) bool {
	text, hadLink := withoutLinks(strings.Trim(t, " *_-–—|[]"))
	for _, g := range footerGlued {
		if strings.Contains(text, g) && len(text) <= 90 {
			return true
		}
	}
	low := strings.ToLower(text)
	low = strings.TrimRight(low, ".!\u200e ")
	excused := false
	for _, sep := range []string{", ", ". ", " - ", "; ", " – ", " — "} {
		i := strings.Index(low, sep)
		if i < 0 {
			continue
		}
		rest := low[i:]
		for _, w := range []string{"excuse", "pardon", "forgive", "brief", "brevity", "typo", "misspell", "entschuldig", "tippfehler", "kürze", "excus", "disculp", "scus", "kort", "brev", "please consider", "sorry", "fautes", "autocorre"} {
			if strings.Contains(rest, w) {
				excused = true
			}
		}
		if !excused {
			return false
		}
		low = low[:i]
		break
	}
	if len(low) > 90 || strings.Count(low, " ") > 11 || strings.ContainsAny(low, "?!;") {
		return false
	}
	low = strings.TrimPrefix(low, "provenance : ")
	if strings.IndexByte(low, ':') >= 0 {
		return false
	}
	if close && !hadLink && !hasAnyOf(low[strings.LastIndexByte(low, ' ')+1:], footerBrands) && !lookupFold(footerWords, low[strings.LastIndexByte(low, ' ')+1:]) {
		return false
	}
	brand := hasAnyOf(low, footerBrands)
	if !brand && !hasAnyOf(low, footerDevices) {
		return false
	}
	if brand && (hadLink || excused) {
		return true
	}
	if strings.Contains(low, "outlook") && (strings.Contains(low, "android") || strings.Contains(low, "ios")) {
		// "Outlook für Android beziehen", "Get Outlook for iOS".
		return strings.Count(low, " ") <= 7
	}
	if strings.HasPrefix(low, "outlook") || strings.HasPrefix(low, "android") {
		return false
	}
	english := strings.HasPrefix(low, "sent ") || strings.HasPrefix(low, "get ") || strings.HasPrefix(low, "typed ") || strings.HasPrefix(low, "written ") || strings.HasPrefix(low, "composed ")
	if brand && !english && strings.Count(low, " ") <= 7 {
		return true
	}
	for _, o := range ownWords {
		if i := strings.Index(low+" ", o); i >= 0 && strings.Count(low[:i], " ") <= 3 {
			return true
		}
	}
	return false
}

func hasAnyOf(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// withoutLinks takes links in brackets, or at the end, out of a line.
func withoutLinks(s string) (string, bool) {
	had := false
	for range 3 {
		i := strings.Index(s, "://")
		if i < 0 {
			break
		}
		had = true
		from := i
		for from > 0 && strings.IndexByte("<([ ", s[from-1]) < 0 {
			from--
		}
		to := i
		for to < len(s) && strings.IndexByte(">)] ", s[to]) < 0 {
			to++
		}
		if to < len(s) && s[to] != ' ' {
			to++
		}
		for from > 0 && strings.IndexByte("<([] ", s[from-1]) >= 0 {
			from--
		}
		s = s[:from] + s[to:]
	}
	return strings.TrimSpace(s), had
}

// isServiceFooter recognises what virus scanners and web mailers append.
func isServiceFooter(par []replyLine) bool {
	if len(par) > 6 {
		return false
	}
	low := strings.ToLower(trimLineLeft(par[0].s))
	for _, p := range []string{"virus-free. ", "virus-free.www", "virenfrei. ", "garanti sans virus", "libre de virus. ", "livre de vírus", "privo di virus", "virusvrij", "без вирусов",
		"this email has been checked for viruses", "diese e-mail wurde von avast", "cet e-mail a été vérifié par", "please consider the environment before printing", "save paper", "bitte denken sie an die umwelt",
		"pensez à l'environnement", "avant d'imprimer", "___", "scanned by ", "this message has been scanned"} {
		if strings.HasPrefix(low, p) {
			return p != "___"
		}
	}
	return false
}

// isDisclaimer reports whether some paragraph of lines is legal boilerplate.
func isDisclaimer(lines []replyLine) bool {
	return legalWords(lines) >= 3
}

// isLegal reports whether a paragraph is legal boilerplate: it opens as such
// and has its words.
func isLegal(par []replyLine) bool {
	low := strings.ToLower(strings.TrimLeft(trimLineLeft(par[0].s), "*_#-[( "))
	for _, p := range legalOpenings {
		if strings.HasPrefix(low, p) {
			return legalWords(par) >= 2
		}
	}
	return false
}

var legalOpenings = splitPhrases(`this e-mail|this email|this message|this communication|this transmission|this electronic|the information contained|the information in this|the contents of this|the content of this|confidential|disclaimer|privileged|notice:|important notice|legal notice|please note: this|if you are not the intended|if you have received this|any views
	diese e-mail|diese email|diese nachricht|der inhalt dieser|die information|vertraulich|haftungsausschluss|hinweis: diese|sollten sie nicht|wenn sie nicht der|ce message|ce courriel|cet e-mail|cet email|ce courrier|les informations contenues|avis de confidentialité|confidentialité|
	este mensaje|este correo|esta comunicación|la información contenida|aviso legal|aviso de confidencialidad|le informazioni contenute|questo messaggio|questa e-mail|questa email|avviso di riservatezza|ai sensi|
	dit bericht|deze e-mail|de informatie|esta mensagem|este e-mail|este email|as informações|aviso legal|ta wiadomość|niniejsza wiadomość|treść tej wiadomości|informacja zawarta|informacje zawarte|
	detta meddelande|detta e-post|denne e-mail|denne meddelelse|denne e-posten|tämä viesti|tämä sähköposti|tato zpráva|tento e-mail|ez az e-mail|ezen üzenet|bu e-posta|bu mesaj|bu ileti|
	данное сообщение|это сообщение|настоящее сообщение|эта электронная|це повідомлення|acest mesaj|acest e-mail|αυτό το μήνυμα|本邮件|本郵件|此邮件|このメール|本メール|이 메일|본 메일|הודעה זו|هذه الرسالة|هذا البريد`)

var legalTerms = splitPhrases(`confidential|privileged|intended|recipient|addressee|unauthori|disclos|dissemin|delete|prohibited|liabil|legally|vertraulich|empfänger|bestimmt|unbefugt|irrtümlich|löschen|vernichten|confidentiel|destinataire|destiné|supprim|interdit|confidencial|destinatari|privilegi|prohibid|elimin|borr|
	riservat|vietat|cancell|esclusivo|vertrouwelijk|geadresseerde|bestemd|verwijder|poufn|adresat|przeznaczon|usun|konfidentiel|mottagare|modtager|fortrolig|mottaker|luottamuksell|vastaanottaj|důvěrn|určen|bizalmas|címzett|gizli|alıcı|конфиденциальн|адресат|получател|предназначен|удал|конфіденційн|εμπιστευτικ|παραλήπτ|
	机密|保密|收件人|機密|宛先|削除|破棄|기밀|수신인|삭제|סודי|נמען|سري|المرسل إليه`)

// legalWords counts the different legal terms in lines.
func legalWords(lines []replyLine) int {
	size := 0
	for i := range lines {
		size += len(lines[i].s) + 1
	}
	if size < 60 || size > 16<<10 {
		return 0
	}
	var b strings.Builder
	b.Grow(size)
	for i := range lines {
		b.WriteString(lines[i].s)
		b.WriteByte(' ')
	}
	low := strings.ToLower(b.String())
	n := 0
	for _, w := range legalTerms {
		if strings.Contains(low, w) {
			n++
		}
	}
	return n
}
