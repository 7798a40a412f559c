package privacy

var english = lexicon{"en", map[concept]string{
	cCommon: `the and of to is are in for with this that you your have has not was be on at from it as we will can
		do does did would could please thank thanks hello dear regards kind i my me
		i_deleted i_have_deleted i_ve_deleted i_removed data_protection data_centre data_center to_unsubscribe
		unsubscribe_from_this unsubscribe_link click_unsubscribe delta select* data_sheet data_plan
		information_technology right_now right_away correct_me all_right address_bar personal_assistant have_to
		at_all all_the_best first_of_all after_all deliver* detail_page proceed* access_code access_denied copy_and_paste
		that_is_correct is_correct are_correct correct_answer correct_way use_case`,
	cMe:       `i my me mine myself im`,
	cMy:       `del_my my mine`,
	cMeAcc:    `be_forgotten me myself`,
	cMeDat:    `me`,
	cAbout:    `about on regarding concerning relating_to related_to relate_to relates_to of pertaining_to referring_to belonging_to linked_to`,
	cAboutMe:  `relating_to_myself concerning_myself regarding_myself on_myself of_mine about_my_self about_me on_me concerning_me regarding_me relating_to_me related_to_me about_my_person about_myself pertaining_to_me belonging_to_me in_my_name under_my_name`,
	cPersonal: `personal personally private`,
	cData:     `data datas info infos information informations details record records file files_on dossier stuff`,
	cPData:    `personal_details personal_particulars personal_record personal_records personal_file personal_data personal_information personal_info pii personally_identifiable`,
	cAccount:  `account accounts acct acc profile profiles membership login`,
	cAll:      `whatever the_lot everything all anything whole_lot every_bit every_trace any_trace all_traces traces trace`,
	cIt:       `it them that these those this`,
	cHave:     `have has got know knows knew known hav`,
	cHold:     `recorded logged filed registered hold holds holding held stor* keep* kept sav* collect* process processes processed processing retain* gather* on_file maintain* remember*`,
	cWhat:     `whatever what which whats whether wich wat who`,
	cGive:     `send sends sending give giving provide* show tell email_me mail_me forward supply furnish hand_over see disclose let_me_know know_what inform obtain get share_with_me view like_to_know want_to_know`,
	cCopy:     `copy copies overview printout print_out extract summary list_of transcript`,
	cAccess:   `access accesss subject_access sar dsar subject_access_request data_access right_of_access right_to_know dsr data_subject_request know_request acces`,
	cErase: `del_my out_of_your be_forgotten erase erasing delete deleting deletion destruction delet* eras* remov* wip* purg* forget destroy* expung* get_rid_of take_down scrub* obliterat* right_to_be_forgotten
		right_to_delete right_to_erasure right_to_deletion close_my_account close_down_my_account cancel_my_account terminate_my_account take_out throw_away clear_out deactivat* nuke gone drop_all closing_my_account closure_of_my_account close_account account_closure`,
	cDone:    `deleted erased removed wiped purged destroyed gone`,
	cBe:      `gets be being get have having`,
	cRectify: `correct corrected correcting correction* rectif* amend* put_right set_right set_straight put_straight fix fixed straighten`,
	cChange:  `chang* updat* modif* adjust* edit replace complet*`,
	cWrong:   `dispute_what contest_what challenge_what doubt_what wrong wrongly incorrect* inaccura* outdated out_of_date misspel* mispel* misspelt mistyped typo false incomplete not_correct not_right not_true mistake mistaken should_be isn_t_right is_not_my no_longer_my obsolete old_address old_name maiden_name`,
	cIdent: `name names surname lastname forename address addresses birthday birthdate dob date_of_birth phone telephone
		phone_number email e_mail email_address mail_address e_mail_address postcode gender title nationality birth mobile`,
	cRecords:  `records database databases data_base system systems files servers archive archives books register backups`,
	cRestrict: `on_hold restrict* limit limitation* limiting freez* frozen block blocking suspend* put_on_hold lock quarantine* pause`,
	cProcess:  `received disclosed shared passed_to given_to process processing processed use using usage used sell selling share sharing disclose pass_on passing handling`,
	cObject:   `i_object object_to objects_to to_object would_object also_object hereby_object objecting objection* oppose opposed opposing opposition do_not_agree don_t_agree disagree`,
	cStop:     `stop stopp cease no_more enough_of quit refrain leave_me_alone never_again no_longer_send do_not_send don_t_send dont_send do_not_contact don_t_contact dont_contact not_contact`,
	cMarketing: `spamming spams mailshots marketing advert* ads ad promo* newsletter* newletter* profiling spam commercial_email* advertising tracking
		track direct_mail mailing_list mailinglist mailing mailings mail_list email_list distribution_list mailshot* sales_call* cold_call* automated_decision* automated_decision_making cookies junk_mail promotions`,
	cMails: `emails mails email emailing mailing messages texts calls calling contacting texting letters sms e_mails`,
	cUnsub: `unsubscrib* unsuscrib* unsubscib* unsubcrib* opt_out opt_me_out opting_out optout take_me_off remove_me_from_your_list remove_me_from_your_mailing
		remove_me_from_the_list remove_me_from_this_list remove_me_from_the_mailing remove_me_from_your_email do_not_sell don_t_sell dont_sell want_to_unsubscribe like_to_unsubscribe how_to_unsubscribe off_your_list off_this_list off_your_mailing`,
	cWithdraw: `consent_back permission_back consents_back withdraw* revok* revoc* rescind* take_back taking_back retract* cancel pull_back no_longer`,
	cConsent:  `consent_back permission_back consents_back consent consents permission permissions authorisation authorization agreement_to consented opt_in`,
	cPort:     `portab* portib* machine_readable machine_readible structured_format commonly_used_format structured_commonly data_transfer_request takeout`,
	cExport:   `export* transfer* transmit* download* port move migrate import take_with_me`,
	cFormat: `csv json xml machine_readable common_format structured another_provider other_provider new_provider another_company other_company
		in_a_file as_a_file another_service new_supplier another_controller competitor electronic_format open_format commonly_used`,
	cLaw: `gdpr gpdr grpd gdrp uk_gdpr general_data_protection data_protection_act data_protection_law data_protection_legislation ccpa cpra dpa_2018
		data_protection_regulation privacy_act privacy_law privacy_laws pipeda popia 2016_679 data_protection_rights privacy_rights privacy_right data_subject data_subject_rights california_consumer_privacy`,
	cArticle: `article articles art arts section`,
	cRight:   `right rights entitled entitlement`,
	cPlease: `complaint admonition please pls plz plese pleas kindly request requesting requested ask asking demand demanding require insist instruct would_u could_u can_u would_you could_you can_you will_you
		urge must have_to_delete`,
	cWant:  `may_i can_i could_i i_expect want wanna wish would_like d_like like_to need wants like wanted`,
	cNot:   `no_longer not don_t dont doesn_t do_not cannot no never won_t didn_t shouldn_t haven_t`,
	cHow:   `how how_to how_do how_can is_there_a_way is_it_possible steps_to where_can`,
	cIf:    `if unless in_case should_you when_i once_you whenever`,
	cUntil: `until till while meanwhile in_the_meantime pending as_long_as for_the_time_being during temporarily for_now`,
	cBusiness: `order orders invoice* bill bills billing cart basket item items product products folder folders file_format ticket tickets parcel package
		shipment delivery delivery_address shipping shipping_address billing_address tracking_number tracking_information tracking_link refund payment payments card credit_card
		booking reservation appointment subscription plan row rows column columns table tables spreadsheet document documents
		pdf report reports dashboard api endpoint plugin script button page pages repository repo branch commit code server
		app password passwords contract quote quotation receipt warranty manual attachment photo photos picture pictures post posts
		comment comments event events calendar meeting project projects task tasks user_guide widget field fields setting
		settings template templates workspace channel board thread list lists driver drivers cache disk drive folder_permissions menu
		module feature features class function variable patch bug test tests build version versions package_list line lines words
		text username voucher coupon price statement reference certificate license licence bank_details payment_details order_details
		shipping_details login_details login_data credentials flight seat ticket_number transaction transactions charge charges fee fees
		customs review reviews draft drafts message email_below flow log logs entry entries string directory debian kernel`,
	cOthers: `customer customers user users client clients employee employees colleague colleagues our member members visitor visitors patient patients someone people their his her subscribers contacts`,
	cYour:   `your yours ur`,
	cNotice: `you_have_the_right you_can you_may you_are_entitled you_have_a_right your_rights at_any_time you_wish if_you_want if_you_no_longer you_no_longer you_would_like if_you_would if_you_wish individuals data_subjects_have to_exercise_your`,
	cOffer: `compliant compliance webinar consult* consulting training audit* pricing discount our_experts our_solution our_software our_team_of free_trial book_a
		certif* whitepaper we_offer we_help we_provide avoid_fines fines schedule_a_call your_business your_organisation your_organization your_company
		dpo_as_a_service toolkit checklist ebook sign_up register_now experts leads demo_call case_study save_time limited_time seo`,
	cRecover:     `restor* recover* accidental* by_mistake by_accident lost undo undelete* get_back get_it_back get_them_back get_that_back disappeared vanished backup_restore bring_back`,
	cSecret:      `confidential* privileged proprietary disclaimer legally_protected`,
	cMisdirected: `in_error intended_recipient intended_for intended_solely addressee addressees unauthorised unauthorized not_the_intended by_mistake_please received_this solely_for named_recipient`,
	cSource:      `where_did_you_get where_you_got how_did_you_get where_did_you_obtain how_you_got who_gave_you where_do_you_have where_you_have how_come_you_have how_do_you_have where_have_you_got source_of who_did_you where_did_u_get`,
	cAnd:         `and plus also as_well`,
	cHereby:      `hereby exercise exercising herewith invoke invoking under_my_right`,
	cSelf:        `i_will i_ll i_am_going_to i_m_going_to i_did i_tried_to i_try_to i_can_t i_cannot trying_to i_was i_just`,
	cBelow:       `below attached again reminder still_waiting enclosed`,
}}
