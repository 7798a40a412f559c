package message

// The words by which mail programs say, in the languages they are translated
// to, that what follows was written by somebody else. Every table is fixed
// data: it is built once and never written to.

// wroteWords are the words of an attribution line that mean "wrote", each in
// the form in which mail programs use it, cut at brackets: "napisał(a)" is
// found by "napisał".
var wroteWords = wordSet(`
	wrote writes écrit ecrit schrieb geschrieben schreef geschreven schrijft
	escribió escribio escribe escrigué escriure escriu escreveu escribiu escreve
	scritto scrive scris scrie napisał napisała napisal napisala pisze
	napsal napsala napísal napísala píše píse napisao napisala napisalo piše
	napisali написал написала написало пишет писал писала написав написала пише
	писав написао написа напиша напісаў напісала піша
	skrev skriver skrifaði kirjoitti kirjutas kirjutab rakstīja raksta rašė parašė
	írta irta írt yazdı yazdi yazmış yazıb yazmışdır έγραψε εγραψε
	shkroi shkruajti כתב כתבה מאת كتب كتبت يكتب كتابة نوشت نوشته
	لکھا लिखा लिहिले লিখেছেন লিখেছে menulis tulis isinulat sumulat aliandika
	geskryf skribis ysgrifennodd scríobh scriobh idatzi დაწერა գրել жазды
	napisało viết scrivi schräift geschriwwen skrivet scrisse`)

// saidWords mean "said" or "sent": they stand in ordinary sentences too, so an
// attribution by one of them needs an address beside it.
var saidWords = wordSet(`said says sent sagte meinte dijo disse dit sade sagde sanoi powiedział řekl сказал`)

// wroteParts are found inside a line, for scripts that put no spaces between
// words.
var wroteParts = []string{
	"写道", "寫道", "写到", "寫到", "写了", "寫了", "撰写", "さんは書きました", "書きました", "が書いた", "のメール", "のメッセージ",
	"님이 작성", "작성:", "작성 :", "쓴 글", "썼습니다", "작성함", "เขียนว่า", "เขียน:", "เขียน", "எழுதியது", "എഴുതി", "రాశారు", "ಬರೆದಿದ್ದಾರೆ",
	"લખ્યું", "ਲਿਖਿਆ", "ने लिखा", "សរសេរ", "ရေးသားခဲ့သည်",
}

// leadWords open an attribution line: "On …", "Am …", "Le …", "Στις …".
var leadWords = wordSet(`
	on le am el il em op den dne dňa dna dana w dnia in la pe în la data på pa the
	o v u στις στη την vào vao pada tarikh ngày fecha datum
	في فى بتاريخ בתאריך ב در تاریخ مورخ ในวันที่ เมื่อ noong tarehe mnamo на у 在 於 于
	zitat quoting citando citiere citát missatge mensaje mensagem från od
	a az þann kuupäev datë më ziua quoth at`)

// quotedBy open the attribution lines of Horde and its kin.
var quotedBy = []string{"quoting ", "zitat von ", "citando ", "citando a ", "quoth ", "mensaje citado por ", "citát ", "citerar ", "selon ", "citerer "}

// headerWords map the names of header fields, as mail programs translate them
// above a quoted message, to what they stand for.
var headerWords = headerSet(map[headerClass]string{
	hdrFrom: `from|de|von|van|da|od|fra|från|от|от кого|від|від кого|ад|от:|lähettäjä|kimden|gönderen|feladó|küldő|από|expéditeur|expeditor|
		de la|mittente|remitente|remetente|afzender|absender|nadawca|odesílatel|odosielateľ|pošiljatelj|šalje|saatja|kellelt|no|siuntėjas|nuo|sūtītājs|
		מאת|من|المرسل|از|فرستنده|từ|người gửi|dari|daripada|mula kay|จาก|ผู้ส่ง|प्रेषक|से|प्रेषकः|প্রেরক|
		发件人|寄件者|寄件人|發件人|发信人|差出人|送信者|送信元|보낸 사람|보낸사람|보낸이|发自|nga|dërguesi|remitent|frá|gan|o|oddi wrth|nork|igorlea|
		sender|message de|mensaje de|mensagem de|gesendet von|sent by|posted by|kirjutas|шаље|испраќач|од|kimdən|кімнен`,
	hdrSent: `sent|date|sent on|date sent|date/time|gesendet|gesendet am|datum|datum/uhrzeit|envoyé|envoyé le|envoye|envoyé :|date d'envoi|date d’envoi|message du|
		enviado|enviado el|enviado em|enviada|enviada em|fecha|fecha de envío|data|data de envio|inviato|inviato il|data invio|verzonden|verzonden op|verstuurd|
		wysłano|wyslano|wysłane|data wysłania|sendt|dato|skickat|skickat den|datum skickat|lähetetty|päiväys|päivämäärä|pvm|odesláno|odeslané|odoslané|odosláno|poslano|poslané|dátum|
		elküldve|küldve|küldés dátuma|küldés ideje|keltezés|tarih|gönderme tarihi|gönderildi|gönderim tarihi|gönderilme zamanı|
		отправлено|дата|дата отправки|надіслано|дата надсилання|надіслана|адпраўлена|изпратено|испратено|послато|
		στάλθηκε|ημερομηνία|ημ/νία|απεστάλη|trimis|trimis la|trimise|data trimiterii|saadetud|kuupäev|nosūtīts|datums|išsiųsta|data:|siųsta|
		נשלח|תאריך|تاريخ|تم الإرسال|التاريخ|تاريخ الإرسال|أرسلت|مرسل|ارسال شده|تاریخ|đã gửi|ngày|ngày gửi|thời gian|dikirim|tanggal|dihantar|tarikh|ส่ง|ส่งเมื่อ|วันที่|
		भेजा गया|दिनांक|发送时间|发送日期|日期|時間|时间|傳送時間|寄件日期|寄送日期|發送時間|傳送日期|送信日時|日付|日時|보낸 날짜|날짜|보낸시간|보낸 시간|일시|
		dërguar|data e dërgimit|sent.|dagsetning|enviat|enviat el|data d'enviament|bidalia|bidaltze-data|petsa|time|göndərildi|жіберілді`,
	hdrTo: `to|an|à|a|para|aan|do|til|till|to:|кому|до|для|каму|на|vastaanottaja|kime|alıcı|címzett|címzettek|προς|către|catre|destinataire|destinataires|destinatario|destinatarios|
		destinatari|destinatário|per|za|prima|pro|komu|pre|kellele|saaja|kam|kam:|kuo|gavėjas|kuriam|adresāts|adressaat|אל|إلى|الى|به|گیرنده|đến|tới|gửi tới|người nhận|kepada|untuk|ke|ถึง|प्रति|को|
		收件人|收件者|受信者|宛先|받는 사람|받는사람|수신자|送信先|收信人|për|marrësi|per a|viðtakandi|nori|hartzailea|empfänger|ontvanger|odbiorca|adresat|примач|прима|за|kimə|кімге|naar`,
	hdrCc: `cc|bcc|cc:|kopie|kopie (cc)|copie|copie à|copia|cópia|c.c.|kopia|kopi|kopio|kópia|másolat|bilgi|копия|копія|копие|копија|κοιν|κοινοποίηση|κοιν.|
		dw|udw|kopija|ucc|co|عناية|نسخة|نسخة إلى|رونوشت|העתק|עותק|tembusan|salinan|สำเนา|प्रतिलिपि|抄送|副本|ｃｃ|참조|숨은 참조|密件抄送|密件副本|skrytá kopie|reply-to|reply to|antwort an|répondre à|responder a|svar til|rispondi a|odpowiedz do|
		organization|organisation|importance|wichtigkeit|priorité|importancia|importância|prioritet|prioriteit|priorität|betydelse|viktighet|newsgroups|attachments|anlagen|pièces jointes|adjuntos|bijlagen|allegati|załączniki|anexos|bilagor|vedhæftede filer|liitteet|вложения|přílohy|mellékletek|ekler|附件|添付ファイル|첨부`,
	hdrSubject: `subject|subject:|betreff|betr.|betr|objet|asunto|assunto|oggetto|onderwerp|temat|emne|ämne|aihe|otsikko|předmět|predmet|tárgy|konu|тема|тэма|относно|предмет|наслов|
		θέμα|subiect|subiectul|teema|temats|tēma|tema|naslov|zadeva|sujet|הנושא|נושא|الموضوع|موضوع|chủ đề|tiêu đề|subjek|perihal|judul|hal|tajuk|paksa|เรื่อง|หัวเรื่อง|หัวข้อ|विषय|
		主题|主旨|主題|标题|標題|件名|题目|제목|subjekt|efni|ábhar|pwnc|gaia|assumpte|lënda|subjekti|mövzu|тақырып|re`,
})

// originalPhrases stand between dashes above the message that is answered.
var originalPhrases = wordLines(`
	original message|original email|original mail|original appointment|reply message|message|reply separator|previous message|quoted message|quoted text
	ursprüngliche nachricht|ursprungliche nachricht|originalnachricht|original-nachricht|original nachricht|originale nachricht|ursprüngliche mail|antwort auf|ursprünglicher termin|reply-nachricht
	message d'origine|message d’origine|message original|message initial|courriel d'origine|courrier original|mail original|e-mail d'origine|message d´origine
	mensaje original|correo original|mensagem original|mensagem de origem|e-mail original|missatge original|mensaxe orixinal|jatorrizko mezua
	messaggio originale|messaggio di origine|messaggio originario|oorspronkelijk bericht|oorspronkelijke bericht|origineel bericht|originele bericht|oorspronkelijke afspraak|oorspronkelijk e-mailbericht
	wiadomość oryginalna|oryginalna wiadomość|oryginalna wiadomosc|wiadomosc oryginalna|treść oryginalnej wiadomości|treść wiadomości|wiadomość pierwotna
	oprindelig meddelelse|oprindelig besked|oprindelig mail|den oprindelige meddelelse|original meddelelse|original besked|oprindelig e-mail|opprinnelig melding|opprinnelig beskjed|opprinnelig e-post|original melding|opprinneleg melding|
	ursprungligt meddelande|originalmeddelande|ursprungligt mail|original meddelande|ursprungligt e-postmeddelande
	alkuperäinen viesti|alkuperäinen sähköposti|alkuperäinen|algne kiri|algne sõnum|algkiri|sākotnējais ziņojums|oriģinālais ziņojums|originalus laiškas|originali žinutė|pradinis laiškas|originalus pranešimas
	původní zpráva|puvodni zprava|původní e-mail|pôvodná správa|povodna sprava|originálna správa|izvirno sporočilo|prvotno sporočilo|originalno sporočilo|izvorna poruka|originalna poruka|izvorna poruka:|izvorna poruka -
	eredeti üzenet|eredeti levél|az eredeti üzenet|mesaj original|mesajul original|mesaj inițial|orijinal mesaj|özgün ileti|asıl ileti|orijinal ileti|özgün mesaj|orijinal e-posta|orijinal mesaj metni
	исходное сообщение|исходное письмо|оригинальное сообщение|первоначальное сообщение|пересылаемое исходное сообщение|оригинал сообщения|вихідне повідомлення|оригінальне повідомлення|початкове повідомлення|оригінал повідомлення|
	оригинално съобщение|първоначално съобщение|оригинално писмо|оригинална порука|изворна порука|изворна порака|оригинална порака|зыходнае паведамленне|арыгінальнае паведамленне
	αρχικό μήνυμα|αρχικο μηνυμα|πρωτότυπο μήνυμα|mesazhi origjinal|mesazh origjinal|upprunaleg skilaboð|upprunaleg skeyti|orihinal na mensahe
	הודעה מקורית|ההודעה המקורית|הודעה המקורית|הודעת מקור|الرسالة الأصلية|رسالة أصلية|الرسالة الاصلية|رساله أصلية|رسالة البريد الأصلية|پیام اصلی|پیغام اصلی|نامه اصلی|اصل پیغام
	thư gốc|tin nhắn gốc|thông báo gốc|thư ban đầu|nội dung gốc|pesan asli|pesan awal|surat asli|mesej asal|mesej asli|ข้อความต้นฉบับ|ข้อความเดิม|จดหมายต้นฉบับ|मूल संदेश|মূল বার্তা|
	原始邮件|原始信息|原邮件|原始郵件|原始信件|原始訊息|原信|邮件原件|回复的原邮件|原始消息|元のメッセージ|元のメール|オリジナル メッセージ|オリジナルメッセージ|元メッセージ|original message:|원본 메시지|원본 메일|원본메시지|원본 이메일|원래 메시지|원문|original tartalom`)

// forwardPhrases stand above a message that is passed on: that text is what
// the writer wanted to send, so it stays.
var forwardPhrases = wordLines(`
	forwarded message|forwarded mail|forwarded by|begin forwarded message|forwarded email|start of forwarded message|forwarded|original message forwarded|forwarded conversation
	weitergeleitete nachricht|weitergeleitete mail|weitergeleitet von|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|beginn der weitergeleiteten nachricht|weitergeleitete message
	message transféré|message transmis|message réexpédié|début du message transféré|début du message réexpédié|courriel transféré|transféré par|e-mail transféré
	mensaje reenviado|inicio del mensaje reenviado|correo reenviado|reenviado por|missatge reenviat|mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada|mensaxe reenviada|e-mail encaminhado
	messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|inoltrato da|messaggio rediretto|doorgestuurd bericht|begin doorgestuurd bericht|doorgestuurd door|begin van doorgestuurd bericht|begin doorgestuurd e-mailbericht
	wiadomość przekazana dalej|przekazana wiadomość|wiadomość przekazana|początek przekazywanej wiadomości|początek wiadomości przekazanej dalej|treść przekazanej wiadomości|wiadomość przesłana dalej|przesłana wiadomość
	videresendt meddelelse|videresendt besked|videresendt melding|begin videresendt besked|start på videresendt besked|start på videresendt e-mail|videresendt e-post|videresend melding|begynnelse på videresendt melding|start på videresendt melding|
	vidarebefordrat meddelande|vidarebefordrat mail|vidarebefordrat brev|börja vidarebefordrat meddelande|vidarebefordrat mejl|början på vidarebefordrat meddelande
	välitetty viesti|edelleenlähetetty viesti|edelleen lähetetty viesti|välitetyn viestin alku|edastatud kiri|edastatud sõnum|pārsūtīts ziņojums|pārsūtītais ziņojums|pārsūtītā vēstule|persiųstas laiškas|persiųsta žinutė|persiunčiamas laiškas
	přeposlaná zpráva|přeposílaná zpráva|začátek přeposílané zprávy|předaná zpráva|preposlaná správa|preposielaná správa|začiatok preposlanej správy|posredovano sporočilo|proslijeđena poruka|prosleđena poruka|prosljeđena poruka
	továbbított üzenet|továbbított levél|továbbított üzenet kezdete|továbbított üzenet eleje|mesaj redirecționat|mesaj redirectionat|mesaj retrimis|iletilen mesaj|yönlendirilmiş ileti|iletilmiş mesaj|iletilen ileti|başlangıç iletilen mesaj|yönlendirilen ileti|iletilen e-posta
	пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение|начало переадресованного сообщения|пересылаемое письмо|пересланное письмо|переслане повідомлення|перенаправлене повідомлення|початок листа, що пересилається|початок переадресованого повідомлення|
	препратено съобщение|препратено писмо|прослеђена порука|препратена порака|перасланае паведамленне
	προωθημένο μήνυμα|προωθούμενο μήνυμα|αρχή προωθημένου μηνύματος|έναρξη προωθημένου μηνύματος|mesazh i përcjellë|framsend skilaboð|áframsend skilaboð|birbidalitako mezua
	הודעה שהועברה|הודעה מועברת|תחילת ההודעה שהועברה|رسالة معاد توجيهها|رسالة محولة|بدء الرسالة المحولة|رسالة تمت إعادة توجيهها|پیام هدایت شده|پیام فوروارد شده|پیام ارسالی|
	thư được chuyển tiếp|thư đã chuyển tiếp|tin nhắn được chuyển tiếp|chuyển tiếp tin nhắn|bắt đầu thư được chuyển tiếp|pesan terusan|pesan yang diteruskan|pesan diteruskan|mulai pesan terusan|mesej dimajukan|mesej yang dimajukan|ข้อความที่ส่งต่อ|ข้อความส่งต่อ|अग्रेषित संदेश|ফরওয়ার্ড করা বার্তা|
	转发的邮件|转发邮件|转发信件|轉寄郵件|轉寄的郵件|轉寄信件|被转发邮件|转发的信息|轉寄訊息|已转发的消息|下面是被转发的邮件|开始转发的邮件|開始轉寄郵件|以下は転送メッセージです|転送メッセージ|転送されたメッセージ|転送メール|전달된 메시지|전달된 메일|전달된 편지|전달 메시지|전달된 이메일`)

// headerClass says what a translated header name stands for; the classes are
// bits, so that a block can be judged by the set of them.
type headerClass uint8

const (
	hdrFrom headerClass = 1 << iota
	hdrSent
	hdrTo
	hdrCc
	hdrSubject
)
