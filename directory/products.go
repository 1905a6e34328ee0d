package directory

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"cohort/audit"
	"cohort/auth"
	"cohort/models"
)

// catalogue are the account's products by name. There are few of them.
func catalogue(tx *gorm.DB, account models.AccountID) ([]*models.Product, error) {
	return products(tx.Where("account_id = ? AND retired_at IS NULL", account))
}

func products(query *gorm.DB) ([]*models.Product, error) {
	var products []*models.Product
	if err := query.Order("name_sort, id").Find(&products).Error; err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	return products, nil
}

// Products are all products of the account by name, at most models.MaxProducts. Admins.
func (d *Directory) Products(ctx context.Context, who auth.Caller) ([]*models.Product, error) {
	return glance(ctx, d, who, "Query.products", func(s *snapshot) ([]*models.Product, error) {
		return catalogue(s.DB, s.account())
	})
}

// Product finds one product; nil when there is none. Admins.
func (d *Directory) Product(ctx context.Context, who auth.Caller, by models.ProductBy) (*models.Product, error) {
	if (by.ID == nil) == (by.Key == nil) {
		return nil, oneOf("id", "key").At("by")
	}
	return glance(ctx, d, who, "Query.product", func(s *snapshot) (*models.Product, error) {
		if by.Key != nil {
			return firstProduct(s.Where("account_id = ? AND product_key = ? AND retired_at IS NULL", s.account(), *by.Key))
		}
		return firstProduct(s.Where("account_id = ? AND id = ? AND retired_at IS NULL", s.account(), by.ID))
	})
}

// ProductsByID finds products; nil in the place of one that there is not. Admins.
func (d *Directory) ProductsByID(ctx context.Context, who auth.Caller, ids []models.ProductID) ([]*models.Product, error) {
	return glance(ctx, d, who, "Query.product", func(s *snapshot) ([]*models.Product, error) {
		var rows []*models.Product
		if err := s.Where("account_id = ? AND id IN ? AND retired_at IS NULL", s.account(), ids).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read products: %w", err)
		}
		products := make([]*models.Product, len(ids))
		for i, id := range ids {
			if at := slices.IndexFunc(rows, func(p *models.Product) bool { return p.ID == id }); at >= 0 {
				products[i] = rows[at]
			}
		}
		return products, nil
	})
}

func firstProduct(query *gorm.DB) (*models.Product, error) {
	var product models.Product
	switch err := query.Take(&product).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, nil //nolint:nilnil // absence is an answer here, and every caller asks for it
	case err != nil:
		return nil, fmt.Errorf("read product: %w", err)
	}
	return &product, nil
}

// Waiting counts those who are entitled to each of the products and wait for a seat. Admins.
func (d *Directory) Waiting(ctx context.Context, who auth.Caller, ids []models.ProductID) ([]int, error) {
	return glance(ctx, d, who, "Product.waiting", func(s *snapshot) ([]int, error) {
		var rows []struct {
			ProductID models.ProductID
			N         int
		}
		err := s.Raw("SELECT product_id, COUNT(*) AS n FROM entitlements WHERE account_id = ? AND product_id IN ? AND state = ? GROUP BY product_id",
			s.account(), ids, models.ProductStateNoSeat).Scan(&rows).Error
		if err != nil {
			return nil, fmt.Errorf("count those who wait: %w", err)
		}
		counts := make([]int, len(ids))
		for _, row := range rows {
			counts[slices.Index(ids, row.ProductID)] = row.N
		}
		return counts, nil
	})
}

var productKey = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// CreateProduct adds a product to the catalogue. Super admins. REQUIRED, TOO_LONG, INVALID_CHARACTERS, INVALID (the
// key, the seats), KEY_TAKEN, TOO_MANY over models.MaxProducts, and of the idempotency key IDEMPOTENCY_KEY_REUSED, REQUIRED,
// TOO_LONG.
func (d *Directory) CreateProduct(ctx context.Context, who auth.Caller, in models.ProductCreateInput) (*models.ProductCreatePayload, error) {
	const action = auth.Action("Mutation.productCreate")
	if _, err := who.May(action); err != nil {
		return nil, err
	}
	draft := &models.Product{Key: in.Key, Seats: in.Seats, WelcomeOnFirstEnable: in.WelcomeOnFirstEnable}
	var errs models.Errors
	switch {
	case in.Key == "":
		_ = errs.Add(models.Errorf(models.CodeRequired, "a product has a key"), "input", "key")
	case !productKey.MatchString(in.Key) || len(in.Key) > 64:
		_ = errs.Add(models.Errorf(models.CodeInvalid, "a key has at most 64 small letters, digits and hyphens, such as goto-meeting"), "input", "key")
	}
	checkProduct(&errs, draft, &in.Name, &in.Family)
	if err := errs.OrNil(); err != nil {
		return nil, err
	}
	once, err := onceFor(who, action, in, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return write(ctx, d, who, action, func(c *change) (*models.ProductCreatePayload, error) {
		var made models.ProductID
		known, err := once.made(c, &made)
		if err != nil {
			return nil, err
		}
		if known {
			product, err := firstProduct(c.Where("account_id = ? AND id = ? AND retired_at IS NULL", c.account(), made))
			return &models.ProductCreatePayload{Product: product}, err
		}
		products, err := products(c.Where("account_id = ?", c.account())) // also those that are leaving
		if err != nil {
			return nil, err
		}
		if len(products) >= models.MaxProducts {
			return nil, models.Errorf(models.CodeTooMany, "an account has at most %d products", models.MaxProducts).With("limit", strconv.Itoa(models.MaxProducts)).At("input")
		}
		if slices.ContainsFunc(products, func(p *models.Product) bool { return p.Key == draft.Key }) {
			return nil, models.Errorf(models.CodeKeyTaken, "another product has the key %s", draft.Key).With("key", draft.Key).At("input", "key")
		}
		product := new(*draft) // each try begins with the draft
		if err := insertProducts(c, []*models.Product{product}); err != nil {
			return nil, err
		}
		if err := once.remember(c, product.ID); err != nil {
			return nil, err
		}
		return &models.ProductCreatePayload{Product: product},
			c.log.Recorded(audit.Subject{Type: audit.Catalogue, ID: product.ID, After: productFacts(product)})
	})
}

// checkProduct checks and sets what can be checked without the database; nil leaves a text as it is.
func checkProduct(errs *models.Errors, product *models.Product, name, family *string) {
	var err error
	if name != nil {
		product.Name, err = models.Line(*name, models.MaxName, true)
		_ = errs.Add(err, "input", "name")
	}
	if family != nil {
		product.Family, err = models.Line(*family, models.MaxName, false)
		_ = errs.Add(err, "input", "family")
	}
	if product.Seats != nil && (*product.Seats < 0 || *product.Seats > models.MaxSeats) {
		_ = errs.Add(models.Errorf(models.CodeInvalid, "seats lie between 0 and %d; null is as many as one likes", models.MaxSeats), "input", "seats")
	}
	product.Settle()
}

func insertProducts(c *change, products []*models.Product) error {
	for _, p := range products {
		p.AccountID, p.ID, p.CreatedAt, p.UpdatedAt = c.account(), models.NewID[models.ProductID](), c.Now, c.Now
		p.Settle()
	}
	if err := c.CreateInBatches(products, rowBatch).Error; err != nil {
		return fmt.Errorf("insert products: %w", err)
	}
	return nil
}

// factsOfProduct are what the log keeps of a product.
type factsOfProduct struct {
	Key                  string `json:"key"`
	Name                 string `json:"name"`
	Family               string `json:"family"`
	Seats                *int32 `json:"seats"`
	WelcomeOnFirstEnable bool   `json:"welcomeOnFirstEnable"`
}

func productFacts(p *models.Product) factsOfProduct {
	return factsOfProduct{p.Key, p.Name, p.Family, p.Seats, p.WelcomeOnFirstEnable}
}

// UpdateProduct changes a product; with more seats, those who wait first get them. Super admins. NOT_FOUND, STALE
// (with the product as it is now), REQUIRED, TOO_LONG, INVALID_CHARACTERS, INVALID, SEATS_IN_USE for fewer seats
// than are in use.
func (d *Directory) UpdateProduct(ctx context.Context, who auth.Caller, in models.ProductUpdateInput) (*models.ProductUpdatePayload, error) {
	return carryOut(ctx, d, who, "Mutation.productUpdate", in, in.EffectOptions, func(c *change) (*models.ProductUpdatePayload, error) {
		product, err := c.targetProduct(in.ID, in.IfMatch)
		payload := &models.ProductUpdatePayload{Product: product}
		if err != nil {
			return payload, err
		}
		edited := *product
		var errs models.Errors
		var name, family *string
		if value, set := in.Name.ValueOK(); set {
			name = new(orZero(value))
		}
		if value, set := in.Family.ValueOK(); set {
			family = new(orZero(value))
		}
		if value, set := in.Seats.ValueOK(); set {
			edited.Seats = value
		}
		if value, set := in.WelcomeOnFirstEnable.ValueOK(); set {
			edited.WelcomeOnFirstEnable = orZero(value)
		}
		checkProduct(&errs, &edited, name, family)
		used, err := c.taken(product)
		if err != nil {
			return payload, err
		}
		if edited.Seats != nil && *edited.Seats < used {
			_ = errs.Add(models.Errorf(models.CodeSeatsInUse, "%d seats are in use: take the product from some users first", used).
				With("used", strconv.Itoa(int(used))), "input", "seats")
		}
		if err := errs.OrNil(); err != nil {
			return payload, err
		}
		before, after := productFacts(product), productFacts(&edited)
		if product.Etag() == edited.Etag() {
			return payload, nil
		}
		edited.UpdatedAt = c.Now
		err = c.Model(&models.Product{}).Where("account_id = ? AND id = ?", c.account(), edited.ID).Updates(map[string]any{
			"name": edited.Name, "name_sort": edited.NameSort, "family": edited.Family, "seats": edited.Seats,
			"welcome_on_first_enable": edited.WelcomeOnFirstEnable, "updated_at": edited.UpdatedAt,
		}).Error
		if err != nil {
			return payload, fmt.Errorf("update product: %w", err)
		}
		if err := c.log.Recorded(audit.Subject{Type: audit.Catalogue, ID: edited.ID, Before: before, After: after}); err != nil {
			return payload, err
		}
		c.reseat = map[models.ProductID]bool{edited.ID: true}
		if _, err := c.settleAll(); err != nil {
			return payload, err
		}
		now, err := firstProduct(c.Where("account_id = ? AND id = ?", c.account(), edited.ID))
		return &models.ProductUpdatePayload{Product: now}, err
	})
}

// DeleteProduct takes a product out of the catalogue, and from everybody who has it. Super admins. NOT_FOUND, STALE.
func (d *Directory) DeleteProduct(ctx context.Context, who auth.Caller, in models.ProductDeleteInput) (*models.ProductDeletePayload, error) {
	return carryOut(ctx, d, who, "Mutation.productDelete", in, in.EffectOptions, func(c *change) (*models.ProductDeletePayload, error) {
		product, err := c.targetProduct(in.ID, in.IfMatch)
		payload := &models.ProductDeletePayload{Product: product}
		if err != nil {
			return payload, err
		}
		holders, err := c.retire(product)
		if err != nil {
			return payload, err
		}
		w := &retiring{Product: product.ID}
		if err := c.perform(w, holders); err != nil {
			return payload, err
		}
		if c.left == nil {
			if err := w.finish(c); err != nil {
				return payload, err
			}
		}
		return &models.ProductDeletePayload{DeletedProductID: &product.ID},
			c.log.Recorded(audit.Subject{Type: audit.Catalogue, ID: product.ID, Before: productFacts(product)})
	})
}

// targetProduct is the product that a mutation is about. NOT_FOUND, or STALE, with the product, when ifMatch is
// another etag.
func (c *change) targetProduct(id models.ProductID, ifMatch *string) (*models.Product, error) {
	product, err := firstProduct(c.Where("account_id = ? AND id = ? AND retired_at IS NULL", c.account(), id))
	switch {
	case err != nil:
		return nil, err
	case product == nil:
		return nil, notFound("product").At("input", "id")
	case ifMatch != nil && *ifMatch != product.Etag():
		return product, stale("product")
	}
	return product, nil
}
