package mailtext

import (
	"regexp"

	"postroom/privacy"
)

// italianElision finds articles before the 8th and the 11th, which begin with
// a vowel when spoken.
var italianElision = regexp.MustCompile(`\b([Ii]l|[Aa]l|[Dd]al) (8|11) (gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre)\b`)

func elideItalian(s string) string {
	return italianElision.ReplaceAllStringFunc(s, func(m string) string {
		p := italianElision.FindStringSubmatch(m)
		article := map[string]string{"il": "l’", "Il": "L’", "al": "all’", "Al": "All’", "dal": "dall’", "Dal": "Dall’"}[p[1]]
		return article + p[2] + " " + p[3]
	})
}

var privacyIT = privacyWords{
	months: [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
	date:   "{d} {month} {y}",
	first:  "1º",
	hello:  "Buongiorno,",
	bye:    "Cordiali saluti\n{controller}",
	footer: "{?no}Richiesta {no}. {/}Titolare del trattamento: {controller}. Ufficio protezione dati: {contact}.{?dpo} Responsabile della protezione dei dati: {dpo}.{/} Può presentare in ogni momento un reclamo a un’autorità per la protezione dei dati ({authority}; articolo 77 del GDPR).",
	any:    "per esempio quella del luogo in cui vive o lavora",
	list:   "e",
	polish: elideItalian,
	until:  "fino al {until}, poi cancellati",
	rights: map[privacy.Right]string{
		privacy.Access:            "accesso ai dati e copia (articolo 15 del GDPR)",
		privacy.Portability:       "consegna dei dati in una forma utilizzabile altrove (articolo 20 del GDPR)",
		privacy.Erasure:           "cancellazione dei dati (articolo 17 del GDPR)",
		privacy.Rectification:     "rettifica dei dati (articolo 16 del GDPR)",
		privacy.Restriction:       "limitazione del trattamento (articolo 18 del GDPR)",
		privacy.Objection:         "opposizione al trattamento (articolo 21 del GDPR)",
		privacy.ConsentWithdrawal: "revoca di un consenso (articolo 7, paragrafo 3, del GDPR)",
	},
	labels: map[privacy.Right]string{
		privacy.Access:            "Desidero una copia dei miei dati",
		privacy.Portability:       "Desidero i miei dati in una forma che posso usare altrove",
		privacy.Erasure:           "Desidero che i miei dati siano cancellati",
		privacy.Rectification:     "Qualcosa che mi riguarda è sbagliato e va corretto",
		privacy.Restriction:       "Desidero che l’uso dei miei dati sia limitato",
		privacy.Objection:         "Mi oppongo all’uso dei miei dati",
		privacy.ConsentWithdrawal: "Revoco il mio consenso; niente più novità e pubblicità",
	},
	grounds: map[string]string{
		"11(2)":    "non possiamo stabilire di quale persona si tratti (articolo 11, paragrafo 2, del GDPR)",
		"12(5)":    "la richiesta è manifestamente infondata o eccessiva (articolo 12, paragrafo 5, del GDPR)",
		"12(6)":    "vi sono ragionevoli dubbi su chi presenta la richiesta, e non è stato possibile chiarirli (articolo 12, paragrafo 6, del GDPR)",
		"15(4)":    "una copia lederebbe i diritti e le libertà altrui (articolo 15, paragrafo 4, del GDPR)",
		"16":       "per quanto possiamo accertare, i dati sono esatti e completi (articolo 16 del GDPR)",
		"17(1)":    "non sussiste nessuno dei motivi per cui i dati vanno cancellati (articolo 17, paragrafo 1, del GDPR)",
		"17(3)(a)": "i dati sono necessari per la libertà di espressione e di informazione (articolo 17, paragrafo 3, lettera a), del GDPR)",
		"17(3)(b)": "una legge o un compito di interesse pubblico ci obbliga a conservare i dati (articolo 17, paragrafo 3, lettera b), del GDPR)",
		"17(3)(c)": "i dati sono necessari per motivi di sanità pubblica (articolo 17, paragrafo 3, lettera c), del GDPR)",
		"17(3)(d)": "i dati sono necessari per archivi di interesse pubblico, ricerca o statistica (articolo 17, paragrafo 3, lettera d), del GDPR)",
		"17(3)(e)": "i dati sono necessari per accertare, esercitare o difendere un diritto in sede giudiziaria (articolo 17, paragrafo 3, lettera e), del GDPR)",
		"18":       "non ricorre nessuno dei casi in cui il trattamento va limitato (articolo 18, paragrafo 1, del GDPR)",
		"20":       "i dati non sono stati forniti da lei, oppure il loro uso non si basa né su un consenso né su un contratto (articolo 20, paragrafo 1, del GDPR)",
		"20(3)":    "i dati sono necessari per un compito di interesse pubblico (articolo 20, paragrafo 3, del GDPR)",
		"20(4)":    "la consegna lederebbe i diritti e le libertà altrui (articolo 20, paragrafo 4, del GDPR)",
		"21":       "esistono motivi legittimi cogenti che prevalgono sui suoi interessi, oppure i dati sono necessari per diritti in sede giudiziaria (articolo 21, paragrafo 1, del GDPR)",
		"21(6)":    "i dati sono necessari per ricerca o statistica di interesse pubblico (articolo 21, paragrafo 6, del GDPR)",
		"7(3)":     "non esiste un consenso che possa essere revocato (articolo 7, paragrafo 3, del GDPR)",
	},
	counts: map[string]string{
		"left": "messaggi di altri con parti che non si sono potute rendere irriconoscibili", "loose": "messaggi senza conversazione", "parts": "conversazioni di altri a cui ha partecipato", "removed": "suoi messaggi in conversazioni di altri", "requests": "richieste precedenti",
		"tickets": "conversazioni", "messages": "messaggi", "masked": "messaggi di altri in cui lei è stato reso irriconoscibile", "attachments": "allegati",
		"notes": "note interne", "mails": "mail inviate da noi", "people": "schede con nome e indirizzo", "words": "voci dell’indice di ricerca",
		"drafts": "bozze", "exports": "archivi", "consents": "consensi", "kept": "messaggi conservati per legge", "told": "destinatari informati", "keys": "chiavi distrutte",
		"files": "file temporanei", "agents": "caselle del nostro personale", "relays": "server di posta intermedi", "recipients": "destinatari di mail", "processors": "fornitori di servizi",
	},
	fields: map[string]string{"name": "nome", "address": "indirizzo di posta elettronica"},
	states: map[string]string{"queued": "avviso in corso", "sent": "informato", "failed": "non raggiunto", "impossible": "non è stato possibile informarlo", "told": "invitati a cancellare"},
	words: map[Word][]string{
		WordConfirm: {"CONFERMO", "CONFERMA", "CONFERMARE", "CONFERMATO"}, WordCancel: {"ANNULLARE", "ANNULLA", "ANNULLO"},
		WordAgain: {"RINVIARE", "DI NUOVO", "ANCORA"}, WordPlain: {"IN CHIARO", "SENZA CIFRATURA"}, WordStop: {"BASTA", "DISISCRIVERE", "CANCELLARMI"},
	},
	fragments: map[string]string{
		"how":       "Per confermare risponda a questa mail da questa stessa casella e scriva la parola «{word}» nella prima riga; non serve altro. Se la risposta non funziona, mandi dallo stesso indirizzo una nuova mail a {contact} che contenga il codice {code}. È possibile fino al {until}.{?factor} Se con lei è stato concordato un codice cliente o una frase segreta, lo scriva nella seconda riga.{/}",
		"ignore":    "Se non ne sa nulla, non deve fare niente: senza conferma non succede nulla.",
		"remedies":  "Se non è d’accordo, può presentare un reclamo a un’autorità per la protezione dei dati ({authority}; articolo 77 del GDPR) e rivolgersi al tribunale (articolo 79 del GDPR).",
		"others":    "Questo riguarda solo l’indirizzo confermato. Se ci ha scritto anche da altri indirizzi, ci mandi la stessa richiesta da ciascuno di essi; ciascuno sarà confermato allo stesso modo.",
		"objecting": "Può opporsi in ogni momento all’uso dei suoi dati: per motivi connessi alla sua situazione particolare e, per la pubblicità, senza alcun motivo (articolo 21 del GDPR). Basta una mail a {contact}.",
		"programs":  "Il file si apre con questi programmi gratuiti: 7-Zip (Windows), Keka (macOS) e p7zip (Linux). L’Esplora file di Windows non è in grado di aprirlo.",
		"contents":  "La pagina index.html che contiene mostra tutto, da leggere nel browser. Ci sono anche i messaggi com’erano (.eml e .mbox), gli allegati, tabelle (CSV) e data.json per altri programmi, e un elenco firmato di tutti i file. Ciò che è stato tralasciato vi è indicato, con il motivo.",
		"info":      "La pagina indica anche a che cosa servono i dati e su quale base giuridica, di quali tipi di dati si tratta, chi li ha ricevuti, se vanno in paesi fuori dell’UE, per quanto tempo restano, da dove provengono, se si prendono decisioni automatiche e quali diritti ha (articolo 15, paragrafi 1 e 2, del GDPR).",
		"warning":   "Tenga presente che senza cifratura chiunque entri in una delle caselle o in uno dei server sul percorso può leggere tutto l’archivio, ora o fra anni. Non potremo tornare indietro.",
		"past":      "Ha effetto subito e non occorrono altre prove. Ciò che è stato fatto finora sulla base del suo consenso resta lecito (articolo 7, paragrafo 3, del GDPR).",
		"announced": "Prima che la limitazione finisca la avviseremo (articolo 18, paragrafo 3, del GDPR).",
		"voluntary": "È una sua libera scelta: se non risponde vale come un no, e per il resto fra noi non cambia nulla.",
		"withdraw":  "Può revocare il consenso in ogni momento, con la stessa facilità con cui lo dà: basta una mail a {stop}.",
		"backup":    "Le copie di sicurezza fatte prima possono contenere ancora i dati, sigillati, al più tardi fino al {backups}. La chiave che li apre è distrutta, e ciò che viene ripristinato è di nuovo cancellato. Solo il testo che apparteneva anche ad altri vi resta leggibile fino ad allora.",
	},
	mails: map[privacy.Mail]PrivacyText{
		privacy.MailChallenge:   {"Confermi la sua richiesta, per favore ({no})", "ci è arrivata una richiesta sui dati personali a nome di questo indirizzo{?rights}: {rights}{/}. Prima di cercare qualsiasi cosa dobbiamo sapere che viene da chi è titolare di questa casella. Perciò questa mail non dice se abbiamo o no dei dati.\n\n{how}\n\n{ignore}"},
		privacy.MailAgain:       {"Confermi ancora una volta, per favore ({no})", "ci è arrivata una risposta sulla richiesta {no} che non abbiamo potuto considerare: mancava la parola, il tempo era scaduto o nulla mostrava che venisse da questa casella. Ecco quindi una nuova possibilità.\n\n{how}\n\nSe anche questa volta non funziona, una persona del nostro ufficio protezione dati se ne occuperà e le offrirà un’altra via. Non chiediamo mai copia di un documento d’identità.\n\n{ignore}"},
		privacy.MailReminder:    {"Manca ancora la sua conferma ({no})", "alcuni giorni fa le abbiamo chiesto di confermare una richiesta sui dati personali{?rights}: {rights}{/}. Finora non è arrivata alcuna conferma.\n\n{how}\n\n{ignore}"},
		privacy.MailChoices:     {"Che cosa possiamo fare per lei? ({no})", "la sua mail è arrivata al nostro ufficio protezione dati. Non siamo sicuri di che cosa desideri. Scelga, per favore: ogni riga apre una mail già pronta che deve soltanto inviare.\n\n{links}\n\nSe nulla corrisponde, risponda semplicemente con parole sue; la leggerà una persona. Il termine di legge decorre dalla sua prima mail."},
		privacy.MailReceipt:     {"Ci occupiamo della sua richiesta ({no})", "grazie, la sua conferma è arrivata. Ha chiesto: {rights}. Per lei è gratuito.\n\n{?review}Ora una persona del nostro ufficio protezione dati la esamina.{:}Ora viene eseguita.{/} Avrà la nostra risposta al più tardi il {due}. Se ci occorresse più tempo, glielo diremo prima di quel giorno, con i motivi.\n\n{others}\n\n{objecting}"},
		privacy.MailExtension:   {"Ci serve più tempo per la sua richiesta ({no})", "non possiamo completare la sua richiesta entro un mese. Il motivo: {reason}. Ha chiesto: {rights}.\n\nAvrà la nostra risposta al più tardi il {due} (articolo 12, paragrafo 3, del GDPR).\n\n{remedies}"},
		privacy.MailRefusal:     {"La nostra decisione sulla sua richiesta ({no})", "abbiamo esaminato la sua richiesta e non possiamo accoglierla{?part} per questa parte: {part}{/}. Ha chiesto: {rights}.\n\nIl motivo di legge: {ground}.\n\nI fatti: {facts}.\n\n{?part}Riceve tutto il resto di ciò che ha chiesto.\n\n{/}{remedies}"},
		privacy.MailClosed:      {"La sua richiesta è stata chiusa ({no})", "a nome di questo indirizzo è stata fatta una richiesta sui dati personali, e non ci è arrivata nessuna conferma valida. Senza di essa non possiamo sapere chi ci ha scritto. Perciò non abbiamo cercato se vi siano dati e non abbiamo fatto nulla (articolo 12, paragrafi 2 e 6, del GDPR).{?facts} In proposito: {facts}.{/}\n\nLa richiesta è chiusa. Può riscrivere a {contact} in ogni momento.\n\n{remedies}"},
		privacy.MailArchive:     {"I suoi dati ({no}{?parts}, {part}/{parts}{/})", "{?nothing}abbiamo cercato: oltre a questa richiesta e alle mail che la riguardano, non abbiamo dati su di lei a questo indirizzo.{:}in allegato trova ciò che ha chiesto: {rights}.{?parts=1}{:} Arriva in {parts} mail, ciascuna con un file che si apre da solo; questa è la numero {part}.{/}\n\n{?encrypted=no}Il file non è cifrato. Lo conservi in un luogo sicuro.{:}Il file è cifrato (AES-256). {?encrypted=factor}Si apre con il codice cliente o la frase segreta concordati con lei.{:}La frase segreta arriva in una mail a parte appena questa è stata consegnata.{/} {programs}{/}\n\n{contents}\n\n{info}\n\nSe qualcosa non è arrivato, risponda con la parola «{again}» nella prima riga e lo inviamo di nuovo.{?encrypted=no}{:} Se non può in alcun modo aprire file cifrati, risponda «{plain}».{/}{?expires} Il {expires} eliminiamo qui l’archivio.{/}{/}\n\n{others}\n\n{objecting}"},
		privacy.MailPassphrase:  {"La frase segreta ({no})", "questa è la frase segreta del file che le abbiamo inviato in un’altra mail:\n\n    {passphrase}\n\nLa scriva come sta qui, con i trattini fra le parole. Nessuno di noi gliela chiederà mai."},
		privacy.MailPlain:       {"Davvero senza cifratura? ({no})", "ha chiesto l’archivio senza cifratura. {warning}\n\n{how}\n\nSe non fa nulla, resta l’archivio cifrato."},
		privacy.MailPending:     {"I suoi dati saranno cancellati il {on} ({no})", "la cancellazione dei suoi dati è approvata. Sarà eseguita il {on} e non si può annullare in seguito. Se è ciò che desidera, non deve fare nulla.\n\nSe ha cambiato idea, o non l’ha chiesta, risponda a questa mail prima di quel giorno con la parola «{word}» nella prima riga. Se prima desidera una copia, fermi la cancellazione e la chieda."},
		privacy.MailNotice:      {"Il {on} sarà eseguita una cancellazione ({no})", "questo indirizzo è stato confermato come appartenente alla stessa persona di un altro, e per quella persona è approvata la cancellazione dei dati. Sarà eseguita il {on} e non si può annullare in seguito.\n\nSe è giusto, non deve fare nulla. Altrimenti risponda a questa mail prima di quel giorno con la parola «{word}» nella prima riga."},
		privacy.MailWaits:       {"Prima la copia, poi la cancellazione ({no})", "ha chiesto: {rights}. Perché nulla vada perduto, la cancellazione attende che la copia le sia stata consegnata. Poi sarà eseguita, e avrà nostre notizie."},
		privacy.MailCancelled:   {"La cancellazione è stata fermata ({no})", "la cancellazione è stata fermata, come desiderava. Non è stato cancellato nulla. Se la vorrà in seguito, scriva a {contact}."},
		privacy.MailCertificate: {"I suoi dati sono stati cancellati ({no})", "la cancellazione che ha chiesto è stata eseguita in questa installazione. L’attestato allegato è firmato e dice lo stesso.\n\n{?counts}Cancellato o reso irriconoscibile:\n{counts}\n\n{/}{?kept}Questo deve essere conservato. È bloccato, non serve ad altro e sarà cancellato nel giorno indicato:\n{kept}\n\n{remedies}\n\n{/}{backup}\n\n{?outside}Copie fuori di questa installazione, che può cancellare solo chi le ha:\n{outside}\n\n{/}Il suo indirizzo e questa mail restano sotto una chiave a parte per una settimana dopo la consegna di questa mail, nel caso che torni indietro, al massimo quattordici giorni. Poi restano soltanto un numero casuale, date, quantità e un’impronta con chiave dell’indirizzo; grazie a essa i dati vengono cancellati di nuovo se si deve ripristinare una copia di sicurezza precedente. Se ci riscrive, ricominciamo da capo."},
		privacy.MailRectified:   {"I suoi dati sono stati rettificati ({no})", "come ha chiesto, abbiamo rettificato: {fields}.\n\n{?told}Lo abbiamo comunicato a chi aveva ricevuto i dati (articolo 19 del GDPR):\n{told}\n\n{/}Se qualcosa è ancora sbagliato, risponda a questa mail."},
		privacy.MailRestricted:  {"L’uso dei suoi dati è limitato ({no})", "dal {since} l’uso dei suoi dati è limitato: sono conservati, ma nascosti al nostro personale, e non ne viene fatto nulla. Ciò che ci scrive da ora in poi viene letto e riceve risposta (articolo 18 del GDPR).\n\n{announced}"},
		privacy.MailLifting:     {"La limitazione finirà il {on} ({no})", "come promesso la avvisiamo prima: il {on} finisce la limitazione dell’uso dei suoi dati (articolo 18, paragrafo 3, del GDPR).{?reason} Il motivo: {reason}.{/} Poi i dati saranno usati come prima.\n\nSe è contrario, risponda a questa mail prima di quel giorno.\n\n{remedies}"},
		privacy.MailObjection:   {"La sua opposizione è accolta ({no})", "abbiamo accolto la sua opposizione. Da ora in poi non usiamo più i suoi dati{?purpose} per questo: {purpose}{:} per ciò a cui si è opposto{/} (articolo 21, paragrafo 1, del GDPR).\n\n{objecting}"},
		privacy.MailStopped:     {"Non riceverà più queste mail{?no} ({no}){/}", "{?purpose}da ora in poi non riceverà più da noi mail di questo genere: {purpose}.{:}da ora in poi non riceverà più da noi novità, sondaggi e pubblicità.{/} {past}\n\nLe risposte a ciò che ci chiede le arrivano ancora.\n\n{objecting}"},
		privacy.MailLink:        {"Questo indirizzo è suo? ({no})", "qualcuno che esercita presso di noi diritti sui dati personali ha indicato questo indirizzo come un altro dei propri. Se è stato lei, lo confermi, per favore, e la richiesta varrà anche per questo indirizzo.\n\n{how}\n\n{ignore} L’indirizzo resta allora escluso."},
		privacy.MailLinked:      {"È stato confermato un altro indirizzo ({no})", "{?address}l’indirizzo {address}{:}un altro indirizzo{/} è stato confermato e ora rientra nella richiesta {no}. Se non è giusto, risponda subito a questa mail."},
		privacy.MailConsentAsk:  {"Una domanda per lei", "{?child}le scriviamo perché esercita la responsabilità genitoriale per: {child}.\n\n{/}possiamo chiederle il consenso per una sola cosa{?purpose}: {purpose}{/}? Si tratta di questo:\n\n«{wording}»\n\n{?special}Riguarda dati che la legge protegge in modo particolare, perciò il consenso deve essere esplicito (articolo 9, paragrafo 2, lettera a), del GDPR).\n\n{/}{how}\n\n{voluntary} {withdraw}"},
		privacy.MailConsent:     {"Ha dato il suo consenso", "grazie. Ha dato il suo consenso{?purpose} per «{purpose}»{/}. Queste erano le parole:\n\n«{wording}»\n\n{withdraw} {past}"},
		privacy.MailRecipient:   {"Dati che le abbiamo comunicato: intervenga, per favore (articolo 19 del GDPR, {no})", "le abbiamo comunicato dati personali di questa persona: {address}. Da noi è stato eseguito quanto segue: {what}.{?changes} Nuovo: {changes}.{/}\n\nFaccia lo stesso con i dati ricevuti da noi, lo dica a coloro a cui li ha trasmessi e risponda a questa mail quando è fatto o se non è possibile (articolo 19 del GDPR)."},
	},
}
