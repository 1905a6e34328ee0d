package directory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"cohort/auth"
	"cohort/directory"
	"cohort/jobs"
	"cohort/models"
	"cohort/store"
	"cohort/store/storetest"
)

// shop is a world with products: what is set, blocked and granted, by name, and who has ever had one.
type shop struct {
	*world
	store          *store.Store
	products       map[string]bool
	productID      map[string]models.ProductID
	direct, blocks map[[2]string]bool // user, product
	grants         map[[2]string]bool // group, product
	roles          map[string]models.Role
	had            map[string]bool
	drain          func(*rapid.T)
	inParts        bool
}

// TestPropertyProducts drives a random history of everything that products depend on. After each step what is stored
// equals a recomputation from the sources, in the plainest way.
func TestPropertyProducts(t *testing.T) { products(t, 0) }

// TestPropertyProductsByJobs has jobs do all that concerns more than two users, one user at a time.
func TestPropertyProductsByJobs(t *testing.T) { products(t, 2) }

func products(t *testing.T, inPlace int) {
	s := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		d, err := directory.New(s, directory.Options{MaxGroupDepth: 4, InPlace: inPlace})
		ok(rt, err)
		account := storetest.Account(t, s)
		drain, stop := working(rt, s, d, account)
		defer stop()
		w := &shop{
			world: &world{
				oracle: oracle{map[string]bool{}, map[string]bool{}, map[[2]string]bool{}, map[[2]string]bool{}, 4},
				d:      d, db: s.Read, who: auth.OperatorOf(account),
				userID: map[string]models.UserID{}, groupID: map[string]models.GroupID{}, name: map[[16]byte]string{},
			},
			store: s, products: map[string]bool{}, productID: map[string]models.ProductID{}, direct: map[[2]string]bool{}, blocks: map[[2]string]bool{},
			grants: map[[2]string]bool{}, roles: map[string]models.Role{}, had: map[string]bool{},
			drain: drain, inParts: inPlace > 0,
		}
		for range 3 {
			w.createUser(rt)
			w.createGroup(rt)
			w.createProduct(rt)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create user":      w.createUser,
			"delete user":      w.deleteUser,
			"set role":         w.setRole,
			"create group":     w.createGroup,
			"delete groups":    w.deleteGroups,
			"add members":      w.addMembers,
			"remove members":   w.removeMembers,
			"user's groups":    w.updateUserGroups,
			"nest":             w.nest,
			"unnest":           w.unnestOne,
			"staged edit":      w.stagedEdit,
			"create product":   w.createProduct,
			"delete product":   w.deleteProduct,
			"set seats":        w.setSeats,
			"set products":     w.setProducts,
			"set more":         w.setProducts,
			"set blocks":       w.setBlocks,
			"grant":            w.grant,
			"grant to several": w.grantToSeveral,
			"":                 w.check,
		})
	})
}

// unnestOne ends a nesting that there is.
func (w *shop) unnestOne(t *rapid.T) {
	if len(w.inside) == 0 {
		t.Skip()
	}
	edges := slices.SortedFunc(maps.Keys(w.inside), func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	edge := rapid.SampledFrom(edges).Draw(t, "edge")
	_, err := w.d.Unnest(context.Background(), w.who, models.GroupUnnestInput{ParentID: w.groupID[edge[1]], ChildID: w.groupID[edge[0]]})
	ok(t, err)
	delete(w.inside, edge)
}

func (w *shop) look(t *rapid.T) *contents {
	w.drain(t)
	st, err := readContents(context.Background(), w.store, w.who.Account, true)
	ok(t, err)
	return st
}

// check holds the sources against the history, and what follows from them against the sources.
func (w *shop) check(t *rapid.T) {
	st := w.look(t)
	st.checkProducts(t)
	st.checkLine(t)
	lost := func(pair [2]string, _ bool) bool { return !w.users[pair[0]] || !w.products[pair[1]] }
	maps.DeleteFunc(w.direct, lost)
	maps.DeleteFunc(w.blocks, lost)
	maps.DeleteFunc(w.grants, func(pair [2]string, _ bool) bool { return !w.groups[pair[0]] || !w.products[pair[1]] })
	named := func(rows map[models.Holding]bool) map[[2]string]bool {
		pairs := map[[2]string]bool{}
		for h := range rows {
			pairs[[2]string{w.name[h.User], w.name[h.Product]}] = true
		}
		return pairs
	}
	grants := map[[2]string]bool{}
	for g := range st.grants {
		grants[[2]string{w.name[g.GroupID], w.name[g.ProductID]}] = true
	}
	same(t, "set on users", w.direct, named(st.direct))
	same(t, "blocked", w.blocks, named(st.blocks))
	same(t, "granted", w.grants, grants)
	w.checkWhy(t, st)
	has := map[string]bool{}
	for h, e := range st.entitled {
		if e.State == models.ProductStateEnabled {
			has[w.name[h.User]], w.had[w.name[h.User]] = true, true
		}
	}
	if w.inParts { // one part may give a user a seat for a moment that the next one takes
		for h := range st.firsts {
			w.had[w.name[h.User]] = true
		}
	}
	for id, u := range st.users {
		name := w.name[id]
		want := []models.SuspensionReason(nil)
		if w.role(name) == models.RoleMember && w.had[name] && !has[name] {
			want = []models.SuspensionReason{models.SuspensionReasonNoProducts}
		}
		same(t, "why "+name+" is suspended", want, slices.Clip(append([]models.SuspensionReason(nil), u.StatusReasons()...)))
		same(t, "status of "+name, want != nil, u.Status == models.UserStatusSuspended)
	}
}

func (w *shop) role(user string) models.Role {
	if role, set := w.roles[user]; set {
		return role
	}
	return models.RoleMember
}

func (w *shop) setRole(t *rapid.T) {
	u, role := w.user(t), rapid.SampledFrom([]models.Role{models.RoleMember, models.RoleAdmin}).Draw(t, "role")
	_, err := w.d.SetUserRole(context.Background(), w.who, models.UserRoleSetInput{ID: w.userID[u], Role: role})
	ok(t, err)
	w.roles[u] = role
}

func drawSeats(t *rapid.T) *int32 {
	if n := rapid.Int32Range(-1, 3).Draw(t, "seats"); n >= 0 {
		return &n
	}
	return nil
}

func (w *shop) createProduct(t *rapid.T) {
	if len(w.products) > 3 {
		t.Skip()
	}
	w.made++
	name := fmt.Sprintf("p%03d", w.made)
	p, err := w.d.CreateProduct(context.Background(), w.who, models.ProductCreateInput{Key: name, Name: name, Seats: drawSeats(t)})
	ok(t, err)
	w.products[name], w.productID[name], w.name[p.Product.ID] = true, p.Product.ID, name
}

func (w *shop) product(t *rapid.T) string {
	if len(w.products) == 0 {
		t.Skip()
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(w.products))).Draw(t, "product")
}

func (w *shop) deleteProduct(t *rapid.T) {
	p := w.product(t)
	_, err := w.d.DeleteProduct(context.Background(), w.who, models.ProductDeleteInput{ID: w.productID[p]})
	ok(t, err)
	delete(w.products, p)
}

func (w *shop) setSeats(t *rapid.T) {
	p, seats := w.product(t), drawSeats(t)
	used := w.look(t).products[w.productID[p]].SeatsUsed
	_, err := w.d.UpdateProduct(context.Background(), w.who, models.ProductUpdateInput{ID: w.productID[p], Seats: graphql.OmittableOf(seats)})
	if seats != nil && *seats < used {
		refused(t, err, models.CodeSeatsInUse)
		return
	}
	ok(t, err)
}

// inherits tells whether a group that the user is in gives the product, and no block keeps it away.
func (w *shop) inherits(u, p string) bool {
	for g := range w.grants {
		if g[1] == p && w.groups[g[0]] && w.fits(u, g[0], models.MembershipRelationAll) {
			return !w.blocks[[2]string{u, p}]
		}
	}
	return false
}

func (w *shop) setProducts(t *rapid.T) {
	users, keys := w.someUsers(t), some(t, w.products, "products")
	in := models.UsersProductsSetInput{
		Selection: &models.UserSelection{Ids: append([]models.UserID{}, w.userIDs(users)...)}, ProductKeys: keys,
		Mode:        rapid.SampledFrom(models.AllProductMode).Draw(t, "mode"),
		ErrorPolicy: rapid.SampledFrom(models.AllErrorPolicy).Draw(t, "policy"),
	}
	if choice := rapid.IntRange(0, 2).Draw(t, "block"); choice > 0 {
		in.BlockInherited = new(choice == 1)
	}
	before := w.look(t)
	dry := in
	dry.DryRun = true
	tried, dryErr := w.d.SetUsersProducts(context.Background(), w.who, dry)
	sameContents(t, before, w.look(t))
	p, err := w.d.SetUsersProducts(context.Background(), w.who, in)
	same(t, "refusal of the dry run", fmt.Sprint(err), fmt.Sprint(dryErr))
	inherited := map[[2]string]bool{}
	for _, u := range users {
		for p := range w.products {
			inherited[[2]string{u, p}] = w.inherits(u, p)
		}
	}
	switch {
	case len(users) == 0, len(keys) == 0 && in.Mode != models.ProductModeReplace:
		refused(t, err, models.CodeRequired)
		return
	case len(keys) == 0 && in.BlockInherited == nil && slices.Contains(slices.Collect(maps.Values(inherited)), true):
		refused(t, err, models.CodeChooseInherited)
		return
	case err != nil:
		same(t, "policy", models.ErrorPolicyRejectAll, in.ErrorPolicy)
		refused(t, err, models.CodeNoSeats)
		sameContents(t, before, w.look(t))
		return
	}
	if p.Counts != nil {
		same(t, "counts of the dry run", p.Counts, tried.Preview.Counts)
	}
	w.sameImpact(t, before, w.look(t), p.Impact, p.Job, tried.Preview)
	for _, u := range users {
		for p := range w.products {
			h := [2]string{u, p}
			named := slices.Contains(keys, p)
			switch {
			case in.Mode != models.ProductModeRemove && named:
				w.direct[h] = true
				delete(w.blocks, h)
				continue
			case in.Mode == models.ProductModeAdd, in.Mode == models.ProductModeRemove && !named:
				continue
			}
			delete(w.direct, h)
			if in.BlockInherited != nil && *in.BlockInherited && inherited[h] {
				w.blocks[h] = true
			}
		}
	}
}

// sameImpact holds the counts against what is stored before and after, and against what the dry run said; those of a
// job, which may give a user in one part what another takes, against that alone.
func (w *shop) sameImpact(t *rapid.T, before, after *contents, got *models.ProductsImpact, job *models.Job, tried *models.ProductsPreview) {
	t.Helper()
	if got == nil {
		job, err := jobs.Find(w.db, w.who.Account, job.ID)
		ok(t, err)
		got = &models.ProductsImpact{}
		ok(t, json.Unmarshal([]byte(*job.Cursor), got))
		same(t, "impact of the dry run", got, tried.Impact)
		return
	}
	same(t, "impact of the dry run", got, tried.Impact)
	gained, lost, waiting := map[models.UserID]bool{}, map[models.UserID]bool{}, map[models.UserID]bool{}
	for h, e := range after.entitled {
		was, is := before.entitled[h]
		switch {
		case e.State == models.ProductStateEnabled && was.State != models.ProductStateEnabled:
			gained[h.User] = true
		case e.State == models.ProductStateNoSeat && !is:
			waiting[h.User] = true
		}
	}
	for h, e := range before.entitled {
		if e.State == models.ProductStateEnabled && after.entitled[h].State != models.ProductStateEnabled {
			lost[h.User] = true
		}
	}
	want := &models.ProductsImpact{Gaining: int32(len(gained)), Losing: int32(len(lost)), WithoutSeat: int32(len(waiting)), ByProduct: byProduct(before, after)}
	for id, u := range after.users {
		switch was := before.users[id].SuspendedNoProducts; {
		case u.SuspendedNoProducts && !was:
			want.Suspended++
		case was && !u.SuspendedNoProducts:
			want.Resumed++
		}
	}
	same(t, "impact", want, got)
}

// byProduct counts product by product, in the order of their ids.
func byProduct(before, after *contents) (all []*models.ProductImpact) {
	parts := map[models.ProductID]*models.ProductImpact{}
	of := func(id models.ProductID) *models.ProductImpact {
		if parts[id] == nil {
			parts[id] = &models.ProductImpact{ProductID: id}
			all = append(all, parts[id])
		}
		return parts[id]
	}
	for h, e := range after.entitled {
		was, is := before.entitled[h]
		if e.State == models.ProductStateEnabled && was.State != models.ProductStateEnabled {
			of(h.Product).Gaining++
		} else if e.State == models.ProductStateNoSeat && !is {
			of(h.Product).WithoutSeat++
		}
	}
	for h, e := range before.entitled {
		if e.State == models.ProductStateEnabled && after.entitled[h].State != models.ProductStateEnabled {
			of(h.Product).Losing++
		}
	}
	slices.SortFunc(all, func(a, b *models.ProductImpact) int { return bytes.Compare(a.ProductID[:], b.ProductID[:]) })
	return all
}

func (w *shop) setBlocks(t *rapid.T) {
	u, p, blocked := w.user(t), w.product(t), rapid.Bool().Draw(t, "blocked")
	_, err := w.d.SetProductBlocks(context.Background(), w.who, models.UserProductBlocksSetInput{UserID: w.userID[u], ProductKeys: []string{p}, Blocked: blocked})
	h := [2]string{u, p}
	if blocked && w.direct[h] {
		refused(t, err, models.CodeConflict)
		return
	}
	ok(t, err)
	if delete(w.blocks, h); blocked {
		w.blocks[h] = true
	}
}

func (w *shop) grant(t *rapid.T) {
	g, keys, mode := w.group(t), some(t, w.products, "products"), rapid.SampledFrom(models.AllProductMode).Draw(t, "mode")
	in := models.GroupProductsSetInput{GroupID: w.groupID[g], ProductKeys: keys, Mode: mode}
	w.granting(t, []string{g}, keys, mode, func(dry bool) (*models.ProductsImpact, *models.Effects, error) {
		in.DryRun = dry
		p, err := w.d.SetGroupProducts(context.Background(), w.who, in)
		if err != nil {
			return nil, nil, err
		}
		return p.Impact, &p.Effects, nil
	})
}

func (w *shop) grantToSeveral(t *rapid.T) {
	groups, keys, mode := w.someGroups(t), some(t, w.products, "products"), rapid.SampledFrom(models.AllProductMode).Draw(t, "mode")
	if len(groups) == 0 {
		t.Skip()
	}
	in := models.GroupsProductsSetInput{Selection: &models.GroupSelection{Ids: w.ids(groups)}, ProductKeys: keys, Mode: mode}
	w.granting(t, groups, keys, mode, func(dry bool) (*models.ProductsImpact, *models.Effects, error) {
		in.DryRun = dry
		p, err := w.d.SetGroupsProducts(context.Background(), w.who, in)
		if err != nil {
			return nil, nil, err
		}
		return p.Impact, &p.Effects, nil
	})
}

func (w *shop) granting(t *rapid.T, groups, keys []string, mode models.ProductMode, do func(dry bool) (*models.ProductsImpact, *models.Effects, error)) {
	before := w.look(t)
	_, tried, dryErr := do(true)
	sameContents(t, before, w.look(t))
	impact, done, err := do(false)
	same(t, "refusal of the dry run", fmt.Sprint(err), fmt.Sprint(dryErr))
	if len(keys) == 0 && mode != models.ProductModeReplace {
		refused(t, err, models.CodeRequired)
		return
	}
	ok(t, err)
	w.sameImpact(t, before, w.look(t), impact, done.Job, tried.Preview)
	for _, g := range groups {
		for p := range w.products {
			switch named := slices.Contains(keys, p); {
			case named && mode != models.ProductModeRemove:
				w.grants[[2]string{g, p}] = true
			case named == (mode == models.ProductModeRemove) && mode != models.ProductModeAdd:
				delete(w.grants, [2]string{g, p})
			}
		}
	}
}

func sameContents(t *rapid.T, want, got *contents) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(contents{})); diff != "" {
		t.Fatalf("something has changed (-before +after):\n%s", diff)
	}
}
