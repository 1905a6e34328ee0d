package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
	"cohort/playground"
)

const (
	demoAccount   = "Demo"
	demoTokenLife = 12 * time.Hour
)

// demoWelcome makes the demo account in a database that has none, and answers with a super admin's token for
// it and a line to paste.
func (on *site) demoWelcome(ctx context.Context, url string) (string, error) {
	made, err := makeDemo(ctx, on.directory)
	if err != nil {
		return "", err
	}
	account, admin, token, err := on.demoToken(ctx)
	if err != nil {
		return "", err
	}
	if account == nil {
		return "No demo account is made, since the database has accounts already.\n" +
			"A token: cohort token --user EMAIL --account NAME\n", nil
	}
	text := ""
	if made {
		text = fmt.Sprintf("The database was empty: it now has the account %q with %d users in %d groups.\n", account.Name, len(demoUsers), len(demoGroups))
	}
	return text + fmt.Sprintf(`A token of %[1]s, a super admin of the account %[2]q, good for %[3]v hours:

  %[4]s

The playground has it in place already: %[5]s/

Or paste this:

  curl -s %[5]s/graphql -H 'Authorization: Bearer %[4]s' -H 'Content-Type: application/json' -d '{"query":"{ groups(first: 3) { nodes { name memberCount } } }"}'

`, admin.DisplayName, account.Name, demoTokenLife.Hours(), token, url), nil
}

// demoToken issues a token of the first super admin of the demo account; without such an account all is nil.
func (on *site) demoToken(ctx context.Context) (account *models.Account, admin *models.User, token string, err error) {
	accounts, err := listAccounts(ctx, on.directory)
	if err != nil {
		return nil, nil, "", err
	}
	if account = findAccount(accounts, demoAccount); account == nil {
		return nil, nil, "", nil
	}
	if admin, err = firstSuperAdmin(ctx, on.directory, account); err != nil {
		return nil, nil, "", err
	}
	token, err = issue(on.tokens, admin, models.RoleSuperAdmin, demoTokenLife)
	return account, admin, token, err
}

// page answers with the playground. The demo's has a token in it, which whoever reads the answer can use: the demo
// listens on this machine alone and answers to its names alone, no page of another origin can read the answer, and
// where something passes requests on from elsewhere the token stays away.
func (on *site) page(w http.ResponseWriter, r *http.Request) {
	token := ""
	if on.demo && !passedOn(r) {
		var err error
		if _, _, token, err = on.demoToken(r.Context()); err != nil {
			on.log.WarnContext(r.Context(), "the playground has no token", "error", err, "requestId", auth.RequestIDFrom(r.Context()))
		}
	}
	playground.Page(w, token)
}

// passedOn says whether a proxy tells of another client.
func passedOn(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// makeDemo fills a database that has no account; it says whether it did.
func makeDemo(ctx context.Context, d *directory.Directory) (bool, error) {
	accounts, err := listAccounts(ctx, d)
	if err != nil || len(accounts) > 0 {
		return false, err
	}
	account, admin, err := d.CreateAccount(ctx, directory.NewAccount{Name: demoAccount, Admin: demoUsers[0].input(nil)})
	if err != nil {
		if accounts, again := listAccounts(ctx, d); again == nil && findAccount(accounts, demoAccount) != nil {
			return false, nil // another server was faster
		}
		return false, fmt.Errorf("make the demo account: %w", err)
	}
	if err := fillDemo(ctx, d, auth.OperatorOf(account.ID), admin); err != nil {
		return false, fmt.Errorf("make the demo account: %w", err)
	}
	return true, nil
}

func fillDemo(ctx context.Context, d *directory.Directory, who auth.Caller, admin *models.User) error {
	ids := map[string]models.GroupID{}
	for _, g := range demoGroups {
		in := models.GroupCreateInput{Name: g.name, Description: g.description, Priority: g.priority, ParentIds: named(ids, g.in)}
		made, err := d.CreateGroup(ctx, who, in)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.name, err)
		}
		ids[g.name] = made.Group.ID
	}
	rest := make([]*models.UserCreateInput, 0, len(demoUsers))
	for _, u := range demoUsers[1:] {
		rest = append(rest, new(u.input(ids)))
	}
	made, err := d.CreateUsers(ctx, who, models.UsersCreateInput{Users: rest, ErrorPolicy: models.ErrorPolicyRejectAll})
	if err != nil {
		return fmt.Errorf("users: %w", err)
	}
	_, err = d.UpdateUserGroups(ctx, who, models.UserGroupsUpdateInput{UserID: admin.ID, AddGroupIds: named(ids, demoUsers[0].groups)})
	if err != nil {
		return fmt.Errorf("groups of the super admin: %w", err)
	}
	var suspended []models.UserID
	for i, u := range demoUsers[1:] {
		if u.suspended {
			suspended = append(suspended, made.Users[i].ID)
		}
	}
	_, err = d.SuspendUsers(ctx, who, models.UsersSuspendInput{Selection: &models.UserSelection{Ids: suspended}})
	if err != nil {
		return fmt.Errorf("suspension: %w", err)
	}
	return fillDemoProducts(ctx, d, who, ids)
}

func fillDemoProducts(ctx context.Context, d *directory.Directory, who auth.Caller, groups map[string]models.GroupID) error {
	for key, seats := range demoSeats {
		product, err := d.Product(ctx, who, models.ProductBy{Key: &key})
		if err != nil || product == nil {
			return fmt.Errorf("product %s: %w", key, err)
		}
		if _, err := d.UpdateProduct(ctx, who, models.ProductUpdateInput{ID: product.ID, Seats: graphql.OmittableOf(&seats)}); err != nil {
			return fmt.Errorf("seats of %s: %w", key, err)
		}
	}
	for name, keys := range demoGrants {
		if _, err := d.SetGroupProducts(ctx, who, models.GroupProductsSetInput{GroupID: groups[name], ProductKeys: keys, Mode: models.ProductModeAdd}); err != nil {
			return fmt.Errorf("products of %s: %w", name, err)
		}
	}
	for name, keys := range demoPermissions {
		in := models.GroupPermissionsSetInput{GroupID: groups[name], PermissionKeys: keys, Mode: models.PermissionModeReplace}
		if _, err := d.SetGroupPermissions(ctx, who, in); err != nil {
			return fmt.Errorf("permissions of %s: %w", name, err)
		}
	}
	for name, keys := range demoDirect {
		email := name + "@example.org"
		user, err := d.User(ctx, who, models.UserBy{Email: &email})
		if err != nil || user == nil {
			return fmt.Errorf("user %s: %w", email, err)
		}
		_, err = d.SetUsersProducts(ctx, who, models.UsersProductsSetInput{
			Selection: &models.UserSelection{Ids: []models.UserID{user.ID}}, ProductKeys: keys, Mode: models.ProductModeAdd, ErrorPolicy: models.ErrorPolicyRejectAll,
		})
		if err != nil {
			return fmt.Errorf("products of %s: %w", email, err)
		}
	}
	return fillDemoSettings(ctx, d, who, groups)
}

func fillDemoSettings(ctx context.Context, d *directory.Directory, who auth.Caller, groups map[string]models.GroupID) error {
	for name, settings := range demoSettings {
		var err error
		if name == "" {
			_, err = d.SetAccountSettings(ctx, who, models.AccountSettingsSetInput{Settings: settings})
		} else {
			_, err = d.SetGroupSettings(ctx, who, models.GroupSettingsSetInput{GroupID: groups[name], Settings: settings, MemberOverrides: models.MemberOverridesKeep})
		}
		if err != nil {
			return fmt.Errorf("settings of %q: %w", name, err)
		}
	}
	for name, settings := range demoOwnSettings {
		email := name + "@example.org"
		user, err := d.User(ctx, who, models.UserBy{Email: &email})
		if err != nil || user == nil {
			return fmt.Errorf("user %s: %w", email, err)
		}
		if _, err := d.SetUserSettings(ctx, who, models.UserSettingsSetInput{UserID: user.ID, Settings: settings}); err != nil {
			return fmt.Errorf("settings of %s: %w", email, err)
		}
	}
	return nil
}

func named(ids map[string]models.GroupID, names []string) []models.GroupID {
	found := make([]models.GroupID, len(names))
	for i, name := range names {
		found[i] = ids[name]
	}
	return found
}

func (u demoUser) input(ids map[string]models.GroupID) models.UserCreateInput {
	in := models.UserCreateInput{Email: u.email + "@example.org", GivenName: u.given, FamilyName: u.family, Locale: u.locale, Role: u.role}
	if in.Role == "" {
		in.Role = models.RoleMember
	}
	if u.shown != "" {
		in.DisplayName = &u.shown
	}
	if ids != nil {
		in.GroupIds = named(ids, u.groups)
	}
	return in
}

// firstSuperAdmin is the account's oldest one who is not suspended.
func firstSuperAdmin(ctx context.Context, d *directory.Directory, account *models.Account) (*models.User, error) {
	query := directory.UserQuery{Sort: models.UserSortCreatedAtAsc, Filter: &models.UserFilter{
		Role: []models.Role{models.RoleSuperAdmin}, Status: []models.UserStatus{models.UserStatusActive, models.UserStatusInvited},
	}}
	found, err := d.Users(ctx, auth.OperatorOf(account.ID), query, models.PageArgs{First: new(int32(1))})
	if err != nil {
		return nil, err
	}
	if len(found.Edges) == 0 {
		return nil, fmt.Errorf("the account %q has no super admin", account.Name)
	}
	return found.Edges[0].Node, nil
}
