package privacy

// access weighs a word as a question for one's own data.
func (e *evaluation) access(i int, m concept) {
	switch {
	case m&cAccess != 0:
		e.accessNoun(i)
	case m&cSource != 0:
		if e.mask&(cMy|cAboutMe) != 0 && e.mask&(cData|cPData|cIdent) != 0 && !e.near(i, cBusiness, 0, 8) {
			e.add(iAccess, 1.2, i)
		}
	}
	if m&cCopy != 0 {
		e.copyOf(i)
	}
	if m&cGive != 0 {
		e.give(i)
	}
	if m&cWhat != 0 {
		e.whatIsHeld(i)
	}
	if m&(cHold|cHave) != 0 && i <= 2 && m&(cErase|cObject|cRestrict) == 0 && e.near(i, cAboutMe, 0, 10) && e.mask&(cErase|cObject|cRestrict|cWithdraw|cWhat|cBusiness) == 0 {
		e.add(iAccess, 1.2, i)
	}
	if m&cAll != 0 && e.objects[i].strength >= allAboutMe && e.mask&asking != 0 && e.near(i, cHave|cHold, 0, 6) && e.mask&(cErase|cStop|cNot) == 0 {
		e.add(iAccess, 1.4, i)
	}
}

func (e *evaluation) accessNoun(i int) {
	if e.near(i, cNot|cSelf, 4, 0) || e.mask&cRestrict != 0 && e.mask&first == 0 {
		return // cannot log in; restrict access
	}
	data := e.strongest(i, 6, 14)
	switch {
	case data >= personalData-0.5:
		e.add(iAccess, 0.8+0.6*data, i)
	case e.near(i, cAboutMe, 4, 10):
		e.add(iAccess, 1.8, i)
	case e.mask&cLaw != 0 && e.mask&(first|asking) != 0:
		e.add(iAccess, 1.6, i)
	}
}

// copyOf is "a copy of my data".
func (e *evaluation) copyOf(i int) {
	data := e.strongest(i, 8, 12)
	switch {
	case data >= mineAndPersonal-0.4:
		e.add(iAccess, 2.4, i)
	case data >= onlyAboutMe-0.4 && data > myAccount:
		e.add(iAccess, 1.6, i)
	case e.near(i, cAboutMe, 0, 10):
		e.add(iAccess, 1.6, i)
	case e.carried >= 1.5 && e.mask&cBusiness == 0 && e.mask&(asking|cGive) != 0:
		e.add(iAccess, 1.1, i)
	}
}

// give is "send me", "tell me", "I would like to see".
func (e *evaluation) give(i int) {
	if e.negated(i) || e.near(i, cMe, 2, 0) && e.mask&asking == 0 {
		return // the writer gives
	}
	if e.mask&asking == 0 && !e.near(i, cMeDat, 4, 4) && !e.near(i, cCopy, 0, 6) {
		return
	}
	if e.mask&(cFormat|cPort) != 0 && !e.near(i, cCopy|cAll|cWhat|cAccess, 2, 6) {
		return // to be taken elsewhere: another right
	}
	if e.near(i, cMarketing, 0, 4) && e.mask&cNot != 0 {
		return // what is given is advertising, and not wanted
	}
	data := e.strongest(i, 10, 12)
	told := e.mask&(cCopy|cHold|cHave|cAll|cWhat|cAccess|cLaw) != 0
	switch {
	case e.mask&(cErase|cRectify|cObject|cStop|cWithdraw|cRestrict) != 0 && !e.near(i, cCopy|cWhat|cAll|cAccess, 2, 6):
		return // confirm the deletion of my data
	case data >= mineAndPersonal-0.4:
		e.add(iAccess, 2.0, i)
	case data >= allAboutMe-0.4:
		if told || len(e.s) <= 8 {
			e.add(iAccess, 1.5, i)
		}
	case e.near(i, cAboutMe, 0, 12) && e.mask&(cAll|cData|cWhat|cHave|cHold) != 0:
		e.add(iAccess, 1.5, i)
	case data >= personalData-0.4 && e.mask&first != 0 && e.mask&cOthers == 0:
		e.add(iAccess, 1.2, i)
	case e.carried >= 1.5 && e.mask&cBusiness == 0 && e.near(i, cIt, 0, 3) && !e.near(i, cAbout, 0, 3):
		e.add(iAccess, 1.1, i)
	case e.doc&cBusiness == 0 && e.near(i, cAll, 4, 4) && e.near(i, cMeDat, 3, 3):
		e.askedAll = true
		e.carried = max(e.carried, 1.2)
	}
}

// whatIsHeld is "what data do you hold on me".
func (e *evaluation) whatIsHeld(i int) {
	if e.mask&cUntil != 0 && e.mask&cNot != 0 {
		return // what is to be settled first, not what is asked
	}
	if e.conditional() || e.mask&(cObject|cWithdraw|cErase|cRestrict) != 0 && e.mask&(cGive|cCopy) == 0 || !e.near(i, cHold|cHave|cProcess, 6, 14) || e.near(i, cBusiness, 0, 7) {
		return
	}
	data := e.strongest(i, 2, 14)
	about := e.near(i, cAboutMe, 0, 14)
	switch {
	case about && e.near(i, cData|cPData|cAll|cHave|cHold, 6, 14):
		e.add(iAccess, 1.7, i)
	case data >= personalData-0.5 && e.mask&first != 0 && e.near(i, cHold|cProcess, 6, 14):
		e.add(iAccess, 1.4, i)
	}
}
