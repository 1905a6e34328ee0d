package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/auth"
	"cohort/models"
)

// house is an account with one of everything, beside another account that is furnished alike. In queries and
// variables `$name` stands for an id:
//
//	$super $admin $member   the callers, all direct members of $sales
//	$ann                    a member who is in $emea
//	$sales $emea $north     groups, each in the one before
//	$alone                  a group without anybody
//	$meeting $room          the products goto-meeting and goto-room, which nobody has
//	$account                the account
//	$foreignUser …Group …Product …Account, $absentUser …Group …Product …Account
type house struct {
	*api
	other   *api
	callers map[string]auth.Caller
	ids     map[string]string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := furnished(newAPI(t))
	h.other = furnished(newAPI(t)).api
	h.ids["foreignAccount"], h.ids["absentAccount"] = h.other.account.String(), models.NewID[models.AccountID]().String()
	h.ids["foreignUser"], h.ids["absentUser"] = h.other.admin.UserID.String(), models.NewID[models.UserID]().String()
	foreign := h.other.must(`{ group(by: {name: "Sales"}) { id } product(by: {key: "goto-room"}) { id } jobs { nodes { id } } mails { nodes { id } } }`, nil)
	h.ids["partner"], h.ids["foreignPartnerClient"], h.ids["absentPartnerClient"] = h.partner(), h.other.partner(), models.NewID[models.PartnerClientID]().String()
	h.ids["webhook"], h.ids["foreignWebhook"], h.ids["absentWebhook"] = h.webhook(), h.other.webhook(), models.NewID[models.WebhookID]().String()
	h.ids["foreignMail"], h.ids["absentMail"] = get(foreign, "mails.nodes.0.id").(string), models.NewID[models.MailID]().String()
	h.ids["foreignJob"], h.ids["absentJob"] = get(foreign, "jobs.nodes.0.id").(string), models.NewID[models.JobID]().String()
	h.ids["foreignProduct"], h.ids["absentProduct"] = get(foreign, "product.id").(string), models.NewID[models.ProductID]().String()
	h.ids["foreignGroup"], h.ids["absentGroup"] = get(foreign, "group.id").(string), models.NewID[models.GroupID]().String()
	return h
}

func furnished(a *api) *house {
	a.t.Helper()
	h := &house{api: a, callers: map[string]auth.Caller{
		"super": a.admin, "admin": a.person("admin@example.org", models.RoleAdmin), "member": a.person("member@example.org", models.RoleMember),
	}}
	ann := a.person("ann@example.org", models.RoleMember)
	sales := a.group("Sales", nil, a.admin.UserID, h.callers["admin"].UserID, h.callers["member"].UserID)
	emea := a.group("EMEA", []models.GroupID{sales}, ann.UserID)
	north := a.group("North", []models.GroupID{emea})
	h.ids = map[string]string{
		"account": a.account.String(), "sales": sales.String(), "emea": emea.String(), "north": north.String(),
		"alone": a.group("Alone", nil).String(), "ann": ann.UserID.String(),
	}
	for name, key := range map[string]string{"meeting": "goto-meeting", "room": "goto-room"} {
		h.ids[name] = a.product(key).String()
	}
	h.ids["job"], h.ids["back"] = h.pastJobs(ann.UserID, sales)
	h.ids["mail"] = h.deadMail(ann.UserID).ID.String()
	for name, who := range h.callers {
		h.ids[name] = who.UserID.String()
	}
	return h
}

func (h *house) in(t testing.TB) *house {
	b := *h
	b.api = h.api.in(t)
	return &b
}

// fill puts the ids in the place of their names.
func (h *house) fill(text string) string {
	names := slices.SortedFunc(mapKeys(h.ids), func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		text = strings.ReplaceAll(text, "$"+name, h.ids[name])
	}
	return text
}

func mapKeys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// request is an operation as it is written in a table: a query, or a mutation with the input it gets in a
// variable.
type request struct {
	as        string // super unless said otherwise
	query     string
	mutation  string
	input     vars
	variables vars
	body      string // instead of all that: the body as it is
}

func (h *house) send(r request) answer {
	h.t.Helper()
	who, ok := h.callers[r.as]
	if !ok {
		who = h.callers["super"]
	}
	if r.body != "" {
		return h.post(who, h.fill(r.body))
	}
	if r.mutation != "" {
		r.query, r.variables = mutate(r.mutation, "errors { code message path params { name values } }"), vars{"input": r.input}
	}
	variables, err := json.Marshal(r.variables)
	if err != nil {
		h.t.Fatal(err)
	}
	query, err := json.Marshal(h.fill(r.query))
	if err != nil {
		h.t.Fatal(err)
	}
	return h.post(who, fmt.Sprintf(`{"query": %s, "variables": %s}`, query, h.fill(string(variables))))
}

// refusal is a request with what it must be answered: `CODE path` for each user error, `CODE/REASON path` for
// an error of the whole answer, separated by commas, and words that the first message must have.
type refusal struct {
	request
	want string
	says string
}

// refuses runs requests that must be refused, clearly, and change nothing in either account.
func (h *house) refuses(tests map[string]refusal) {
	h.t.Helper()
	before, other, promised := h.dump(), h.other.dump(), promisedParams(h.t)
	for name, tt := range tests {
		h.t.(*testing.T).Run(name, func(t *testing.T) {
			h := h.in(t)
			got := h.send(tt.request)
			h.discreet(got)
			keepsParams(t, promised, got)
			isDocumented(t, got)
			wrong, first := complaints(got)
			if diff := cmp.Diff(tt.want, wrong); diff != "" {
				t.Errorf("refusal (-want +got):\n%s\n%s", diff, got.Text)
			}
			if !strings.Contains(first, tt.says) || first == "" && tt.want != "" {
				t.Errorf("the message %q doesn't say %q", first, tt.says)
			}
			after := h.dump()
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("rows changed (-before +after):\n%s", diff)
			}
			before = after
		})
	}
	if diff := cmp.Diff(other, h.other.dump()); diff != "" {
		h.t.Errorf("rows of the other account changed (-before +after):\n%s", diff)
	}
}

// promisedParams are the names of the values that an error of each code carries, as the contract says.
func promisedParams(t testing.TB) map[string][]string {
	t.Helper()
	promised := map[string][]string{}
	for _, code := range contract(t).Types["UserErrorCode"].EnumValues {
		_, params, _ := strings.Cut(code.Description, "Params:")
		params, _, _ = strings.Cut(params, ",\nfrom")
		params, _, _ = strings.Cut(params, ", from")
		for i, name := range strings.Split(params, "`") {
			if i%2 == 1 {
				promised[code.Name] = append(promised[code.Name], name)
			}
		}
	}
	return promised
}

// keepsParams fails for an error without a value that its code promises.
func keepsParams(t testing.TB, promised map[string][]string, got answer) {
	t.Helper()
	for _, e := range got.Errors {
		reason, _ := e.Extensions["reason"].(string)
		for _, name := range promised[reason] {
			if values, _ := e.Extensions[name].([]any); len(values) == 0 {
				t.Errorf("%s without %s: %s", reason, name, got.Text)
			}
		}
	}
	for _, payload := range got.Data {
		errs, _ := get(payload, "errors").([]any)
		for _, e := range errs {
			code, _ := get(e, "code").(string)
			for _, name := range promised[code] {
				if get(e, "params") != nil && !slices.Contains(texts(e, "params.*.name"), name) {
					t.Errorf("%s without %s: %s", code, name, got.Text)
				}
			}
		}
	}
}

// isDocumented fails for a user error that the description of the mutation doesn't list.
func isDocumented(t testing.TB, got answer) {
	t.Helper()
	for mutation, payload := range got.Data {
		field := contract(t).Mutation.Fields.ForName(mutation)
		if field == nil {
			continue
		}
		listed := field.Description
		if mutation == "usersCreate" { // says that its errors are those of the other
			listed += contract(t).Mutation.Fields.ForName("userCreate").Description
		}
		for _, code := range texts(payload, "errors.*.code") {
			if !strings.Contains(listed, "`"+code+"`") {
				t.Errorf("%s doesn't say that it answers %s", mutation, code)
			}
		}
	}
}

// complaints are the errors of an answer in a refusal's form, and the first one's message.
func complaints(got answer) (wrong, first string) {
	var list []string
	note := func(message string, words ...string) {
		if first == "" {
			first = message
		}
		list = append(list, strings.TrimSpace(strings.Join(words, " ")))
	}
	for _, e := range got.Errors {
		code := fmt.Sprint(e.Extensions["code"])
		if reason, ok := e.Extensions["reason"]; ok {
			code += "/" + fmt.Sprint(reason)
		}
		path := make([]string, len(e.Path))
		for i, step := range e.Path {
			path[i] = fmt.Sprint(step)
		}
		note(e.Message, code, strings.Join(path, "."))
	}
	for _, payload := range got.Data {
		p, ok := payload.(map[string]any)
		if !ok {
			continue
		}
		errs, _ := p["errors"].([]any)
		for _, e := range errs {
			note(get(e, "message").(string), get(e, "code").(string), strings.Join(texts(e, "path"), "."))
		}
	}
	return strings.Join(list, ", "), first
}

// accepts runs requests that must be answered without any error.
func (h *house) accepts(tests map[string]request) {
	h.t.Helper()
	for name, tt := range tests {
		h.t.(*testing.T).Run(name, func(t *testing.T) {
			if wrong, first := complaints(h.in(t).send(tt)); wrong != "" {
				t.Errorf("refused: %s: %s", wrong, first)
			}
		})
	}
}
