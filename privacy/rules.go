package privacy

// sentence weighs the sentence at hand.
func (e *evaluation) sentence() {
	e.findObjects()
	best := 0.0
	for _, o := range e.objects {
		best = max(best, o.strength)
	}
	if best >= mineData {
		e.mine++
	}
	if e.mask&cNotice == 0 || e.mask&first != 0 {
		if !e.enumeration() {
			for i := range e.s {
				if e.s[i].mask != 0 && !e.s[i].hidden {
					e.verb(i)
				}
				if e.s[i].number != 0 {
					e.article(i)
				}
			}
		}
		e.rightsAlone()
	}
	switch {
	case best >= enough && e.mask&cBusiness != 0:
		e.carried = min(best, 1.2) // "it" may as well be the order
	case best >= enough:
		e.carried = min(best, 1.8)
	case e.mask&cBusiness != 0:
		e.carried, e.carriedWrong = 0, false
	default:
		e.carried *= 0.7
	}
}

// verb weighs one word as what the sentence asks for.
func (e *evaluation) verb(i int) {
	m := e.s[i].mask
	if m&cErase != 0 {
		e.erase(i)
	}
	if m&(cRectify|cChange|cWrong) != 0 {
		e.rectify(i, m)
	}
	if m&cRestrict != 0 {
		e.restrict(i)
	}
	if m&cObject != 0 {
		e.object(i)
	}
	if m&cUnsub != 0 {
		e.unsubscribe(i)
	}
	if m&(cStop|cNot) != 0 {
		e.stop(i)
	}
	if m&cWithdraw != 0 {
		e.withdraw(i)
	}
	if m&(cPort|cExport|cFormat) != 0 {
		e.port(i, m)
	}
	if m&(cAccess|cGive|cCopy|cWhat|cSource|cHold|cHave|cAll) != 0 {
		e.access(i, m)
	}
}

// kinds are the verbs by right.
var kinds = [len(rights)]concept{cAccess, cPort, cErase, cRectify, cRestrict, cObject, cWithdraw}

// enumeration handles a sentence that lists rights: a notice or the standard
// question for them is no request for each; who exercises them all asks for all.
func (e *evaluation) enumeration() bool {
	n := 0
	for _, k := range kinds {
		if e.mask&k != 0 {
			n++
		}
	}
	if n < 3 || e.mask&cRight == 0 && (e.subject || e.mask&first != 0) {
		return false
	}
	if e.mask&cHereby != 0 && e.mask&first != 0 {
		for right, k := range kinds {
			for i := range e.s {
				if e.s[i].mask&k != 0 {
					e.add(right, 1.1, i)
					break
				}
			}
		}
	}
	return true
}

// rightsAlone notes who exercises rights without saying which.
func (e *evaluation) rightsAlone() {
	if e.unspecified() {
		e.general = true
	}
	if e.mask&cLaw == 0 {
		return
	}
	if e.mask&cRight != 0 && e.mask&first != 0 && e.mask&asking != 0 && e.mask&(cOthers|cWhat|cHow) == 0 ||
		e.subject && !e.reply && e.mask&cPlease != 0 && e.mask&(cOthers|cOffer) == 0 {
		e.general = true
	}
}

// unspecified says whether somebody wants something of their own data that no
// rule knows by name: a case for a person to read.
func (e *evaluation) unspecified() bool {
	if e.mask&asking == 0 || e.mask&(cBusiness|cRecover|cSelf|cOthers|cNot|cHow|cBelow) != 0 || e.doc&cBusiness != 0 && e.mask&(cPData|cPersonal) == 0 {
		return false
	}
	for i, o := range e.objects {
		if e.s[i].mask&(cData|cPData|cAll) != 0 && (o.strength >= mineAndPersonal || o.strength >= mineData && e.mask&(cRecords|cHold) != 0) {
			return true
		}
	}
	return false
}

// articles are the articles of the GDPR by right. 7(3) is looked at apart.
var articles = map[int]int{15: iAccess, 16: iRectification, 17: iErasure, 18: iRestriction, 20: iPortability, 21: iObjection}

// otherLaws have numbers of their own for the same rights.
var otherLaws = map[string]bool{"dsg": true, "kdg": true, "bdsg": true, "revdsg": true, "ndsg": true, "ccpa": true, "lgpd": true,
	"kvkk": true, "dpa": true, "pipeda": true, "lopd": true, "lopdgdd": true}

// article weighs a number that may be an article of the GDPR.
func (e *evaluation) article(i int) {
	right, ok := articles[e.s[i].number]
	if e.s[i].number == 7 && i+1 < len(e.s) && e.s[i+1].number == 3 {
		right, ok = iConsent, true
	}
	if !ok || e.doc&cLaw == 0 || !e.near(i, cArticle, 2, 0) && !e.near(i, cLaw, 0, 3) {
		return
	}
	for j := i; j < min(len(e.s), i+8); j++ {
		if otherLaws[string(e.s[j].text)] {
			return
		}
	}
	v := 0.6
	if e.subject || e.mask&first != 0 || e.mask&asking != 0 {
		v = 1.3
	}
	e.add(right, v, i)
}

func (e *evaluation) erase(i int) {
	m := e.s[i].mask
	switch {
	case e.negated(i), e.around&cRecover != 0:
		return
	case m&cDone != 0 && !e.subject && !e.near(i, cBe, 8, 2) && e.mask&cWant == 0:
		return // a report, not a wish
	}
	v := e.strongest(i, 10, 10)
	if e.near(i, cMeAcc, 1, 1) && !e.near(i, cBusiness, 0, 4) {
		switch {
		case e.near(i, cMarketing|cUnsub, 0, 8):
			e.add(iObjection, 1.6, i)
			return
		case e.near(i, cRecords, 0, 8):
			v = max(v, 1.8)
		default:
			v = max(v, 1.2)
		}
	}
	if e.near(i, cMeAcc, 3, 3) && e.near(i, cRecords, 4, 8) && e.mask&cBusiness == 0 {
		v = max(v, 1.5)
	}
	if m&cAccount != 0 || m&(cMy|cMeAcc) != 0 {
		v = max(v, 1.3) // close my account, forget me: in one
	}
	if e.near(i, cMarketing, 2, 4) && v < mineData {
		return // remove the newsletter
	}
	if v < enough && e.carried >= enough && e.mask&cBusiness == 0 && e.near(i, cIt|cAll, 5, 5) {
		v = min(e.carried, 1.5)
	}
	if v < bareAll || v < enough && !e.subject {
		return
	}
	if e.conditional() {
		v *= 0.5
	}
	if e.near(i, cSelf, 5, 0) {
		v *= 0.4
	}
	e.add(iErasure, v, i)
}

func (e *evaluation) rectify(i int, m concept) {
	if e.negated(i) {
		return
	}
	v, data := 0.0, e.strongest(i, 12, 10)
	switch {
	case m&cRectify != 0:
		v = data
		if data < personalData && data > bareAll && e.mask&(cWrong|cRecords) != 0 {
			v += 0.4
		}
		if v < enough && e.carriedWrong && e.mask&cBusiness == 0 {
			v = 1.3
		}
	case m&cWrong != 0:
		if data < enough || e.near(i, cBusiness, 8, 8) || e.near(i, cAccount, 3, 3) {
			return
		}
		e.carriedWrong = true
		v = 0.8
		if e.mask&(cRecords|cHave|cHold|cPlease) != 0 || data >= personalData {
			v = 1.1
		}
	case m&cChange != 0:
		if e.near(i, cBusiness, 8, 8) || e.mask&(cSelf|cHow|cFormat|cPort) != 0 {
			return
		}
		switch {
		case data >= mineAndPersonal-0.4:
			v = 1.4
		case data >= enough && e.mask&(cWrong|cRecords) != 0:
			v = 1.3
		case e.carriedWrong && e.mask&asking != 0:
			v = 1.1
		}
	}
	if v < enough && m&cWrong == 0 {
		return
	}
	e.add(iRectification, v, i)
}

func (e *evaluation) restrict(i int) {
	if e.negated(i) {
		return
	}
	data := e.strongest(i, 10, 10)
	v := 0.0
	switch {
	case data > myAccount+0.1:
		v = 0.3 + 0.6*data
		if e.near(i, cProcess|cHold, 6, 6) {
			v += 0.4
		}
	case e.near(i, cProcess, 4, 4) && (e.subject || e.mask&(first|cUntil) != 0) && !e.near(i, cBusiness, 6, 6):
		v = 1.2
	case e.carried >= 1.5 && e.near(i, cIt, 4, 4) && e.mask&cBusiness == 0:
		v = 1.1
	}
	e.add(iRestriction, v, i)
}

func (e *evaluation) object(i int) {
	if e.negated(i) {
		return
	}
	data := e.strongest(i, 10, 12)
	v := 0.0
	switch {
	case e.near(i, cMarketing, 6, 14) || e.s[i].mask&cMarketing != 0:
		v = 1.8
		if data >= personalData-0.4 {
			v = 2.4
		}
	case data >= personalData-0.4:
		v = 0.8 + 0.5*data
	case e.near(i, cProcess, 6, 8) && e.mask&first != 0 && !e.near(i, cBusiness, 8, 8):
		v = 1.2
	case e.mask&cLaw != 0 && !e.near(i, cBusiness, 8, 8):
		v = 1.2
	}
	e.add(iObjection, v, i)
}

func (e *evaluation) unsubscribe(i int) {
	if e.mask&cNotice != 0 || e.near(i, cBusiness|cOthers, 4, 6) {
		return
	}
	if e.mask&(first|asking) == 0 && (len(e.all) > 12 || len(e.s) > 5 && i > 1) {
		return
	}
	if e.mask&(cNot|cHow|cSelf) != 0 && e.mask&cMarketing == 0 {
		return // cannot log off
	}
	v := 1.2
	if e.mask&cMarketing != 0 {
		v = 1.6
	}
	e.add(iObjection, v, i)
}

// stop weighs what shall end, and what is not to be done.
func (e *evaluation) stop(i int) {
	m := e.s[i].mask
	if m&cStop != 0 && m&cNot == 0 && e.near(i, cNot, 2, 0) {
		return
	}
	data := e.strongest(i, 8, 12)
	wish := m&(cStop|cWant) != 0 || e.near(i, cWant, 4, 4)
	use := e.near(i, cProcess, 6, 6)
	switch {
	case data >= personalData-0.4 && use && (m&cStop != 0 || e.near(i, cProcess, 1, 4) || e.mask&cWant != 0):
		if e.around&cUntil != 0 {
			e.add(iRestriction, 1.6, i)
		} else {
			e.add(iObjection, 1.6, i)
		}
	case e.near(i, cMarketing, 6, 10) && (wish || e.mask&asking != 0 && len(e.s) <= 8 && e.near(i, cMarketing, 0, 3)):
		e.add(iObjection, 1.5, i)
	case m&cNot != 0 && e.mask&asking != 0 && e.near(i, cMarketing, 0, 2) && e.near(i, cMeDat, 3, 0) && e.near(i, cGive|cPlease, 5, 0):
		e.add(iObjection, 1.5, i) // send me no advertising
	case m&cNot != 0 && len(e.s) <= 4 && e.near(i, cMarketing, 0, 2) && e.mask&(cBusiness|cHow) == 0:
		e.add(iObjection, 1.2, i) // no more of it, and nothing else
	case wish && e.mask&first != 0 && e.near(i, cMails, 4, 6) && !e.near(i, cBusiness, 4, 8):
		e.add(iObjection, 1.1, i)
	case wish && m&cNot != 0 && e.near(i, cHold|cHave, 2, 10) && data >= personalData-0.4:
		e.add(iErasure, 1.5, i)
	case wish && m&cNot != 0 && e.mask&first != 0 && e.near(i, cRecords, 0, 8) && e.mask&cBusiness == 0 && e.mask&cRestrict == 0:
		e.add(iErasure, 1.1, i)
	}
	if m&cNot != 0 && e.near(i, cConsent, 0, 4) && e.mask&(cData|cPData|cProcess|cMarketing) != 0 && e.mask&first != 0 && e.mask&cWithdraw == 0 {
		e.add(iConsent, 1.2, i)
	}
}

func (e *evaluation) withdraw(i int) {
	if e.negated(i) || e.s[i].mask&cConsent == 0 && !e.near(i, cConsent, 18, 10) && !(e.carried > 0 && e.around&cConsent != 0 && e.near(i, cIt, 2, 5)) {
		return
	}
	if e.near(i, cBusiness, 6, 6) && e.mask&(cData|cPData|cMarketing) == 0 {
		return
	}
	v := 1.7
	if e.mask&(cData|cPData|cProcess|cMarketing|cHereby) != 0 {
		v = 2.5
	}
	if e.conditional() {
		v *= 0.6
	}
	e.add(iConsent, v, i)
}

func (e *evaluation) port(i int, m concept) {
	data := e.strongest(i, 12, 12)
	how := e.mask&cHow != 0 || e.mask&cBusiness != 0
	v := 0.0
	switch {
	case e.negated(i):
	case m&cPort != 0 && data >= personalData-0.5:
		v = 0.8 + 0.6*data
	case m&cPort != 0 && e.mask&(cLaw|cRight) != 0 && e.mask&cOthers == 0:
		v = 1.3
	case m&cExport != 0 && data >= personalData-0.4 && !how:
		v = 0.9
		if e.around&cFormat != 0 {
			v = 1.5
		} else if data >= mineAndPersonal-0.4 {
			v = 1.2
		}
	case m&cFormat != 0 && data >= personalData-0.4 && !how && e.mask&(cGive|cCopy|cExport) != 0:
		v = 1.4
	}
	e.add(iPortability, v, i)
}
