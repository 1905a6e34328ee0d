package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newFirm is a house in which $sales grants goto-meeting, so that all people have it, and $emea goto-room, so that $ann has
// that too.
func newFirm(t testing.TB) *house {
	h := newHouse(t)
	for group, key := range map[string]string{"sales": "goto-meeting", "emea": "goto-room"} {
		h.done("groupProductsSet", "impact { gaining }", vars{"groupId": h.ids[group], "productKeys": []string{key}})
	}
	return h
}

const impactAsked = `impact { gaining losing withoutSeat suspended resumed notices byProduct { product { key } gaining losing withoutSeat } }`

// told says an impact in words: `super`, say, for a product by its key.
func told(impact any) string {
	words := []string{fmt.Sprintf("+%v -%v suspended %v resumed %v notices %v", get(impact, "gaining"), get(impact, "losing"), get(impact, "suspended"), get(impact, "resumed"), get(impact, "notices"))}
	for _, p := range get(impact, "byProduct").([]any) {
		words = append(words, fmt.Sprintf("%v +%v -%v", get(p, "product.key"), get(p, "gaining"), get(p, "losing")))
	}
	return strings.Join(words, ", ")
}

// Before groups are deleted, a dry run says who would lose what and who would be suspended; then it happens so.
func TestGroupsDeleteSaysWhoLosesWhat(t *testing.T) {
	for name, tt := range map[string]struct {
		selection vars
		expected  int
		impact    string
		loses     map[string]string // user by user
		suspended string
		left      string
	}{
		"one that grants": {
			vars{"ids": []string{"$emea"}},
			1, "+0 -1 suspended 1 resumed 0 notices 1, goto-meeting +0 -1, goto-room +0 -1",
			map[string]string{"ann": "goto-meeting goto-room"},
			"ann", "Alone North Sales",
		},
		"all": {
			vars{"all": true},
			4, "+0 -4 suspended 2 resumed 0 notices 4, goto-meeting +0 -4, goto-room +0 -1",
			map[string]string{"ann": "goto-meeting goto-room", "super": "goto-meeting", "admin": "goto-meeting", "member": "goto-meeting"},
			"ann member", "",
		},
		"by a filter, but for some": {
			vars{"matching": vars{"filter": vars{"not": vars{"search": "alone"}}, "exceptIds": []string{"$emea"}}},
			2, "+0 -4 suspended 1 resumed 0 notices 4, goto-meeting +0 -4",
			map[string]string{"ann": "goto-meeting", "super": "goto-meeting", "admin": "goto-meeting", "member": "goto-meeting"},
			"member", "Alone EMEA",
		},
		"one without grants": {vars{"ids": []string{"$alone"}}, 1, "+0 -0 suspended 0 resumed 0 notices 0", map[string]string{}, "", "EMEA North Sales"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFirm(t)
			names := map[string]string{}
			for _, who := range []string{"super", "admin", "member", "ann"} {
				names[h.ids[who]] = who
			}
			asked := `deletedGroupIds preview { ` + impactAsked + ` rows { userId lost { key } gained { key } suspended } confirmToken } job { dryRun ` + impactAsked + ` } errors { code message path }`
			input := vars{"selection": tt.selection, "expectedCount": tt.expected, "dryRun": true}
			send := func() map[string]any {
				got := h.send(request{query: `mutation ($input: GroupsDeleteInput!) { groupsDelete(input: $input) { ` + asked + ` } }`, variables: vars{"input": input}})
				if wrong, first := complaints(got); wrong != "" {
					t.Fatalf("refused: %s: %s", wrong, first)
				}
				return get(any(got.Data), "groupsDelete").(vars)
			}
			var dry map[string]any
			h.unchanged(func() { dry = send() })
			if got := told(get(dry, "preview.impact")); got != tt.impact {
				t.Errorf("the preview says %s, want %s", got, tt.impact)
			}
			loses, suspended := map[string]string{}, []string{}
			for _, row := range get(dry, "preview.rows").([]any) {
				who := names[get(row, "userId").(string)]
				loses[who] = strings.Join(texts(row, "lost.*.key"), " ")
				if get(row, "suspended") == true {
					suspended = append(suspended, who)
				}
			}
			slices.Sort(suspended)
			if diff := cmp.Diff(tt.loses, loses); diff != "" {
				t.Errorf("who loses what (-want +got):\n%s", diff)
			}
			if got := strings.Join(suspended, " "); got != tt.suspended {
				t.Errorf("would be suspended: %s, want %s", got, tt.suspended)
			}
			if diff := cmp.Diff(get(dry, "preview.impact"), get(dry, "job.impact")); diff != "" || get(dry, "job.dryRun") != true {
				t.Errorf("its job (-preview +job):\n%s", diff)
			}
			input["dryRun"] = false
			done := send()
			if n := len(get(done, "deletedGroupIds").([]any)); n != tt.expected {
				t.Errorf("%d are gone, want %d", n, tt.expected)
			}
			state := h.must(`{ groups { nodes { name } } users(filter: {status: [SUSPENDED]}) { nodes { id } } }`, nil)
			if left := strings.Join(texts(any(state), "groups.nodes.*.name"), " "); left != tt.left {
				t.Errorf("left: %s, want %s", left, tt.left)
			}
			var are []string
			for _, id := range texts(any(state), "users.nodes.*.id") {
				are = append(are, names[id])
			}
			slices.Sort(are)
			if got := strings.Join(are, " "); got != tt.suspended {
				t.Errorf("suspended: %s, want %s", got, tt.suspended)
			}
		})
	}
}

// What many groups grant is set by ids, by a filter, or for all; the dry run says the same as what is done.
func TestGroupsProductsSetOnSelections(t *testing.T) {
	for name, tt := range map[string]struct {
		selection vars
		expected  int
		keys      []string
		mode      string
		impact    string
		grants    string // of each group, by itself
	}{
		"all, replaced":           {vars{"all": true}, 4, []string{"goto-room"}, "REPLACE", "+3 -4 suspended 0 resumed 0 notices 4, goto-meeting +0 -4, goto-room +3 -0", "Alone: room, EMEA: room, North: room, Sales: room"},
		"all, with nothing":       {vars{"all": true}, 4, []string{}, "REPLACE", "+0 -4 suspended 2 resumed 0 notices 4, goto-meeting +0 -4, goto-room +0 -1", "Alone: , EMEA: , North: , Sales: "},
		"ids, added":              {vars{"ids": []string{"$alone", "$sales"}}, 2, []string{"goto-room"}, "ADD", "+3 -0 suspended 0 resumed 0 notices 3, goto-room +3 -0", "Alone: room, EMEA: room, North: , Sales: meeting room"},
		"ids, removed":            {vars{"ids": []string{"$emea", "$north"}}, 2, []string{"goto-room"}, "REMOVE", "+0 -1 suspended 0 resumed 0 notices 1, goto-room +0 -1", "Alone: , EMEA: , North: , Sales: meeting"},
		"a filter":                {vars{"matching": vars{"filter": vars{"hasParent": true}}}, 2, []string{"goto-meeting"}, "REPLACE", "+0 -1 suspended 0 resumed 0 notices 1, goto-room +0 -1", "Alone: , EMEA: meeting, North: meeting, Sales: meeting"},
		"a filter, less some":     {vars{"matching": vars{"filter": vars{"hasParent": true}, "exceptIds": []string{"$emea"}}}, 1, []string{"goto-meeting"}, "ADD", "+0 -0 suspended 0 resumed 0 notices 0", "Alone: , EMEA: room, North: meeting, Sales: meeting"},
		"an empty filter, less 1": {vars{"matching": vars{"filter": vars{}, "exceptIds": []string{"$sales"}}}, 3, []string{"goto-meeting"}, "ADD", "+0 -0 suspended 0 resumed 0 notices 0", "Alone: meeting, EMEA: meeting room, North: meeting, Sales: meeting"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFirm(t)
			input := vars{"selection": tt.selection, "expectedCount": tt.expected, "productKeys": tt.keys, "mode": tt.mode}
			send := func(more vars) map[string]any {
				with := maps.Clone(input)
				maps.Copy(with, more)
				got := h.send(request{query: mutate("groupsProductsSet", impactAsked+` groups { id } preview { `+impactAsked+` } errors { code message path }`), variables: vars{"input": with}})
				if wrong, first := complaints(got); wrong != "" {
					t.Fatalf("refused: %s: %s", wrong, first)
				}
				return get(any(got.Data), "groupsProductsSet").(vars)
			}
			h.unchanged(func() {
				if got := told(get(send(vars{"dryRun": true}), "preview.impact")); got != tt.impact {
					t.Errorf("the preview says %s, want %s", got, tt.impact)
				}
			})
			h.refuses(map[string]refusal{"another number": {
				request{mutation: "groupsProductsSet", input: vars{"selection": tt.selection, "expectedCount": tt.expected + 1, "productKeys": tt.keys, "mode": tt.mode}},
				"STALE_SELECTION input.expectedCount", fmt.Sprintf("is now %d", tt.expected),
			}})
			done := send(nil)
			if got := told(get(done, "impact")); got != tt.impact || len(get(done, "groups").([]any)) != tt.expected {
				t.Errorf("done: %s, want %s", got, tt.impact)
			}
			var grants []string
			for _, g := range get(h.must(`{ groups { nodes { name products { direct product { key } } } } }`, nil), "groups.nodes").([]any) {
				var own []string
				for _, p := range get(g, "products").([]any) {
					if get(p, "direct") == true {
						own = append(own, strings.TrimPrefix(get(p, "product.key").(string), "goto-"))
					}
				}
				grants = append(grants, fmt.Sprint(get(g, "name"), ": ", strings.Join(own, " ")))
			}
			if got := strings.Join(grants, ", "); got != tt.grants {
				t.Errorf("they grant %s, want %s", got, tt.grants)
			}
		})
	}
}

// A product that is no more is still counted in a job, by its id.
func TestImpactOfAProductThatIsNoMore(t *testing.T) {
	h := newFirm(t)
	done := h.done("groupProductsSet", "job { id }", vars{"groupId": h.ids["emea"], "productKeys": []string{}})
	h.done("productDelete", "deletedProductId", vars{"id": h.ids["room"]})
	got := get(h.must(`query ($id: ID!) { job(id: $id) { impact { byProduct { productId product { key } losing } } } }`, vars{"id": get(done, "job.id")}), "job.impact.byProduct")
	if diff := cmp.Diff(any([]any{vars{"productId": h.ids["room"], "product": nil, "losing": 1.0}}), got); diff != "" {
		t.Errorf("by product (-want +got):\n%s", diff)
	}
}
