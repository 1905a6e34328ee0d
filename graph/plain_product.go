package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"cohort/models"
)

var plainUserProduct = &plainType[models.UserProduct]{[]string{"UserProduct"}, map[string]plainField[models.UserProduct]{
	"product": plainNode(plainProduct, func(p *models.UserProduct) *models.Product { return p.Product }),
	"state":   plainText(func(p *models.UserProduct) string { return string(p.State) }),
	"direct":  plainBool(func(p *models.UserProduct) bool { return p.Direct }),
	"blocked": plainBool(func(p *models.UserProduct) bool { return p.Blocked }),
	"since":   plainOptionalTime(func(p *models.UserProduct) *time.Time { return p.Since }),
}}

func init() { // since users have products, and products groups
	plainUser.fields["products"] = plainProductsOf
	plainUserProduct.fields["via"] = plainGroups(func(p *models.UserProduct) []models.GroupID { return p.Via })
}

// plainProductsOf is for the products of users, from the source that is asked for.
func plainProductsOf(ctx context.Context, f graphql.CollectedField, users []*models.User) rowWriter {
	var source models.ProductSource
	if source.UnmarshalGQL(f.ArgumentMap(graphql.GetOperationContext(ctx).Variables)["source"]) != nil {
		return nil
	}
	return plainNested(plainUserProduct, func(ctx context.Context, users []*models.User) ([][]*models.UserProduct, error) {
		return loadersOf(ctx).productsOf(source).loadAll(ctx, idsOf(users, func(u *models.User) models.UserID { return u.ID }))
	})(ctx, f, users)
}
