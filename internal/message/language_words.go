package message

import (
	"strings"
	"unicode/utf8"
)

// latinCyrillic are the languages told apart by words and letters.
var latinCyrillic = [...]string{
	"en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da", "no", "fi", "cs", "sk", "hu", "tr",
	"ro", "hr", "sl", "et", "lv", "lt", "ca", "vi", "id", "ru", "uk", "bg", "sr", "be",
}

// languageWords are small words of each language, most frequent first. Words
// of more than eight bytes are never looked up.
var languageWords = map[string]string{
	"en": "the and to of a in is you that it for on with this i we have are be not your our my please can will from or at as was if has but would me any there thanks thank hi hello dear regards do an which when what no so could they been get need know just know how",
	"de": "der die das und ich nicht ist zu in den mit sie es auf ein eine für von wir dem des bitte haben habe auch wie als dass aber noch nur kann kein keine mir ihr uns bei nach oder wenn vom zum zur sind wird war ihre ihnen mein danke hallo wurde sehr leider diese um am im an hat seit",
	"fr": "le la les de des et un une je vous est pas que pour dans sur avec ne nous ce cette mon votre au aux du en qui par plus mais bonjour merci ai il elle sont été être fait tout bien suis comme mes vos ma ou où donc cordi avez cela leur sans si se y",
	"es": "el la los las de del y que en un una es por para con no se lo su me mi al como más pero este esta está hola gracias muy ha he sus le todo usted puedo tiene si sin sobre hay ser son saludos ya cuando también tengo nos favor desde qué",
	"it": "il la le di e che un una per non è sono con mi si in del della dei al alla lo gli ho ha come più ma anche questo questa nel ciao grazie buon da su se avete posso mio vostro stato dal sia salve quando ci vi abbiamo essere delle quale saluti",
	"nl": "de het een en van ik is niet dat op te in met voor je u we wij zijn aan ook maar er dit hebben heb als naar om bij kan mijn uw nog wel door over hallo dank graag geen worden werd wat of deze beste groet zou onze uit tot dan ben",
	"pl": "i w nie na się z do że to jest o jak za po ale co dla od czy przez mam są już tak być proszę dzień dobry mi ze mnie może tylko pan pani witam jestem przy która który oraz nas bardzo gdy moje mój więc tego ten ta było lub pod",
	"pt": "o a os as de do da dos das e que em um uma não para com por se no na ao mais mas como eu meu minha você é está foi são seu sua muito obrigado olá já também isso esse esta pelo pela boa bom tenho nos ou quando sem até favor tem à num dia",
	"sv": "och att det i en jag är på för som inte med den till har av om ni vi du men ett kan hej tack så från vill min var eller nu när mig vara skulle där alla detta min mitt hur också blir kommer finns dem han efter era er göra bara här",
	"da": "og i at det er en til jeg på for med ikke den af de har som vi et kan men hej tak der dig mig så fra vil om jeres mit min nu også hvad hvor efter blev bliver være noget meget når godt vores eller få lige ud kun uge sig skal her dag",
	"no": "og i å det er en til jeg på for med ikke den av de har som vi et kan men hei takk deg meg så fra vil om deres mitt min nå også hva hvor etter ble blir være noe mye når vår eller få bare ut uke seg skal her dag hilsen dere bli fått gjør mvh noen",
	"fi": "ja on ei se en että mutta oli ole hän joka kun niin myös sekä voi tai ovat minä te kuin vain sen tämä hei kiitos olen olisi jos nyt mitä siitä minun teidän voisin jo terv ollut saanut meidän onko tässä siis vielä kuitenkin päivää haluan voitte mukaan ettei mikä kanssa",
	"cs": "a je se na v to že s z do ale jsem i o by si mi k pro za jak od co tak být jsme už byl má jako která který po při nebo dobrý den prosím děkuji není mám bych jste vás však ve nám ještě podle toto toho aby vám tento máte když ne ji ani",
	"sk": "a je sa na v to že s z do ale som i o by si mi k pre za ako od čo tak byť sme už bol má ktorá ktorý po pri alebo dobrý deň prosím ďakujem nie mám ste vás však vo nám ešte podľa toto toho aby vám tento máte keď nemá čím sú tiež",
	"hu": "a az és nem hogy is ez egy de van volt meg csak ha mint már még vagy el fel ki be kell lehet nekem ezt azt én ön jó napot kérem köszönöm szeretném szia üdv ami sem majd akkor nagyon lesz itt ott mert után minden nincs hogyan kérjük által kapcsán",
	"tr": "ve bir bu da de için ile mi ben çok ne var olarak daha gibi ama en sonra kadar değil yok merhaba lütfen teşekkür iyi günler o şu her olan ki veya size bana sizin hiç nasıl benim ürün oldu olur ederim biz selam mı bunu beni şekilde sipariş saygı",
	"ro": "și de în la nu că cu o un pe am este pentru din mai să a sunt dar ce se care ca vă mi ați bună ziua mulțumesc rog fost foarte dacă când sau fi ai lui prin după îmi aș meu mea noi le acest această nostru va si sa prea dvs",
	"hr": "i je u se na da za su ne od sa što kako to ali ili nije bi koji koja što dobar dan molim hvala sam smo mi me te biti kao do iz već još samo ako imam vam vas nam li po može možete moj moja zbog pri ovaj ova lijep gdje uvijek",
	"sl": "in je se na da za so ne od z s kot pa ki ali ni bi bil bila tudi še že sem smo mi me ter biti do iz samo če imam vam vas nam po lahko moj moja zaradi pri ta to pozdrav prosim hvala zakaj kaj kako kdaj lep dan vaš kjer nisem imate",
	"et": "ja on ei et see ma mis kui ta oli ning aga või ka oma ole tere aitäh palun kas mina teie meie siis mul minu kuidas veel nii seda selle just saan sain kõik juba lugupidamisega oleks sest ära pole olen teile soovin tänan mille üks",
	"lv": "un ir ar no uz par ka es nav lai vai kā bet ko tas tā arī man jūs mēs tikai pie labdien paldies lūdzu pēc jau vēl līdz kas kad ja to tiek esmu bija jums mūsu sveiki būtu viņš tad gan šo šis kur mans jūsu",
	"lt": "ir yra į su kad ne bet iš kaip tai aš ar už per dėl jau laba diena ačiū prašau man mano jūs jūsų mes tik apie buvo nuo po prie dar gal noriu kas kur jei arba šis tą labas turiu galite mums nėra būtų sveiki dieną jums iki",
	"ca": "el la els les de del i que en un una és per a amb no es ho seu em meu al com més però aquest aquesta està hola gràcies molt ha he us tot vostè puc té si sense sobre hi ser són salutac ja quan també tinc ens favor des què dels als pel",
	"vi": "và của là tôi có không cho được với này các một đã trong xin chào cảm ơn bạn những để khi người đến từ vui lòng rất nhưng anh chị em nếu hàng thì ra về mình sẽ như cũng vào nào gì giúp chưa cần",
	"id": "yang dan di saya tidak ini untuk dengan ada itu dari ke anda akan bisa dapat mohon terima kasih sudah pada adalah atau kami karena belum tetapi apakah jika juga selamat telah kalau mau lagi halo pak bu pagi siang agar oleh sebagai",
	"ru": "и в не на я что с по это как а но у к мы вы за из от так для же бы был то мне все при если или уже его нет нас вас есть очень до меня был вам еще только мой они можно день где чем ли быть ваш этот",
	"uk": "і в не на я що з по це як а але у до ми ви за із від так для та б був то мені все при якщо або вже його нас вас є дуже мене вам ще тільки мій вони день де чи бути ваш цей ні й щоб можна немає про буде",
	"bg": "и в не на аз че с по това как а но у до ние за от така ли да съм е са ще при ако или вече го няма ви ни има много мен още само моля ден къде бъде ваш този се си ми си беше бих със във което който",
	"sr": "и у не на ја да са по то како а али је су се за из од тако ли би био при ако или већ га нема вас има веома мене још само мој дан где бити ваш овај сам смо што вам нам молим хвала до код који која",
	"be": "і ў не на я што з па гэта як а але у да мы вы за ад так для бы быў мне ўсё пры калі ці ўжо яго няма нас вас ёсць вельмі мяне яшчэ толькі мой яны дзень дзе быць ваш гэты дзякуй дзя",
}

// languageLetters are letters that few languages use.
var languageLetters = map[rune]string{
	'ß': "de", 'ñ': "es", '¿': "es", '¡': "es", 'ã': "pt vi", 'õ': "pt et vi", 'ł': "pl", 'ę': "pl lt", 'ą': "pl lt", 'ż': "pl", 'ź': "pl", 'ś': "pl", 'ń': "pl", 'ć': "pl hr",
	'ř': "cs", 'ě': "cs", 'ů': "cs", 'ľ': "sk", 'ĺ': "sk", 'ŕ': "sk", 'ď': "cs sk", 'ť': "cs sk", 'ň': "cs sk", 'ő': "hu", 'ű': "hu", 'ğ': "tr", 'ı': "tr", 'ş': "tr", 'ț': "ro", 'ș': "ro", 'ă': "ro vi", 'ţ': "ro",
	'å': "sv da no", 'æ': "da no", 'ø': "da no", 'ê': "fr pt vi", 'œ': "fr", 'ù': "fr it", 'ò': "it ca", 'ì': "it", 'ï': "fr nl ca", 'ë': "nl fr", 'đ': "hr vi", 'ơ': "vi", 'ư': "vi", 'ạ': "vi", 'ế': "vi", 'ộ': "vi", 'ợ': "vi", 'ị': "vi",
	'ā': "lv", 'ē': "lv", 'ī': "lv", 'ņ': "lv", 'ļ': "lv", 'ķ': "lv", 'ģ': "lv", 'ė': "lt", 'į': "lt", 'ų': "lt", 'ū': "lv lt", 'č': "cs sk hr sl lv lt", 'š': "cs sk hr sl lv lt et", 'ž': "cs sk hr sl lv lt et",
	'і': "uk be", 'ї': "uk", 'є': "uk", 'ґ': "uk", 'ы': "ru be", 'э': "ru be", 'ё': "ru be", 'ў': "be", 'ј': "sr", 'љ': "sr", 'њ': "sr", 'ћ': "sr", 'ђ': "sr", 'џ': "sr", 'ъ': "bg", 'щ': "bg uk ru",
}

// wordTable finds a word of up to eight bytes, packed into a key, in a few
// nanoseconds: open addressing, at most a quarter full.
type wordTable struct {
	keys  [8192]uint64
	masks [8192]uint32
}

func slotOf(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> 51 }

func (t *wordTable) find(key uint64) uint32 {
	for i := slotOf(key); ; i = (i + 1) & 8191 {
		if t.keys[i] == key {
			return t.masks[i]
		}
		if t.keys[i] == 0 {
			return 0
		}
	}
}

func (t *wordTable) add(word string, mask uint32) {
	if len(word) > 8 {
		return
	}
	var key uint64
	for i := 0; i < len(word); i++ {
		key = key<<8 | uint64(word[i])
	}
	i := slotOf(key)
	for t.keys[i] != 0 && t.keys[i] != key {
		i = (i + 1) & 8191
	}
	t.keys[i] = key
	t.masks[i] |= mask
}

var stopWords = makeStopWords()

func makeStopWords() *wordTable {
	t := new(wordTable)
	for n, code := range latinCyrillic {
		for w := range strings.FieldsSeq(languageWords[code]) {
			t.add(w, 1<<n)
		}
	}
	return t
}

// letterMasks covers Latin letters with marks, and Cyrillic.
var letterMasks = makeLetterMasks()

func makeLetterMasks() *[0x530]uint32 {
	t := new([0x530]uint32)
	for r, codes := range languageLetters {
		if int(r) >= len(t) {
			continue
		}
		for n, code := range latinCyrillic {
			for c := range strings.FieldsSeq(codes) {
				if c == code {
					t[r] |= 1 << n
				}
			}
		}
	}
	return t
}

func letterMask(r rune) uint32 {
	if int(r) < len(letterMasks) {
		return letterMasks[r]
	}
	if r >= 0x1E00 && r < 0x1F00 && utf8.RuneLen(r) == 3 {
		return vietnamese
	}
	return 0
}

const vietnamese = 1 << 23
