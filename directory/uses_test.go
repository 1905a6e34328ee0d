package directory_test

import (
	"fmt"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// use is a request that writers make, how often beside the others, and what it must leave in the feed by its
// answer.
type use struct {
	name  string
	share int
	do    func(*writer, auth.Caller) (effect, error)
}

var uses = append(productUses, []use{
	{"createUser", 2, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UserCreateInput{Email: w.email(), GivenName: w.word(), FamilyName: w.word(), Locale: models.LocaleEn, Role: w.role(), GroupIds: someOf(w, 2, w.group)}
		p, err := w.d.CreateUser(w.ctx, who, in)
		if err == nil {
			w.made([]models.UserID{p.User.ID}, nil)
		}
		return something, err
	}},
	{"createUsers", 1, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UsersCreateInput{ErrorPolicy: models.ErrorPolicyRejectFailed}
		for range 3 {
			in.Users = append(in.Users, &models.UserCreateInput{Email: w.email(), Locale: models.LocaleFr, Role: models.RoleMember})
		}
		p, err := w.d.CreateUsers(w.ctx, who, in)
		if err != nil {
			return nothing, err
		}
		for _, user := range p.Users {
			w.made([]models.UserID{user.ID}, nil)
		}
		return exactly(len(p.Users)), nil
	}},
	{"updateUser", 2, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UserUpdateInput{ID: w.user(), GivenName: omittable(w.word()), FamilyName: omittable(w.word())}
		if w.IntN(5) == 0 {
			in.Email = omittable(w.email())
		}
		if w.IntN(5) == 0 {
			in.IfMatch = new("another")
		}
		_, err := w.d.UpdateUser(w.ctx, who, in)
		return effect{0, 1}, err
	}},
	{"deleteUser", 2, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UserDeleteInput{ID: w.user()}
		_, err := w.d.DeleteUser(w.ctx, who, in)
		if err == nil {
			w.gone(in.ID, models.GroupID{})
		}
		return something, err
	}},
	{"setUserRole", 2, func(w *writer, who auth.Caller) (effect, error) {
		_, err := w.d.SetUserRole(w.ctx, who, models.UserRoleSetInput{ID: w.user(), Role: w.role()})
		return effect{0, 1}, err
	}},
	{"suspendUsers", 1, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UsersSuspendInput{Selection: &models.UserSelection{Ids: append(someOf(w, 2, w.user), w.user())}}
		switch w.IntN(8) {
		case 0:
			in.ExpectedCount = new(int32(2))
		case 1: // down to the last super admin
			in.Selection = &models.UserSelection{Matching: &models.UserMatching{Filter: &models.UserFilter{Role: []models.Role{models.RoleSuperAdmin}}, ExceptIds: someOf(w, 2, w.user)}}
		}
		p, err := w.d.SuspendUsers(w.ctx, who, in)
		if err != nil {
			return nothing, err
		}
		return counted(p.Counts, p.Job), nil
	}},
	{"resumeUsers", 2, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UsersResumeInput{Selection: &models.UserSelection{All: new(true)}}
		if w.IntN(3) > 0 {
			in.Selection = &models.UserSelection{Ids: append(someOf(w, 6, w.user), w.user())}
		}
		p, err := w.d.ResumeUsers(w.ctx, who, in)
		if err != nil {
			return nothing, err
		}
		return counted(p.Counts, p.Job), nil
	}},
	{"activate", 1, func(w *writer, who auth.Caller) (effect, error) {
		return effect{0, 1}, w.d.Activate(w.ctx, who)
	}},
	{"updateUserGroups", 2, func(w *writer, who auth.Caller) (effect, error) {
		p, err := w.d.UpdateUserGroups(w.ctx, who, models.UserGroupsUpdateInput{UserID: w.user(), AddGroupIds: someOf(w, 2, w.group), RemoveGroupIds: someOf(w, 2, w.group)})
		if err != nil {
			return nothing, err
		}
		return exactly(moved(p.Results)), nil
	}},
	{"createGroup", 4, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupCreateInput{Name: w.groupName(), ParentIds: someOf(w, 2, w.group), MemberIds: someOf(w, 3, w.user)}
		p, err := w.d.CreateGroup(w.ctx, who, in)
		if err == nil {
			w.made(nil, []models.GroupID{p.Group.ID})
		}
		return something, err
	}},
	{"updateGroup", 3, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupUpdateInput{
			ID: w.group(), AddMemberIds: someOf(w, 1, w.user), RemoveMemberIds: someOf(w, 1, w.user), AddParentIds: someOf(w, 1, w.group), RemoveParentIds: someOf(w, 1, w.group),
		}
		switch w.IntN(3) {
		case 0:
			in.Name = omittable(w.groupName())
		case 1:
			in.Priority = graphql.OmittableOf(new(int32(w.IntN(5))))
		}
		_, err := w.d.UpdateGroup(w.ctx, who, in)
		return anything, err
	}},
	{"deleteGroup", 1, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupDeleteInput{ID: w.group()}
		_, err := w.d.DeleteGroup(w.ctx, who, in)
		if err == nil {
			w.gone(models.UserID{}, in.ID)
		}
		return something, err
	}},
	{"deleteGroups", 1, func(w *writer, who auth.Caller) (effect, error) {
		p, err := w.d.DeleteGroups(w.ctx, who, models.GroupsDeleteInput{Selection: &models.GroupSelection{Ids: append(someOf(w, 1, w.group), w.group())}})
		if err != nil || len(p.DeletedGroupIds) == 0 {
			return nothing, err
		}
		for _, id := range p.DeletedGroupIds {
			w.gone(models.UserID{}, id)
		}
		return effect{len(p.DeletedGroupIds), something.most}, nil
	}},
	{"addMembers", 3, func(w *writer, who auth.Caller) (effect, error) {
		p, err := w.d.AddMembers(w.ctx, who, models.GroupMembersAddInput{GroupIds: append(someOf(w, 2, w.group), w.group()), UserIds: append(someOf(w, 5, w.user), w.user())})
		if err != nil {
			return nothing, err
		}
		return exactly(moved(p.Results)), nil
	}},
	{"removeMembers", 2, func(w *writer, who auth.Caller) (effect, error) {
		p, err := w.d.RemoveMembers(w.ctx, who, models.GroupMembersRemoveInput{GroupIds: append(someOf(w, 2, w.group), w.group()), UserIds: append(someOf(w, 3, w.user), w.user())})
		if err != nil {
			return nothing, err
		}
		return exactly(moved(p.Results)), nil
	}},
	{"nest", 6, func(w *writer, who auth.Caller) (effect, error) {
		p, err := w.d.Nest(w.ctx, who, models.GroupNestInput{ParentID: w.group(), ChildID: w.group()})
		if err == nil && *p.Outcome == models.NestingOutcomeNested {
			return exactly(1), nil
		}
		return nothing, err
	}},
	{"unnest", 2, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupUnnestInput{ParentID: w.group(), ChildID: w.group()}
		children, err := w.d.Relatives(w.ctx, who, []models.GroupID{in.ParentID}, directory.Children, directory.GroupQuery{Sort: models.GroupSortNameAsc}, models.PageArgs{First: new(int32(1))})
		if err != nil {
			return nothing, err
		}
		if len(children[0].Edges) > 0 {
			in.ChildID = children[0].Edges[0].Node.ID
		}
		p, err := w.d.Unnest(w.ctx, who, in)
		if err == nil && *p.Outcome == models.NestingOutcomeUnnested {
			return exactly(1), nil
		}
		return nothing, err
	}},
}...)

// moved counts the memberships that a request says it has added or removed.
func moved(results []*models.MembershipResult) (n int) {
	for _, r := range results {
		if r.Outcome == models.MembershipOutcomeAdded || r.Outcome == models.MembershipOutcomeRemoved {
			n++
		}
	}
	return n
}

func omittable(value string) graphql.Omittable[*string] { return graphql.OmittableOf(&value) }

// Names and addresses are few enough that some are taken.
func (w *writer) email() string     { return fmt.Sprintf("%s@example.org", w.word()) }
func (w *writer) groupName() string { return fmt.Sprintf("Group %d", w.IntN(60)) }

func (w *writer) word() string {
	syllables := []string{"an", "ber", "cla", "dor", "el", "fi", "gra", "ho"}
	return syllables[w.IntN(8)] + syllables[w.IntN(8)] + syllables[w.IntN(8)]
}

func (w *writer) role() models.Role {
	return []models.Role{models.RoleSuperAdmin, models.RoleAdmin, models.RoleMember}[w.IntN(3)]
}

// counted is one entry for each user that was changed, unless a job does it, which tells later.
func counted(counts models.UserChangeCounts, job *models.Job) effect {
	if !job.State.Final() {
		return anything
	}
	return exactly(int(counts.Changed))
}
