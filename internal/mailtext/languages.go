package mailtext

// acks holds the acknowledgement and the privacy notice by language. The
// notice names, as Article 13 GDPR asks, the controller, purpose and basis,
// for how long, the rights, where to use them, and the right to complain; in
// at most ten lines. Names of desks are set apart by grammar that fits any name.
var acks = map[string]words{
	"en": {
		"We have received your message",
		"Hello,\n\nthank you for your message. It has reached {queue} and has the reference {ref}. Someone will read it and write back to you.\n\nTo add something, simply reply to this mail. This confirmation was written automatically.",
		"Privacy: {controller} is responsible for your data. We use your message to answer it and to deal with your request (Article 6(1)(b) or (f) GDPR), and keep it only as long as that and the law require. You may ask to see, receive, correct or erase your data or to restrict its use, and you may object to it: write to {contact}. You may also complain to a data protection authority.",
	},
	"de": {
		"Ihre Nachricht ist angekommen",
		"Guten Tag,\n\nvielen Dank für Ihre Nachricht. Sie ist bei {queue} eingegangen und hat das Zeichen {ref}. Jemand liest sie und schreibt Ihnen zurück.\n\nWenn Sie etwas ergänzen möchten, antworten Sie einfach auf diese Mail. Diese Bestätigung wurde automatisch geschrieben.",
		"Datenschutz: Verantwortlich für Ihre Daten ist {controller}. Wir verwenden Ihre Nachricht, um sie zu beantworten und Ihr Anliegen zu bearbeiten (Art. 6 Abs. 1 lit. b oder f DSGVO), und bewahren sie nur so lange auf, wie das und die Gesetze es erfordern. Sie können Auskunft, Herausgabe, Berichtigung, Löschung oder Einschränkung verlangen und der Verarbeitung widersprechen: schreiben Sie an {contact}. Sie können sich auch bei einer Datenschutzbehörde beschweren.",
	},
	"fr": {
		"Nous avons bien reçu votre message",
		"Bonjour,\n\nmerci pour votre message. Il est bien arrivé chez {queue} et porte la référence {ref}. Quelqu’un va le lire et vous répondre.\n\nPour ajouter quelque chose, répondez simplement à ce courriel. Cette confirmation a été écrite automatiquement.",
		"Protection des données : le responsable du traitement est {controller}. Votre message sert à vous répondre et à traiter votre demande (article 6, paragraphe 1, point b) ou f) du RGPD) ; il n’est conservé que le temps que cela et la loi exigent. Vous pouvez demander l’accès à vos données, leur remise, leur rectification, leur effacement ou la limitation de leur traitement, et vous y opposer : écrivez à {contact}. Vous pouvez aussi saisir une autorité de protection des données.",
	},
	"es": {
		"Hemos recibido su mensaje",
		"Hola:\n\nGracias por su mensaje. Ha llegado a {queue} y tiene la referencia {ref}. Alguien lo leerá y le responderá.\n\nSi desea añadir algo, responda a este correo. Esta confirmación se ha escrito automáticamente.",
		"Protección de datos: el responsable del tratamiento es {controller}. Utilizamos su mensaje para responderle y atender su solicitud (artículo 6, apartado 1, letra b) o f), del RGPD) y lo conservamos solo el tiempo que eso y la ley exijan. Puede pedir el acceso a sus datos, su entrega, su rectificación, su supresión o la limitación de su tratamiento, y puede oponerse a él: escriba a {contact}. También puede reclamar ante una autoridad de protección de datos.",
	},
	"it": {
		"Abbiamo ricevuto il suo messaggio",
		"Buongiorno,\n\ngrazie per il suo messaggio. È arrivato a {queue} e ha il riferimento {ref}. Qualcuno lo leggerà e le risponderà.\n\nPer aggiungere qualcosa basta rispondere a questa mail. Questa conferma è stata scritta automaticamente.",
		"Protezione dei dati: il titolare del trattamento è {controller}. Usiamo il suo messaggio per risponderle e per trattare la sua richiesta (articolo 6, paragrafo 1, lettera b) o f), GDPR) e lo conserviamo solo per il tempo che ciò e la legge richiedono. Può chiedere l’accesso ai suoi dati, la loro consegna, la rettifica, la cancellazione o la limitazione del trattamento, e può opporsi: scriva a {contact}. Può anche presentare un reclamo a un’autorità per la protezione dei dati.",
	},
	"nl": {
		"We hebben uw bericht ontvangen",
		"Goedendag,\n\nbedankt voor uw bericht. Het is bij {queue} aangekomen en heeft het kenmerk {ref}. Iemand leest het en schrijft u terug.\n\nWilt u iets toevoegen, beantwoord dan gewoon deze mail. Deze bevestiging is automatisch geschreven.",
		"Privacy: {controller} is verantwoordelijk voor uw gegevens. We gebruiken uw bericht om het te beantwoorden en uw verzoek te behandelen (artikel 6, lid 1, onder b of f, AVG) en bewaren het niet langer dan daarvoor en volgens de wet nodig is. U kunt vragen om inzage, overdracht, verbetering, verwijdering of beperking, en u kunt bezwaar maken: schrijf naar {contact}. U kunt ook een klacht indienen bij een privacytoezichthouder.",
	},
	"pl": {
		"Otrzymaliśmy Państwa wiadomość",
		"Dzień dobry,\n\ndziękujemy za wiadomość. Dotarła do {queue} i ma numer {ref}. Ktoś ją przeczyta i odpowie.\n\nAby coś dodać, wystarczy odpowiedzieć na tę wiadomość. To potwierdzenie zostało napisane automatycznie.",
		"Ochrona danych: administratorem danych jest {controller}. Używamy wiadomości, aby na nią odpowiedzieć i załatwić sprawę (art. 6 ust. 1 lit. b lub f RODO), i przechowujemy ją tylko tak długo, jak wymaga tego sprawa i prawo. Można żądać dostępu do danych, ich wydania, sprostowania, usunięcia lub ograniczenia przetwarzania oraz wnieść sprzeciw: prosimy pisać na adres {contact}. Można też złożyć skargę do organu ochrony danych.",
	},
	"pt": {
		"Recebemos a sua mensagem",
		"Olá,\n\nobrigado pela sua mensagem. Chegou a {queue} e tem a referência {ref}. Alguém vai lê-la e responder-lhe.\n\nPara acrescentar algo, basta responder a este e-mail. Esta confirmação foi escrita automaticamente.",
		"Proteção de dados: o responsável pelo tratamento é {controller}. Usamos a sua mensagem para lhe responder e tratar do seu pedido (artigo 6.º, n.º 1, alínea b) ou f), do RGPD) e guardamo-la apenas enquanto isso e a lei o exigirem. Pode pedir o acesso aos seus dados, a sua entrega, retificação, apagamento ou a limitação do tratamento, e pode opor-se: escreva para {contact}. Pode também reclamar junto de uma autoridade de proteção de dados.",
	},
	"sv": {
		"Vi har fått ditt meddelande",
		"Hej!\n\nTack för ditt meddelande. Det har kommit fram till {queue} och har referensen {ref}. Någon läser det och skriver tillbaka till dig.\n\nVill du lägga till något är det bara att svara på det här mejlet. Den här bekräftelsen skrevs automatiskt.",
		"Dataskydd: {controller} är personuppgiftsansvarig. Vi använder ditt meddelande för att svara på det och hantera ditt ärende (artikel 6.1 b eller f i GDPR) och sparar det bara så länge som det och lagen kräver. Du kan begära tillgång till dina uppgifter, få ut dem, få dem rättade eller raderade eller behandlingen begränsad, och du kan invända mot den: skriv till {contact}. Du kan också klaga hos en dataskyddsmyndighet.",
	},
	"da": {
		"Vi har modtaget din besked",
		"Hej\n\nTak for din besked. Den er nået frem til {queue} og har referencen {ref}. Der er nogen, der læser den og skriver tilbage til dig.\n\nVil du tilføje noget, skal du blot svare på denne mail. Denne bekræftelse er skrevet automatisk.",
		"Databeskyttelse: {controller} er dataansvarlig. Vi bruger din besked til at besvare den og behandle din henvendelse (artikel 6, stk. 1, litra b eller f, i GDPR) og gemmer den kun, så længe det og loven kræver det. Du kan bede om indsigt i dine oplysninger, få dem udleveret, rettet eller slettet eller behandlingen begrænset, og du kan gøre indsigelse: skriv til {contact}. Du kan også klage til en databeskyttelsesmyndighed.",
	},
	"nb": {
		"Vi har mottatt meldingen din",
		"Hei!\n\nTakk for meldingen. Den har kommet frem til {queue} og har referansen {ref}. Noen leser den og skriver tilbake til deg.\n\nVil du legge til noe, er det bare å svare på denne e-posten. Denne bekreftelsen er skrevet automatisk.",
		"Personvern: {controller} er behandlingsansvarlig. Vi bruker meldingen din til å svare på den og behandle henvendelsen (artikkel 6 nr. 1 bokstav b eller f i GDPR) og tar vare på den bare så lenge det og loven krever. Du kan be om innsyn i opplysningene dine, få dem utlevert, rettet eller slettet eller behandlingen begrenset, og du kan protestere mot den: skriv til {contact}. Du kan også klage til en datatilsynsmyndighet.",
	},
	"fi": {
		"Olemme saaneet viestisi",
		"Hei,\n\nkiitos viestistäsi. Se on saapunut perille ({queue}), ja sen viite on {ref}. Joku lukee sen ja kirjoittaa sinulle takaisin.\n\nJos haluat lisätä jotain, vastaa tähän viestiin. Tämä vahvistus on kirjoitettu automaattisesti.",
		"Tietosuoja: rekisterinpitäjä on {controller}. Käytämme viestiäsi siihen vastaamiseen ja asiasi hoitamiseen (GDPR 6 artiklan 1 kohdan b tai f alakohta) ja säilytämme sen vain niin kauan kuin se ja laki edellyttävät. Voit pyytää pääsyä tietoihisi, niiden siirtoa, oikaisua, poistamista tai käsittelyn rajoittamista, ja voit vastustaa käsittelyä: kirjoita osoitteeseen {contact}. Voit myös valittaa tietosuojaviranomaiselle.",
	},
	"cs": {
		"Vaši zprávu jsme dostali",
		"Dobrý den,\n\nděkujeme za Vaši zprávu. Dorazila na {queue} a má číslo {ref}. Někdo si ji přečte a odpoví Vám.\n\nChcete-li něco doplnit, stačí odpovědět na tento e-mail. Toto potvrzení bylo napsáno automaticky.",
		"Ochrana údajů: správcem Vašich údajů je {controller}. Zprávu používáme k tomu, abychom na ni odpověděli a vyřídili Vaši žádost (čl. 6 odst. 1 písm. b) nebo f) GDPR), a uchováváme ji jen po dobu, kterou to a zákon vyžadují. Můžete žádat o přístup k údajům, jejich vydání, opravu, výmaz nebo omezení zpracování a můžete vznést námitku: pište na {contact}. Můžete si také stěžovat u úřadu pro ochranu osobních údajů.",
	},
	"hu": {
		"Megkaptuk az üzenetét",
		"Jó napot kívánunk!\n\nKöszönjük az üzenetét. Megérkezett ide: {queue}, hivatkozási száma {ref}. Valaki elolvassa, és válaszolni fog Önnek.\n\nHa szeretne valamit hozzátenni, egyszerűen válaszoljon erre a levélre. Ez a visszaigazolás automatikusan készült.",
		"Adatvédelem: az adatkezelő {controller}. Az üzenetét arra használjuk, hogy megválaszoljuk és az ügyét intézzük (GDPR 6. cikk (1) bekezdés b) vagy f) pont), és csak addig őrizzük, amíg ez és a jogszabályok megkívánják. Kérheti adatai megismerését, kiadását, helyesbítését, törlését vagy kezelésük korlátozását, és tiltakozhat ellene: írjon ide: {contact}. Panaszt is tehet az adatvédelmi hatóságnál.",
	},
	"ro": {
		"Am primit mesajul dumneavoastră",
		"Bună ziua,\n\nvă mulțumim pentru mesaj. A ajuns la {queue} și are referința {ref}. Cineva îl va citi și vă va răspunde.\n\nDacă doriți să adăugați ceva, răspundeți la acest e-mail. Această confirmare a fost scrisă automat.",
		"Protecția datelor: operatorul datelor este {controller}. Folosim mesajul pentru a vă răspunde și a vă rezolva cererea (articolul 6 alineatul (1) litera (b) sau (f) din RGPD) și îl păstrăm numai cât timp cer aceasta și legea. Puteți cere accesul la date, primirea, rectificarea sau ștergerea lor ori restricționarea prelucrării și vă puteți opune acesteia: scrieți la {contact}. Puteți de asemenea depune o plângere la o autoritate de protecție a datelor.",
	},
	"tr": {
		"Mesajınızı aldık",
		"Merhaba,\n\nmesajınız için teşekkür ederiz. Mesajınız bize ({queue}) ulaştı; başvuru numarası {ref}. Bir çalışanımız okuyup size yanıt yazacak.\n\nEklemek istediğiniz bir şey varsa bu e-postayı yanıtlamanız yeterli. Bu onay otomatik olarak yazılmıştır.",
		"Kişisel veriler: verilerinizin sorumlusu {controller}. Mesajınızı yanıtlamak ve talebinizle ilgilenmek için kullanırız (GDPR madde 6(1)(b) veya (f)) ve yalnızca bunun ve yasaların gerektirdiği süre boyunca saklarız. Verilerinize erişmeyi, verilerinizin size verilmesini, düzeltilmesini, silinmesini veya kullanımının kısıtlanmasını isteyebilir, kullanımına itiraz edebilirsiniz: {contact} adresine yazın. Bir veri koruma kurumuna da şikâyette bulunabilirsiniz.",
	},
	"el": {
		"Λάβαμε το μήνυμά σας",
		"Γεια σας,\n\nευχαριστούμε για το μήνυμά σας. Έφτασε σε εμάς ({queue}) και έχει τον αριθμό {ref}. Κάποιος θα το διαβάσει και θα σας απαντήσει.\n\nΑν θέλετε να προσθέσετε κάτι, απλώς απαντήστε σε αυτό το μήνυμα. Αυτή η επιβεβαίωση γράφτηκε αυτόματα.",
		"Προστασία δεδομένων: υπεύθυνος επεξεργασίας είναι: {controller}. Χρησιμοποιούμε το μήνυμά σας για να απαντήσουμε και να εξετάσουμε το αίτημά σας (άρθρο 6 παράγραφος 1 στοιχείο β) ή στ) του ΓΚΠΔ) και το κρατάμε μόνο όσο το απαιτούν αυτά και ο νόμος. Μπορείτε να ζητήσετε πρόσβαση στα δεδομένα σας, παραλαβή, διόρθωση ή διαγραφή τους ή περιορισμό της επεξεργασίας, και να αντιταχθείτε σε αυτήν: γράψτε στο {contact}. Μπορείτε επίσης να υποβάλετε καταγγελία σε αρχή προστασίας δεδομένων.",
	},
	"ru": {
		"Мы получили ваше сообщение",
		"Здравствуйте!\n\nСпасибо за ваше сообщение. Оно получено ({queue}), его номер {ref}. Его прочитает сотрудник и ответит вам.\n\nЕсли хотите что-то добавить, просто ответьте на это письмо. Это подтверждение написано автоматически.",
		"Защита данных: за ваши данные отвечает {controller}. Мы используем ваше сообщение, чтобы ответить на него и рассмотреть ваш вопрос (статья 6(1)(b) или (f) GDPR), и храним его не дольше, чем этого требуют дело и закон. Вы можете запросить доступ к своим данным, их выдачу, исправление, удаление или ограничение обработки, а также возразить против неё: пишите на {contact}. Вы можете также подать жалобу в орган по защите данных.",
	},
	"uk": {
		"Ми отримали ваше повідомлення",
		"Вітаємо!\n\nДякуємо за ваше повідомлення. Воно надійшло ({queue}), його номер {ref}. Його прочитає працівник і відповість вам.\n\nЯкщо хочете щось додати, просто дайте відповідь на цей лист. Це підтвердження написано автоматично.",
		"Захист даних: за ваші дані відповідає {controller}. Ми використовуємо ваше повідомлення, щоб відповісти на нього й розглянути ваше питання (стаття 6(1)(b) або (f) GDPR), і зберігаємо його не довше, ніж цього вимагають справа й закон. Ви можете попросити доступ до своїх даних, їх видачу, виправлення, видалення чи обмеження обробки, а також заперечити проти неї: пишіть на {contact}. Ви також можете поскаржитися до органу із захисту даних.",
	},
	"ja": {
		"メッセージを受け取りました",
		"お問い合わせありがとうございます。\n\nメッセージは {queue} に届きました。受付番号は {ref} です。担当者が内容を確認し、折り返しご連絡いたします。\n\n追記がある場合は、このメールにそのままご返信ください。この確認メールは自動で作成されました。",
		"個人データの取り扱い：管理者は {controller} です。いただいたメッセージは、ご返信とお問い合わせへの対応のために利用し（GDPR 第6条1項(b)または(f)）、そのためと法令上必要な期間に限り保管します。ご自身のデータの開示、受け取り、訂正、消去、利用の制限を求めること、また利用に異議を述べることができます。{contact} までご連絡ください。データ保護の監督機関に苦情を申し立てることもできます。",
	},
	"zh": {
		"我们已收到您的来信",
		"您好！\n\n感谢您的来信。{queue} 已经收到，编号为 {ref}。我们会有人阅读并给您回复。\n\n如需补充，请直接回复本邮件。本确认邮件由系统自动发送。",
		"隐私说明：您的数据由 {controller} 负责处理。我们使用您的来信，是为了答复您并处理您的请求（GDPR 第 6 条第 1 款 (b) 或 (f) 项），保存时间以此目的和法律的要求为限。您可以要求查阅、获取、更正或删除您的数据，或限制其使用，也可以反对其使用：请写信至 {contact}。您还可以向数据保护机构投诉。",
	},
}
