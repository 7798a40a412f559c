package mailtext

import "strings"

// unsubscribes say at the foot of a mail that rests on a consent how to
// withdraw it (Article 7(3) GDPR). {stop} is an address.
var unsubscribes = map[string]string{
	"en": "You get this mail because you consented to it. To withdraw your consent, send any mail to {stop}; it works at once.",
	"de": "Sie erhalten diese Mail, weil Sie eingewilligt haben. Um die Einwilligung zu widerrufen, genügt irgendeine Mail an {stop}; das wirkt sofort.",
	"fr": "Vous recevez ce courriel parce que vous y avez consenti. Pour retirer votre consentement, il suffit d’envoyer un courriel quelconque à {stop} ; l’effet est immédiat.",
	"es": "Recibe este correo porque dio su consentimiento. Para retirarlo basta con enviar cualquier correo a {stop}; tiene efecto inmediato.",
	"it": "Riceve questa mail perché ha dato il suo consenso. Per revocarlo basta mandare una mail qualsiasi a {stop}; ha effetto immediato.",
	"nl": "U krijgt deze mail omdat u daarvoor toestemming hebt gegeven. Wilt u die intrekken, stuur dan een willekeurige mail naar {stop}; dat werkt meteen.",
	"pl": "Otrzymują Państwo tę wiadomość, ponieważ wyrazili Państwo zgodę. Aby ją wycofać, wystarczy wysłać dowolną wiadomość na adres {stop}; działa to od razu.",
	"pt": "Recebe este e-mail porque deu o seu consentimento. Para o retirar, basta enviar qualquer e-mail para {stop}; tem efeito imediato.",
}

// Unsubscribe tells, in the language or else in English, how to withdraw the
// consent that a mail rests on.
func Unsubscribe(lang, stop string) string {
	s, ok := unsubscribes[Base(lang)]
	if !ok {
		s = unsubscribes["en"]
	}
	return strings.ReplaceAll(s, "{stop}", stop)
}
