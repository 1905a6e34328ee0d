package graph_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cohort/models"
)

func TestRefusedExports(t *testing.T) {
	h := newHouse(t)
	export := func(what vars, more ...any) request {
		input := vars{"what": what, "format": "CSV"}
		for i := 0; i < len(more); i += 2 {
			input[more[i].(string)] = more[i+1]
		}
		return request{mutation: "exportCreate", input: input}
	}
	everybody := vars{"all": true}
	users := func(more vars) vars {
		if more["selection"] == nil {
			more["selection"] = everybody
		}
		return vars{"users": more}
	}
	h.refuses(map[string]refusal{
		"nothing":                           {export(vars{}), "GRAPHQL_VALIDATION_FAILED variable.input.what", "exactly one"},
		"two things":                        {export(vars{"events": vars{}, "users": vars{"selection": everybody}}), "GRAPHQL_VALIDATION_FAILED variable.input.what", "exactly one"},
		"an unknown format":                 {export(users(vars{}), "format", "PDF"), "GRAPHQL_VALIDATION_FAILED variable.input.format", "ExportFormat"},
		"a mark where there is none":        {export(users(vars{}), "format", "XLSX", "byteOrderMark", true), "INVALID input.byteOrderMark", "only CSV"},
		"for programs in a language":        {export(users(vars{}), "asData", true, "locale", "FR"), "INVALID input.locale", "in no language"},
		"no column":                         {export(users(vars{"columns": []string{}})), "REQUIRED input.what.users.columns", "at least one column"},
		"a column twice":                    {export(users(vars{"columns": []string{"EMAIL", "ID", "EMAIL"}})), "CONFLICT input.what.users.columns.2", "EMAIL is there twice"},
		"a column of another table":         {export(users(vars{"columns": []string{"DEPTH"}})), "GRAPHQL_VALIDATION_FAILED variable.input.what.users.columns.0", "UserColumn"},
		"another number":                    {export(users(vars{"expectedCount": 99})), "STALE_SELECTION input.what.users.expectedCount", "expected to be 99"},
		"nobody":                            {export(users(vars{"selection": vars{"ids": []string{}}})), "REQUIRED input.what.users.selection.ids", "at least one"},
		"somebody of nowhere":               {export(users(vars{"selection": vars{"ids": []string{"$ann", "$absentUser"}}})), "NOT_FOUND input.what.users.selection.ids.1", "no such user"},
		"a filter too deep":                 {export(users(vars{"selection": vars{"matching": vars{"filter": vars{"search": strings.Repeat("x", 201)}}}})), "TOO_LONG input.what.users.selection.matching.filter.search", "200 characters"},
		"a group of nowhere":                {export(vars{"groups": vars{"selection": vars{"ids": []string{"$absentGroup"}}}}), "NOT_FOUND input.what.groups.selection.ids.0", "no such group"},
		"memberships of nothing":            {export(vars{"memberships": vars{}}), "INVALID input.what.memberships", "exactly one"},
		"memberships of both":               {export(vars{"memberships": vars{"users": everybody, "groups": everybody}}), "INVALID input.what.memberships", "exactly one"},
		"memberships in a group of nowhere": {export(vars{"memberships": vars{"groups": vars{"ids": []string{"$absentGroup"}}}}), "NOT_FOUND input.what.memberships.groups.ids.0", "no such group"},
		"another number of groups":          {export(vars{"memberships": vars{"groups": everybody, "expectedCount": 1}}), "STALE_SELECTION input.what.memberships.expectedCount", "expected to be 1"},
		"events before they began":          {export(vars{"events": vars{"filter": vars{"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}}), "INVALID input.what.events.filter.to", "ends before"},
		"a key of nothing":                  {export(users(vars{}), "idempotencyKey", ""), "REQUIRED input.idempotencyKey", "1 to 255"},
	})
}

// What is left out comes from the caller's own table where that is asked for, and else from the program; and whatever is asked for reaches the job as it
// was.
func TestOrdersOfExports(t *testing.T) {
	h := newHouse(t)
	h.done("tableViewSave", "errors { code }", vars{"users": vars{"columns": []vars{{"column": "EMAIL"}, {"column": "GROUPS", "width": 90}}, "sort": "EMAIL_DESC"}})
	h.done("tableViewSave", "errors { code }", vars{"groups": vars{"sort": "PRIORITY_DESC"}})
	h.done("tableViewSave", "errors { code }", vars{"groupMembers": vars{"columns": []vars{{"column": "PATH"}}}})
	stored := func(what vars) models.ExportCreateInput {
		t.Helper()
		made := h.done("exportCreate", "job { id } errors { code message path }", vars{"what": what, "format": "CSV"})
		id, err := models.ParseJobID(get(made, "job.id").(string))
		if err != nil {
			t.Fatal(err)
		}
		var job models.Job
		if err := h.store.Read.Where("account_id = ? AND id = ?", h.account, id).Take(&job).Error; err != nil {
			t.Fatal(err)
		}
		var order models.ExportCreateInput
		if err := json.Unmarshal([]byte(job.Input), &order); err != nil {
			t.Fatal(err)
		}
		return order
	}
	everybody := vars{"all": true}
	if got := stored(vars{"users": vars{"selection": everybody, "asInTableView": true}}).What.Users; *got.Sort != models.UserSortEmailDesc || !slices.Equal(got.Columns, []models.UserColumn{models.UserColumnEmail, models.UserColumnGroups}) {
		t.Errorf("as in the table: %v %v", *got.Sort, got.Columns)
	}
	if got := stored(vars{"users": vars{"selection": everybody, "asInTableView": true, "sort": "NAME_DESC", "columns": []string{"ID"}}}).What.Users; *got.Sort != models.UserSortNameDesc || !slices.Equal(got.Columns, []models.UserColumn{models.UserColumnID}) {
		t.Errorf("as said, in spite of the table: %v %v", *got.Sort, got.Columns)
	}
	if got := stored(vars{"users": vars{"selection": everybody}}).What.Users; *got.Sort != models.UserSortNameAsc || !slices.Equal(got.Columns, models.DefaultUserColumns) {
		t.Errorf("the usual: %v %v", *got.Sort, got.Columns)
	}
	if got := stored(vars{"memberships": vars{"groups": everybody, "asInTableView": true}}).What.Memberships.Columns; !slices.Equal(got, []models.GroupMemberColumn{models.GroupMemberColumnPath}) {
		t.Errorf("members as in the table: %v", got)
	}
	if got := stored(vars{"groups": vars{"selection": everybody, "asInTableView": true}}).What.Groups; *got.Sort != models.GroupSortPriorityDesc || !slices.Equal(got.Columns, models.DefaultGroupColumns) || !got.Members {
		t.Errorf("a table that has a sort alone: %v", got)
	}
	filter := vars{"subjectId": h.ids["sales"], "actions": []string{"groupCreate"}, "from": "2026-01-01T00:00:00.5Z", "outcome": "DONE"}
	got := stored(vars{"events": vars{"filter": filter, "columns": []string{"ACTION"}}}).What.Events
	if got.Filter.SubjectID.String() != h.ids["sales"] || got.Filter.From.Nanosecond() != 500_000_000 || *got.Filter.Outcome != models.AuditOutcomeDone {
		t.Errorf("the filter of events: %+v", got.Filter)
	}
	deep := vars{"and": []vars{{"group": vars{"id": h.ids["sales"]}}, {"not": vars{"role": []string{"ADMIN"}, "product": vars{"id": h.ids["meeting"], "state": "NO_SEAT"}}}}, "createdAt": vars{"from": "2026-01-01T00:00:00Z"}}
	match := stored(vars{"users": vars{"selection": vars{"matching": vars{"filter": deep, "exceptIds": []string{h.ids["ann"]}}}}}).What.Users.Selection.Matching
	if f := match.Filter; f.And[0].Group.ID.String() != h.ids["sales"] || f.And[1].Not.Product.ID.String() != h.ids["meeting"] || f.CreatedAt == nil || len(match.ExceptIds) != 1 {
		t.Errorf("the filter of users: %+v", f)
	}
	if diff := cmp.Diff(models.LocaleEn, *stored(vars{"events": vars{}}).Locale); diff != "" {
		t.Errorf("the caller's language: %s", diff)
	}
}
