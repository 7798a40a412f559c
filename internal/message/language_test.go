package message

import (
	"strings"
	"testing"
)

func TestLanguageOfOrdinaryMails(t *testing.T) {
	for _, c := range []struct{ want, text string }{
		{"en", "Hello, my order has not arrived yet. Could you please tell me when it will be delivered?"},
		{"de", "Hallo, meine Bestellung ist leider noch nicht angekommen. Können Sie mir bitte sagen, wann sie geliefert wird?"},
		{"fr", "Bonjour, ma commande n'est pas encore arrivée. Pourriez-vous me dire quand elle sera livrée ? Merci."},
		{"es", "Hola, mi pedido todavía no ha llegado. ¿Me puede decir cuándo se va a entregar? Muchas gracias."},
		{"it", "Buongiorno, il mio ordine non è ancora arrivato. Potete dirmi quando sarà consegnato? Grazie mille."},
		{"nl", "Hallo, mijn bestelling is nog niet aangekomen. Kunt u mij vertellen wanneer deze wordt geleverd?"},
		{"pl", "Dzień dobry, moje zamówienie jeszcze nie dotarło. Proszę o informację, kiedy zostanie dostarczone."},
		{"pt", "Olá, a minha encomenda ainda não chegou. Podem dizer-me quando será entregue? Muito obrigado."},
		{"sv", "Hej, min beställning har inte kommit än. Kan ni berätta när den levereras? Tack på förhand."},
		{"da", "Hej, jeg har ikke modtaget min ordre endnu. Kan I oplyse mig om, hvad der er sket med den? Mange tak."},
		{"no", "Hei, jeg har ikke fått bestillingen min ennå. Kan dere si meg hva som har skjedd med den? Takk på forhånd."},
		{"fi", "Hei, tilaukseni ei ole vielä saapunut. Voisitteko kertoa, milloin se toimitetaan? Kiitos paljon."},
		{"cs", "Dobrý den, moje objednávka ještě nedorazila. Můžete mi prosím říct, kdy bude doručena? Děkuji."},
		{"sk", "Dobrý deň, moja objednávka ešte neprišla. Môžete mi prosím povedať, kedy bude doručená? Ďakujem."},
		{"hu", "Jó napot kívánok, a rendelésem még nem érkezett meg. Kérem, írják meg, hogy mikor lesz kiszállítva. Köszönöm."},
		{"tr", "Merhaba, siparişim henüz gelmedi. Ne zaman teslim edileceğini söyleyebilir misiniz? Teşekkür ederim."},
		{"ro", "Bună ziua, comanda mea nu a sosit încă. Îmi puteți spune când va fi livrată? Vă mulțumesc."},
		{"ru", "Здравствуйте, мой заказ ещё не пришёл. Скажите, пожалуйста, когда его доставят? Спасибо."},
		{"uk", "Добрий день, моє замовлення ще не надійшло. Скажіть, будь ласка, коли його доставлять? Дякую."},
		{"bg", "Здравейте, поръчката ми още не е пристигнала. Бихте ли ми казали кога ще бъде доставена? Благодаря."},
		{"el", "Γεια σας, η παραγγελία μου δεν έχει φτάσει ακόμα. Μπορείτε να μου πείτε πότε θα παραδοθεί;"},
		{"ja", "お世話になっております。注文した商品がまだ届いていません。いつ届くか教えてください。"},
		{"zh", "您好，我的订单还没有到。请问什么时候可以送达？谢谢。"},
		{"ko", "안녕하세요, 주문한 상품이 아직 도착하지 않았습니다. 언제 배송되나요?"},
		{"ar", "مرحبا، لم يصل طلبي حتى الآن. هل يمكنكم إخباري متى سيتم تسليمه؟ شكرا جزيلا."},
		{"fa", "سلام، سفارش من هنوز نرسیده است. لطفا بگویید چه زمانی تحویل داده می\u200cشود؟ متشکرم."},
		{"he", "שלום, ההזמנה שלי עדיין לא הגיעה. תוכלו לומר לי מתי היא תגיע? תודה רבה."},
		{"th", "สวัสดีค่ะ สินค้าที่สั่งยังไม่มาถึง ไม่ทราบว่าจะส่งเมื่อไหร่คะ"},
		{"vi", "Xin chào, đơn hàng của tôi vẫn chưa đến. Bạn có thể cho tôi biết khi nào được giao không? Cảm ơn."},
		{"id", "Selamat pagi, pesanan saya belum sampai. Apakah anda bisa memberi tahu kapan akan dikirim? Terima kasih."},
		{"hi", "नमस्ते, मेरा ऑर्डर अभी तक नहीं आया है। कृपया बताएं कि यह कब आएगा।"},
		{"ja", "iPhone 15 Pro Max の保証について教えてください。"},
		{"zh", "Outlook 365 无法登录，请帮忙看一下"},
		{"de", "> Hello, when did you order the thing from our shop?\nIch habe das Paket am Montag bei Ihnen bestellt, es ist aber nicht da."},
		{"", ""},
		{"", "12345 67890"},
		{"", "OK"},
		{"", "https://example.com/the/and/of/that"},
		{"", "xqzt brplk wrtz mnop"},
	} {
		if got := detectLanguage(c.text); got != c.want {
			t.Errorf("detectLanguage(%.40q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestLanguageStopWordsFitTheTable(t *testing.T) {
	used := 0
	for _, k := range stopWords.keys {
		if k != 0 {
			used++
		}
	}
	if used*4 > len(stopWords.keys) {
		t.Errorf("%d of %d slots used: look-ups grow slow", used, len(stopWords.keys))
	}
	if latinCyrillic[23] != "vi" {
		t.Error("the mask of Vietnamese letters points elsewhere")
	}
}

func BenchmarkLanguage4KiB(b *testing.B) {
	text := strings.Repeat("Hello, my order has not arrived yet and nobody answers. Could you tell me when it will be delivered?\n", 41)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		detectLanguage(text)
	}
}
