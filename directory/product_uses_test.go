package directory_test

import (
	"github.com/99designs/gqlgen/graphql"

	"cohort/auth"
	"cohort/models"
)

// What is asked about products and permissions leaves nothing in the feed but what follows from the sources.
var productUses = []use{
	{"setUsersProducts", 6, func(w *writer, who auth.Caller) (effect, error) {
		in := models.UsersProductsSetInput{
			Selection:   &models.UserSelection{Ids: append(someOf(w, 5, w.user), w.user())},
			ProductKeys: w.keys(2), Mode: w.mode(), ErrorPolicy: models.ErrorPolicyRejectFailed, EffectOptions: w.options(),
		}
		switch w.IntN(4) {
		case 0:
			in.ErrorPolicy = models.ErrorPolicyRejectAll
		case 1:
			in.Selection = &models.UserSelection{Matching: &models.UserMatching{Filter: &models.UserFilter{Group: &models.UserGroupFilter{ID: w.group(), Relation: models.MembershipRelationAll}}}}
		}
		if w.IntN(3) > 0 {
			in.BlockInherited = new(w.IntN(3) == 0)
		}
		if len(in.ProductKeys) == 0 {
			in.Mode = models.ProductModeReplace
		}
		_, err := w.d.SetUsersProducts(w.ctx, who, in)
		return nothing, err
	}},
	{"setProductBlocks", 2, func(w *writer, who auth.Caller) (effect, error) {
		_, err := w.d.SetProductBlocks(w.ctx, who, models.UserProductBlocksSetInput{UserID: w.user(), ProductKeys: []string{w.key()}, Blocked: w.IntN(2) == 0})
		return nothing, err
	}},
	{"setGroupProducts", 5, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupProductsSetInput{GroupID: w.group(), ProductKeys: []string{w.key()}, Mode: w.mode(), EffectOptions: w.options()}
		_, err := w.d.SetGroupProducts(w.ctx, who, in)
		return nothing, err
	}},
	{"setGroupsProducts", 1, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupsProductsSetInput{Selection: &models.GroupSelection{Ids: append(someOf(w, 2, w.group), w.group())}, ProductKeys: []string{w.key()}, Mode: w.mode()}
		_, err := w.d.SetGroupsProducts(w.ctx, who, in)
		return nothing, err
	}},
	{"setGroupPermissions", 3, func(w *writer, who auth.Caller) (effect, error) {
		in := models.GroupPermissionsSetInput{GroupID: w.group(), PermissionKeys: []string{w.permission()}, Mode: models.AllPermissionMode[w.IntN(len(models.AllPermissionMode))]}
		_, err := w.d.SetGroupPermissions(w.ctx, who, in)
		return nothing, err
	}},
	{"createProduct", 1, func(w *writer, who auth.Caller) (effect, error) {
		_, err := w.d.CreateProduct(w.ctx, who, models.ProductCreateInput{Key: w.key(), Name: w.word(), Seats: w.seats()})
		return nothing, err
	}},
	{"updateProduct", 2, func(w *writer, who auth.Caller) (effect, error) {
		id, err := w.product(who)
		if err != nil {
			return nothing, err
		}
		_, err = w.d.UpdateProduct(w.ctx, who, models.ProductUpdateInput{ID: id, Seats: graphql.OmittableOf(w.seats())})
		return nothing, err
	}},
	{"deleteProduct", 1, func(w *writer, who auth.Caller) (effect, error) {
		id, err := w.product(who)
		if err != nil {
			return nothing, err
		}
		_, err = w.d.DeleteProduct(w.ctx, who, models.ProductDeleteInput{ID: id})
		return nothing, err
	}},
}

func (w *writer) options() models.EffectOptions {
	return models.EffectOptions{DryRun: w.IntN(8) == 0, NotifyUsers: w.IntN(2) == 0}
}

// key is one of few: some of the account's first catalogue, and some that are made and deleted.
func (w *writer) key() string {
	return []string{"goto-meeting", "openvoice", "pro", "central", "rescue", "made-a", "made-b"}[w.IntN(7)]
}

// permission is one of few, so that admins come to hold them.
func (w *writer) permission() string { return []string{"reports.view", "devices.manage"}[w.IntN(2)] }

func (w *writer) keys(n int) []string { return unique(append([]string{}, someOf(w, n, w.key)...)) }

func (w *writer) mode() models.ProductMode {
	return models.AllProductMode[w.IntN(len(models.AllProductMode))]
}

func (w *writer) seats() *int32 {
	if w.IntN(5) == 0 {
		return nil
	}
	return new(int32(w.IntN(6)))
}

// product looks up one of the keys, of which some are nobody's.
func (w *writer) product(who auth.Caller) (models.ProductID, error) {
	p, err := w.d.Product(w.ctx, who, models.ProductBy{Key: new(w.key())})
	if err != nil || p == nil {
		return models.NewID[models.ProductID](), err
	}
	return p.ID, nil
}
