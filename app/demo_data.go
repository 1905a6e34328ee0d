package app

import "cohort/models"

// demoGroup is a group of the demo account; those it lies in stand above it.
type demoGroup struct {
	name, description string
	priority          int32
	in                []string
}

var demoGroups = []demoGroup{
	{"Board", "Whoever signs for the company.", 100, nil},

	{"Customer Care", "Everybody who talks to customers.", 10, nil},
	{"Sales", "Offers, orders and prices.", 0, []string{"Customer Care"}},
	{"Support", "Answers within a working day.", 20, []string{"Customer Care"}},
	{"Support in French", "Tickets and calls in French.", 30, []string{"Support"}},
	{"Support in Spanish and Portuguese", "Tickets and calls in Spanish and Portuguese.", 30, []string{"Support"}},

	{"Engineering", "Everybody who builds what is sold.", 10, nil},
	{"Apps", "What customers have on their screens and telephones.", 0, []string{"Engineering"}},
	{"Platform", "What the apps run on.", 20, []string{"Engineering"}},
	{"On Call", "Who is woken when something breaks: engineers and supporters in turn.", 50, []string{"Platform", "Support"}},

	{"Communication", "The web site, the newsletter and the press.", 0, nil},
	{"Translators", "One or two for each language.", 0, []string{"Communication"}},
}

// demoGrants are the products that groups give to everybody who is in them.
var demoGrants = map[string][]string{
	"Customer Care": {"goto-connect"},
	"Sales":         {"goto-webinar"},
	"Support":       {"rescue"},
	"Engineering":   {"goto-meeting"},
	"On Call":       {"central"},
}

// demoPermissions are what groups permit everybody who is in them.
var demoPermissions = map[string][]string{
	"Board":         {"billing.view", "history.view", "reports.export", "reports.view"},
	"Customer Care": {"people.view", "phone.calls.view"},
	"Support":       {"phone.queues.supervise", "support.sessions.view"},
	"On Call":       {"devices.manage", "support.computers.manage"},
	"Engineering":   {"integrations.manage"},
	"Communication": {"branding.manage", "webinars.manage"},
}

// demoSettings are values that the account ("") and groups hold; a lock stands behind some.
var demoSettings = map[string][]*models.SettingInput{
	"": {
		{Key: "meeting.password.required", Value: &models.SettingValueInput{Boolean: new(true)}, Locked: true},
		{Key: "account.time.zone", Value: &models.SettingValueInput{String: new("Europe/Paris")}},
	},
	"Customer Care":     {{Key: "phone.call.recording", Value: &models.SettingValueInput{Choice: new("ON_DEMAND")}}, {Key: "meeting.chat", Value: &models.SettingValueInput{Choice: new("ORGANIZERS")}}},
	"Support":           {{Key: "phone.call.recording", Value: &models.SettingValueInput{Choice: new("ALWAYS")}, Locked: true}, {Key: "phone.ring.time", Value: &models.SettingValueInput{Integer: new(int32(40))}}},
	"Support in French": {{Key: "voicemail.language", Value: &models.SettingValueInput{Choice: new("FR")}}},
	"Engineering":       {{Key: "meeting.duration.limit", Value: &models.SettingValueInput{Integer: new(int32(120))}}},
	"On Call":           {{Key: "phone.forwarding", Value: &models.SettingValueInput{Choice: new("ALWAYS")}}, {Key: "phone.international", Value: &models.SettingValueInput{Boolean: new(true)}}},
}

// demoOwnSettings are values that users hold themselves, by what stands before @example.org.
var demoOwnSettings = map[string][]*models.UserSettingInput{
	"nikos.papadopoulos": {{Key: "phone.forwarding.number", Value: &models.SettingValueInput{String: new("+302101234567")}}},
	"saoirse.oconnor":    {{Key: "phone.call.recording", Value: &models.SettingValueInput{Choice: new("OFF")}}},
}

// demoSeats are fewer than there are people for it: somebody waits.
var demoSeats = map[string]int32{"rescue": 6}

// demoDirect are the products set on users, by what stands before @example.org.
var demoDirect = map[string][]string{
	"ada.moreau":            {"goto-meeting", "openvoice"},
	"francoise.saint-aubin": {"join-me"},
	"maria-sole.ricci":      {"goto-webinar", "goto-training"},
}

// demoUser is a user of the demo account, a member unless the role says otherwise.
type demoUser struct {
	email         string // before @example.org
	given, family string
	locale        models.Locale
	groups        []string
	role          models.Role
	shown         string // the display name, where it isn't given and family name
	suspended     bool
}

// The first one is the account's first super admin.
var demoUsers = []demoUser{
	{email: "ada.moreau", given: "Ada", family: "Moreau", locale: models.LocaleFr, groups: []string{"Board"}, role: models.RoleSuperAdmin},
	{email: "johannes.brandt", given: "Johannes", family: "Brandt", locale: models.LocaleDe, groups: []string{"Board", "Engineering"}, role: models.RoleAdmin},
	{email: "grace.okafor", given: "Grace", family: "Okafor", locale: models.LocaleEn, groups: []string{"Board", "Customer Care"}, role: models.RoleAdmin},

	{email: "rosie.macdonald", given: "Rosie", family: "MacDonald", locale: models.LocaleEn, groups: []string{"Sales"}},
	{email: "saoirse.oconnor", given: "Saoirse", family: "O’Connor", locale: models.LocaleEn, groups: []string{"Support", "Translators"}},
	{email: "sakura.kimura", given: "さくら", family: "木村", locale: models.LocaleEn, groups: []string{"Apps"}, shown: "木村 さくら"},
	{email: "nikos.papadopoulos", given: "Νίκος", family: "Παπαδόπουλος", locale: models.LocaleEn, groups: []string{"Platform", "On Call"}},

	{email: "zoe.lefevre", given: "Zoé", family: "Lefèvre", locale: models.LocaleFr, groups: []string{"Support in French"}},
	{email: "jean-loup.boulanger", given: "Jean-Loup", family: "Boulanger", locale: models.LocaleFr, groups: []string{"Support in French", "On Call"}},
	{email: "francoise.saint-aubin", given: "Françoise", family: "Saint-Aubin", locale: models.LocaleFr, groups: []string{"Translators"}},
	{email: "leila.haddad", given: "ليلى", family: "حداد", locale: models.LocaleFr, groups: []string{"Sales"}},

	{email: "giulia.d-amico", given: "Giulia", family: "D’Amico", locale: models.LocaleIt, groups: []string{"Apps"}},
	{email: "niccolo.esposito", given: "Niccolò", family: "Esposito", locale: models.LocaleIt, groups: []string{"Sales", "Translators"}},
	{email: "maria-sole.ricci", given: "Maria Sole", family: "Ricci", locale: models.LocaleIt, groups: []string{"Communication"}},
	{email: "pierluigi.fabbri", given: "Pierluigi", family: "Fabbri", locale: models.LocaleIt, groups: []string{"Platform"}},

	{email: "juergen.gross", given: "Jürgen", family: "Groß", locale: models.LocaleDe, groups: []string{"Platform", "On Call"}},
	{email: "anneliese.mueller-luedenscheidt", given: "Anneliese", family: "Müller-Lüdenscheidt", locale: models.LocaleDe, groups: []string{"Communication", "Translators"}},
	{email: "oezlem.yilmaz", given: "Özlem", family: "Yılmaz", locale: models.LocaleDe, groups: []string{"Apps"}},
	{email: "nataliia.shevchenko", given: "Наталія", family: "Шевченко", locale: models.LocaleDe, groups: []string{"Platform"}},

	{email: "begona.ibanez", given: "Begoña", family: "Ibáñez", locale: models.LocaleEs, groups: []string{"Support in Spanish and Portuguese"}},
	{email: "inigo.etxeberria", given: "Íñigo", family: "Etxeberria", locale: models.LocaleEs, groups: []string{"Support in Spanish and Portuguese", "On Call"}},
	{email: "lucia.garcia-lorca", given: "Lucía", family: "García Lorca", locale: models.LocaleEs, groups: []string{"Sales"}},
	{email: "agustin.pena", given: "Agustín", family: "Peña", locale: models.LocaleEs, groups: []string{"Translators"}, suspended: true},

	{email: "joao.goncalves", given: "João", family: "Gonçalves", locale: models.LocalePt, groups: []string{"Support in Spanish and Portuguese"}},
	{email: "ines.conceicao", given: "Inês", family: "Conceição", locale: models.LocalePt, groups: []string{"Apps", "On Call"}},
	{email: "antonio.avila", given: "Antônio", family: "Ávila", locale: models.LocalePt, groups: []string{"Translators"}},

	{email: "daan.van-der-berg", given: "Daan", family: "van der Berg", locale: models.LocaleNl, groups: []string{"Support"}},
	{email: "noor.de-vries", given: "Noor", family: "de Vries", locale: models.LocaleNl, groups: []string{"Apps"}},
	{email: "loes.coeyman", given: "Loes", family: "Coëyman", locale: models.LocaleNl, groups: []string{"Communication", "Translators"}},
	{email: "wim.in-t-veld", given: "Wim", family: "in ’t Veld", locale: models.LocaleNl},
}
