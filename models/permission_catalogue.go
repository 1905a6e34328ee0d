package models

// The areas of permissions.
const (
	areaPeople  = "People and groups"
	areaAccount = "Account"
	areaReports = "Reports"
	areaPhone   = "Phone system"
	areaMeeting = "Meetings"
	areaEvents  = "Webinars and training"
	areaSupport = "Remote support"
	areaDevices = "Devices and rooms"
)

// permissionDefinitions is the catalogue. A key is never used again for something else; one that goes takes its grants'
// meaning with it.
var permissionDefinitions = []*PermissionDefinition{
	{"people.view", areaPeople, "View people", "See the directory of the company: names, e-mails and the groups that people are in."},
	{"people.invite", areaPeople, "Invite people", "Send invitations, and send them again."},
	{"people.notes", areaPeople, "Keep notes on people", "Read and write the notes that administrators keep on people."},

	{"billing.view", areaAccount, "View invoices", "See invoices, payments and when the contract is renewed."},
	{"billing.manage", areaAccount, "Manage billing", "Buy seats, change how is paid, and order and end subscriptions."},
	{"branding.manage", areaAccount, "Manage the look", "Change logos, colours and the texts on the company's pages."},
	{"security.manage", areaAccount, "Manage security", "Set the rules for passwords, sign-in by a provider and sessions."},
	{"integrations.manage", areaAccount, "Manage integrations", "Connect calendars, customer records and chat, and disconnect them."},

	{"reports.view", areaReports, "View reports", "Open the reports on how products are used."},
	{"reports.export", areaReports, "Export reports", "Take reports out of the console as files, and have them sent on a schedule."},
	{"history.view", areaReports, "View the administrators' history", "See who has changed what in the console."},

	{"phone.settings.manage", areaPhone, "Manage phone system settings", "Change the dial plan, opening hours, greetings and holidays."},
	{"phone.numbers.manage", areaPhone, "Manage phone numbers", "Order numbers, bring numbers along and assign them."},
	{"phone.queues.manage", areaPhone, "Manage call queues", "Make call queues and ring groups, and say who answers in them."},
	{"phone.queues.supervise", areaPhone, "Supervise call queues", "Follow the calls of a queue live, listen in and help."},
	{"phone.calls.view", areaPhone, "View call history of others", "See who called whom, when, and for how long."},
	{"phone.recordings.listen", areaPhone, "Listen to call recordings of others", "Play the recordings and voicemails of other people."},

	{"meetings.history.view", areaMeeting, "View meetings of others", "See when other people's meetings were, and who took part."},
	{"meetings.recordings.manage", areaMeeting, "Manage meeting recordings", "Play, share and delete the recordings of other people's meetings."},
	{"meetings.schedule", areaMeeting, "Schedule for others", "Plan, move and cancel meetings in the name of other people."},

	{"webinars.manage", areaEvents, "Manage webinars of others", "Edit, move and cancel the webinars and trainings of other people."},
	{"webinars.registrants.export", areaEvents, "Export registrants", "Take the lists of people who registered out of the console."},

	{"support.sessions.view", areaSupport, "View support sessions of others", "See and read the sessions that other people have held."},
	{"support.computers.manage", areaSupport, "Manage computers", "Add computers that are reached without anybody there, group and remove them."},
	{"support.scripts.manage", areaSupport, "Manage scripts", "Write and run the scripts that work on remote computers."},

	{"devices.manage", areaDevices, "Manage devices", "Set up telephones, assign them, start them anew and take them out of use."},
	{"rooms.manage", areaDevices, "Manage rooms", "Set up meeting rooms with their screens and calendars."},
}
