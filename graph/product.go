package graph

import (
	"context"
	"slices"

	"cohort/models"
)

func (r queryResolver) Product(ctx context.Context, by models.ProductBy) (*models.Product, error) {
	return r.directory.Product(ctx, caller(ctx), by)
}

func (r queryResolver) Products(ctx context.Context) ([]*models.Product, error) {
	return r.directory.Products(ctx, caller(ctx))
}

func (r queryResolver) UsersProductsSummary(ctx context.Context, selection models.UserSelection) (*models.UsersProductsSummary, error) {
	return r.directory.SummariseProducts(ctx, caller(ctx), &selection)
}

func (r productResolver) Waiting(ctx context.Context, product *models.Product) (int32, error) {
	n, err := load(loadersOf(ctx).waiting(), ctx, product.ID)
	return int32(n), err //nolint:gosec // far fewer users than that
}

func (r productResolver) ViewerCanUpdate(ctx context.Context, _ *models.Product) (bool, error) {
	return caller(ctx).Can("Mutation.productUpdate"), nil
}

func (r productResolver) ViewerCanDelete(ctx context.Context, _ *models.Product) (bool, error) {
	return caller(ctx).Can("Mutation.productDelete"), nil
}

func (r userResolver) Products(ctx context.Context, user *models.User, source models.ProductSource) ([]*models.UserProduct, error) {
	return load(loadersOf(ctx).productsOf(source), ctx, user.ID)
}

func (r userResolver) HasNoProducts(ctx context.Context, user *models.User) (bool, error) {
	products, err := load(loadersOf(ctx).productsOf(models.ProductSourceAll), ctx, user.ID)
	return hasNone(products), err
}

func hasNone(products []*models.UserProduct) bool {
	return !slices.ContainsFunc(products, func(p *models.UserProduct) bool { return p.State == models.ProductStateEnabled })
}

func (r groupResolver) Products(ctx context.Context, group *models.Group) ([]*models.GroupProduct, error) {
	return load(loadersOf(ctx).productsOfGroups(), ctx, group.ID)
}

func (r userProductResolver) Via(ctx context.Context, product *models.UserProduct) ([]*models.Group, error) {
	return groupsNamed(ctx, product.Via)
}

func (r groupProductResolver) Via(ctx context.Context, product *models.GroupProduct) ([]*models.Group, error) {
	return groupsNamed(ctx, product.Via)
}

func (r productsPreviewRowResolver) User(ctx context.Context, row *models.ProductsPreviewRow) (*models.User, error) {
	return load(loadersOf(ctx).users(), ctx, row.UserID)
}

func (r productsPreviewRowResolver) Gained(ctx context.Context, row *models.ProductsPreviewRow) ([]*models.Product, error) {
	return productsNamed(ctx, row.JobDetail.Gained)
}

func (r productsPreviewRowResolver) Lost(ctx context.Context, row *models.ProductsPreviewRow) ([]*models.Product, error) {
	return productsNamed(ctx, row.JobDetail.Lost)
}

func (r productsPreviewRowResolver) Waiting(ctx context.Context, row *models.ProductsPreviewRow) ([]*models.Product, error) {
	return productsNamed(ctx, row.JobDetail.Waiting)
}

// ByProduct is in the order of the products' names; those that are no more come last.
func (r productsImpactResolver) ByProduct(ctx context.Context, impact *models.ProductsImpact) ([]*models.ProductImpact, error) {
	parts := make(map[models.ProductID]*models.ProductImpact, len(impact.ByProduct))
	ids := make([]models.ProductID, len(impact.ByProduct))
	for i, part := range impact.ByProduct {
		ids[i], parts[part.ProductID] = part.ProductID, part
	}
	there, err := productsNamed(ctx, ids)
	if err != nil {
		return nil, err
	}
	sorted := make([]*models.ProductImpact, 0, len(ids))
	for _, product := range there {
		sorted = append(sorted, parts[product.ID])
		delete(parts, product.ID)
	}
	for _, part := range impact.ByProduct {
		if parts[part.ProductID] != nil {
			sorted = append(sorted, part)
		}
	}
	return sorted, nil
}

func (r productImpactResolver) Product(ctx context.Context, part *models.ProductImpact) (*models.Product, error) {
	return load(loadersOf(ctx).catalogue(), ctx, part.ProductID)
}

func (r mutationResolver) UsersProductsSet(ctx context.Context, input models.UsersProductsSetInput) (*models.UsersProductsSetPayload, error) {
	return answer(r.directory.SetUsersProducts(ctx, caller(ctx), input))
}

func (r mutationResolver) UserProductBlocksSet(ctx context.Context, input models.UserProductBlocksSetInput) (*models.UserProductBlocksSetPayload, error) {
	return answer(r.directory.SetProductBlocks(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupProductsSet(ctx context.Context, input models.GroupProductsSetInput) (*models.GroupProductsSetPayload, error) {
	return answer(r.directory.SetGroupProducts(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupsProductsSet(ctx context.Context, input models.GroupsProductsSetInput) (*models.GroupsProductsSetPayload, error) {
	return answer(r.directory.SetGroupsProducts(ctx, caller(ctx), input))
}

func (r mutationResolver) ProductCreate(ctx context.Context, input models.ProductCreateInput) (*models.ProductCreatePayload, error) {
	return answer(r.directory.CreateProduct(ctx, caller(ctx), input))
}

func (r mutationResolver) ProductUpdate(ctx context.Context, input models.ProductUpdateInput) (*models.ProductUpdatePayload, error) {
	return answer(r.directory.UpdateProduct(ctx, caller(ctx), input))
}

func (r mutationResolver) ProductDelete(ctx context.Context, input models.ProductDeleteInput) (*models.ProductDeletePayload, error) {
	return answer(r.directory.DeleteProduct(ctx, caller(ctx), input))
}
