package models

// SettingDefinitions are all settings, in the order in which screens show them. A key is never given to another setting,
// and a definition only ever takes more values than before: what is stored stays readable.
var SettingDefinitions = []*SettingDefinition{
	meeting(&SettingDefinition{
		Key: "meeting.recording", Name: "Who may record", Default: choiceValue("ORGANIZERS"),
		Description: "Who may record meetings that the user organises.",
		Choices: []SettingChoice{
			{"NOBODY", "Nobody"}, {"ORGANIZERS", "Organisers"}, {"EVERYBODY", "Organisers and attendees"},
		},
	}),
	meeting(&SettingDefinition{
		Key: "meeting.recording.automatic", Name: "Record automatically", Default: booleanValue(false),
		Description: "Whether the recording begins together with the meeting.",
	}),
	meeting(&SettingDefinition{
		Key: "meeting.recording.storage", Name: "Where recordings are kept", Default: choiceValue("CLOUD"),
		Description: "Where new recordings are kept.",
		Choices:     []SettingChoice{{"CLOUD", "In the cloud"}, {"LOCAL", "On the organiser's computer"}},
	}),
	days(meeting(&SettingDefinition{
		Key: "meeting.recording.retention", Name: "Keep recordings for", Default: integerValue(365), Min: new(int32(1)), Max: new(int32(3650)),
		Description: "After how many days recordings in the cloud are deleted.",
	})),
	meeting(&SettingDefinition{
		Key: "meeting.transcripts", Name: "Transcripts", Default: booleanValue(true),
		Description: "Whether a transcript is made of recordings.",
	}),
	meeting(&SettingDefinition{
		Key: "meeting.audio", Name: "Default audio", Default: choiceValue("BOTH"),
		Description: "How attendees join the sound of new meetings.",
		Choices: []SettingChoice{
			{"COMPUTER", "Computer only"}, {"PHONE", "Phone only"}, {"BOTH", "Computer or phone"}, {"OWN", "An own conference number"},
		},
	}),
	minutes(meeting(&SettingDefinition{
		Key: "meeting.duration.limit", Name: "Time limit", Default: integerValue(1440), Min: new(int32(15)), Max: new(int32(1440)),
		Description: "After how many minutes a meeting ends by itself.",
	})),
	meeting(&SettingDefinition{
		Key: "meeting.lock", Name: "Waiting room", Default: booleanValue(false),
		Description: "Whether attendees wait until the organiser lets them in.",
	}),
	meeting(&SettingDefinition{
		Key: "meeting.password.required", Name: "Password required", Default: booleanValue(false),
		Description: "Whether new meetings must have a password.",
	}),
	meeting(&SettingDefinition{
		Key: "meeting.chat", Name: "Chat", Default: choiceValue("EVERYBODY"),
		Description: "To whom attendees may write in a meeting.",
		Choices:     []SettingChoice{{"OFF", "To nobody"}, {"ORGANIZERS", "To organisers"}, {"EVERYBODY", "To everybody"}},
	}),
	meeting(&SettingDefinition{
		Key: "meeting.screen.sharing", Name: "Screen sharing", Default: choiceValue("EVERYBODY"),
		Description: "Who may show a screen in a meeting.",
		Choices:     []SettingChoice{{"ORGANIZERS", "Organisers"}, {"EVERYBODY", "Everybody"}},
	}),
	meeting(&SettingDefinition{
		Key: "meeting.remote.control", Name: "Keyboard and mouse", Default: booleanValue(true),
		Description: "Whether whoever shows a screen may hand keyboard and mouse to somebody else.",
	}),

	number(webinar(&SettingDefinition{
		Key: "webinar.attendees.limit", Name: "Attendees", Default: integerValue(500), Min: new(int32(1)), Max: new(int32(3000)),
		Description: "How many attendees a webinar of the user may have.",
	}), "attendees"),
	webinar(&SettingDefinition{
		Key: "webinar.registration", Name: "Registration", Default: choiceValue("REQUIRED"),
		Description: "Whether attendees of new webinars register.",
		Choices:     []SettingChoice{{"REQUIRED", "Required"}, {"OPTIONAL", "Optional"}, {"OFF", "Off"}},
	}),
	webinar(&SettingDefinition{
		Key: "webinar.reminders", Name: "Reminders", Default: booleanValue(true),
		Description: "Whether those who have registered are reminded by mail.",
	}),

	training(&SettingDefinition{
		Key: "training.tests", Name: "Tests", Default: booleanValue(true),
		Description: "Whether the user may give tests in a training.",
	}),
	training(&SettingDefinition{
		Key: "training.materials", Name: "Materials", Default: booleanValue(true),
		Description: "Whether the user may upload materials to a training.",
	}),

	phone(&SettingDefinition{
		Key: "phone.forwarding", Name: "Call forwarding", Default: choiceValue("NO_ANSWER"),
		Description: "When calls are forwarded.",
		Choices: []SettingChoice{
			{"OFF", "Never"}, {"BUSY", "When busy"}, {"NO_ANSWER", "When nobody answers"}, {"ALWAYS", "Always"},
		},
	}),
	phone(&SettingDefinition{
		Key: "phone.forwarding.number", Name: "Forward to", Default: stringValue(""), MaxLength: new(int32(20)), Pattern: new(`|\+[1-9][0-9]{5,14}`),
		Description: "The number that calls are forwarded to, with the code of the country, such as `+33123456789`; the voicemail when it is empty.",
	}),
	number(phone(&SettingDefinition{
		Key: "phone.ring.time", Name: "Ring for", Default: integerValue(20), Min: new(int32(5)), Max: new(int32(120)),
		Description: "For how many seconds the phone rings before it counts as not answered.",
	}), "seconds"),
	phone(&SettingDefinition{
		Key: "phone.caller.id", Name: "Caller id", Default: stringValue(""), MaxLength: new(int32(15)), Pattern: new(`[A-Za-z0-9 .&-]*`),
		Description: "The name that those see who are called; the user's own name when it is empty.",
	}),
	phone(&SettingDefinition{
		Key: "phone.international", Name: "Calls abroad", Default: booleanValue(false),
		Description: "Whether the user may call numbers of other countries.",
	}),
	phone(&SettingDefinition{
		Key: "phone.call.recording", Name: "Record calls", Default: choiceValue("OFF"),
		Description: "Which calls are recorded.",
		Choices:     []SettingChoice{{"OFF", "None"}, {"ON_DEMAND", "Those the user chooses"}, {"ALWAYS", "All"}},
	}),
	phone(&SettingDefinition{
		Key: "voicemail.enabled", Name: "Voicemail", Default: booleanValue(true),
		Description: "Whether callers may leave a message.",
	}),
	phone(&SettingDefinition{
		Key: "voicemail.language", Name: "Voicemail language", Default: choiceValue("EN"),
		Description: "The language of the announcements that callers hear.",
		Choices: []SettingChoice{
			{"EN", "English"}, {"FR", "French"}, {"IT", "Italian"}, {"DE", "German"}, {"ES", "Spanish"}, {"PT", "Portuguese"}, {"NL", "Dutch"},
		},
	}),
	phone(&SettingDefinition{
		Key: "voicemail.mail", Name: "Voicemail by mail", Default: booleanValue(true),
		Description: "Whether the user gets new messages by mail.",
	}),

	about("Remote access", "gotomypc", &SettingDefinition{
		Key: "remote.printing", Name: "Remote printing", Default: booleanValue(true),
		Description: "Whether what is printed on the distant computer comes out here.",
	}),
	minutes(about("Remote access", "gotomypc", &SettingDefinition{
		Key: "remote.idle.limit", Name: "Idle limit", Default: integerValue(30), Min: new(int32(1)), Max: new(int32(480)),
		Description: "After how many minutes without input a session ends.",
	})),
	about("IT support", "rescue", &SettingDefinition{
		Key: "support.unattended", Name: "Unattended access", Default: booleanValue(false),
		Description: "Whether the user may reach devices at which nobody sits.",
	}),

	account(&SettingDefinition{
		Key: "account.two.factor", Name: "Second factor", Default: choiceValue("OPTIONAL"),
		Description: "Whether the user signs in with a second factor.",
		Choices:     []SettingChoice{{"OPTIONAL", "As the user likes"}, {"REQUIRED", "Required"}},
	}),
	minutes(account(&SettingDefinition{
		Key: "account.session.limit", Name: "Sign out after", Default: integerValue(720), Min: new(int32(5)), Max: new(int32(43200)),
		Description: "After how many minutes the user has to sign in again.",
	})),
	account(&SettingDefinition{
		Key: "account.time.zone", Name: "Time zone", Default: stringValue("UTC"), MaxLength: new(int32(40)), Pattern: new(`UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+){1,2}`),
		Description: "The time zone of the user's calendar, by its name in the IANA database, such as `Europe/Paris`.",
	}),
}

func meeting(d *SettingDefinition) *SettingDefinition  { return about("Meetings", "goto-meeting", d) }
func webinar(d *SettingDefinition) *SettingDefinition  { return about("Webinars", "goto-webinar", d) }
func training(d *SettingDefinition) *SettingDefinition { return about("Trainings", "goto-training", d) }
func phone(d *SettingDefinition) *SettingDefinition    { return about("Phone", "goto-connect", d) }
func account(d *SettingDefinition) *SettingDefinition  { return about("Account", "", d) }

func minutes(d *SettingDefinition) *SettingDefinition { return number(d, "minutes") }
func days(d *SettingDefinition) *SettingDefinition    { return number(d, "days") }

func number(d *SettingDefinition, unit string) *SettingDefinition {
	d.Unit = &unit
	return d
}

// about fills in what the others have in common.
func about(area, product string, d *SettingDefinition) *SettingDefinition {
	d.Area, d.Type = area, d.Default.Type
	if product != "" {
		d.ProductKey = &product
	}
	return d
}
