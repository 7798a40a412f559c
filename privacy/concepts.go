package privacy

// concept is a set of meanings that a word can carry. Words of different
// languages meet here; the rules speak only of concepts.
type concept uint64

const (
	cCommon      concept = 1 << iota // says only which language it is; hides the parts of a phrase
	cMe                              // I, me, my: the writer, in any case
	cMy                              // my: what follows or precedes is the writer's
	cMeAcc                           // me, as the thing acted on (forget me)
	cMeDat                           // me, as the one who is given (send me)
	cAbout                           // about, on, concerning: before "me"
	cAboutMe                         // about me, in one
	cPersonal                        // personal
	cData                            // data, information, details
	cPData                           // personal data, in one
	cAccount                         // account, profile
	cAll                             // everything
	cIt                              // it, them, that: what was said before
	cHave                            // have, know: weak
	cHold                            // store, keep, collect, process
	cWhat                            // what, which, whether
	cGive                            // send, show, tell, inform
	cCopy                            // copy, overview, extract
	cAccess                          // access, disclosure
	cErase                           // delete, forget
	cDone                            // a participle that may only report (deleted)
	cBe                              // be, get, have: turns a participle into a wish
	cRectify                         // correct, rectify
	cChange                          // change, update: weak
	cWrong                           // wrong, outdated, misspelt
	cIdent                           // name, address, birthday: what identifies
	cRecords                         // your records, database, system
	cRestrict                        // restrict, freeze, block
	cProcess                         // processing, use, share
	cObject                          // object, oppose
	cStop                            // stop, no more
	cMarketing                       // advertising, newsletter, profiling
	cMails                           // mails, messages, calls: weaker than advertising
	cUnsub                           // unsubscribe, opt out
	cWithdraw                        // withdraw, revoke
	cConsent                         // consent, permission
	cPort                            // portability, machine-readable
	cExport                          // export, transfer, download
	cFormat                          // CSV, JSON, another provider
	cLaw                             // GDPR and its names
	cArticle                         // article
	cRight                           // right(s)
	cPlease                          // please, request, demand
	cWant                            // want, would like
	cNot                             // not, no
	cHow                             // how to
	cIf                              // if
	cUntil                           // until, while, meanwhile
	cBusiness                        // order, invoice, folder: what a support mail is about
	cOthers                          // customers, users, colleagues: somebody else's data
	cYour                            // your: the reader's data, as a notice says
	cNotice                          // you have the right to, you can: a notice to everybody
	cOffer                           // our experts, compliance, webinar
	cRecover                         // restore, by mistake, lost
	cSecret                          // confidential, privileged: a disclaimer
	cMisdirected                     // in error, intended recipient: a disclaimer
	cSource                          // where did you get
	cAnd                             // and: joins two objects of one verb
	cHereby                          // hereby, I would like to exercise
	cBelow                           // see below, again: the request is in what is quoted
	cSelf                            // I will, I am going to: the writer acts, nobody is asked
)

// first is every form of the first person.
const first = cMe | cMy | cMeAcc | cMeDat | cAboutMe

// asking is every form of a request.
const asking = cPlease | cWant | cHereby
