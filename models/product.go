package models

import (
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MaxProducts bounds the catalogue of an account, so that what one user has is never a long list.
const MaxProducts = 250

// MaxSeats bounds the seats of a product.
const MaxSeats = 10_000_000

// Product is an entry of an account's catalogue.
type Product struct {
	AccountID            AccountID
	ID                   ProductID
	Key                  string `gorm:"column:product_key"` // unique in the account, and never changed
	Name                 string
	NameSort             string
	Family               string
	Seats                *int32 // nil for as many as one likes
	SeatsUsed            int32  // kept with every change of an entitlement
	WelcomeOnFirstEnable bool
	RetiredAt            *time.Time // since when it is no longer in the catalogue, while users are still losing it
	CreatedAt            time.Time  `gorm:"autoCreateTime:false"`
	UpdatedAt            time.Time  `gorm:"autoUpdateTime:false"`
}

func (Product) TableName() string { return "products" }

// IsNode makes a product something that `node` finds.
func (Product) IsNode() {}

// Settle computes the columns that follow from others. Call it before a row is written.
func (p *Product) Settle() { p.NameSort = Fold(p.Name) }

// Etag is a fingerprint of what `productUpdate` edits, and of nothing else.
func (p *Product) Etag() string {
	seats := ""
	if p.Seats != nil {
		seats = strconv.Itoa(int(*p.Seats))
	}
	return etag(p.ID[:], p.Name, p.Family, seats, strconv.FormatBool(p.WelcomeOnFirstEnable))
}

// UserProductRow is a product set on the user.
type UserProductRow struct {
	AccountID AccountID
	UserID    UserID
	ProductID ProductID
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (UserProductRow) TableName() string { return "user_products" }

// UserProductBlockRow is a product that the user's groups don't give to the user.
type UserProductBlockRow UserProductRow

func (UserProductBlockRow) TableName() string { return "user_product_blocks" }

// ProductFirstRow notes that a user has had a product, for ever.
type ProductFirstRow UserProductRow

func (ProductFirstRow) TableName() string { return "product_firsts" }

// GroupProductRow is a product granted to the group.
type GroupProductRow struct {
	AccountID AccountID
	GroupID   GroupID
	ProductID ProductID
	CreatedAt time.Time `gorm:"autoCreateTime:false"`
}

func (GroupProductRow) TableName() string { return "group_products" }

// EntitlementRow says that a user is entitled to a product, and whether with a seat. It follows from the sources.
type EntitlementRow struct {
	AccountID AccountID
	UserID    UserID
	ProductID ProductID
	State     ProductState
	Since     time.Time
}

func (EntitlementRow) TableName() string { return "entitlements" }

// Holding is one user and one product.
type Holding struct {
	User    UserID
	Product ProductID
}

// UserProduct is how a user stands to a product.
type UserProduct struct {
	Product *Product
	State   ProductState
	Direct  bool
	Blocked bool
	Via     []GroupID // the groups that grant it, the oldest first
	Since   *time.Time
}

// GroupProduct is how a group stands to a product.
type GroupProduct struct {
	Product *Product
	Direct  bool
	Via     []GroupID // the groups above that grant it, the oldest first
}

// UsersProductsSummary says what many users have.
type UsersProductsSummary struct {
	Users    int32
	Products []*ProductSummary
}

// ProductSummary says how many of the users have one product.
type ProductSummary struct {
	Product *Product
	Tick    Tick
	Enabled int32
	Waiting int32
	Direct  int32
}

// UserProductFilter asks for the users who stand to one product in one way.
type UserProductFilter struct {
	ID    ProductID
	State ProductState
}

// ProductBy says which product: exactly one field is set.
type ProductBy struct {
	ID  *ProductID
	Key *string
}

type ProductCreateInput struct {
	Key                  string
	Name                 string
	Family               string
	Seats                *int32
	WelcomeOnFirstEnable bool

	IdempotencyKey *string `json:"-"`
}

type ProductCreatePayload struct {
	Product *Product
	Refused
}

// ProductUpdateInput is what changes of a product; what is not set stays.
type ProductUpdateInput struct {
	ID                   ProductID
	Name                 graphql.Omittable[*string] `json:",omitzero"`
	Family               graphql.Omittable[*string] `json:",omitzero"`
	Seats                graphql.Omittable[*int32]  `json:",omitzero"`
	WelcomeOnFirstEnable graphql.Omittable[*bool]   `json:",omitzero"`
	IfMatch              *string
	EffectOptions
}

type ProductUpdatePayload struct {
	Product *Product
	Effects
	Refused
}

type ProductDeleteInput struct {
	ID      ProductID
	IfMatch *string
	EffectOptions
}

type ProductDeletePayload struct {
	DeletedProductID *ProductID
	Product          *Product
	Effects
	Refused
}

// UsersProductsSetInput says what is to become of the products of a selection of users.
type UsersProductsSetInput struct {
	Selection      *UserSelection
	ProductKeys    []string
	Mode           ProductMode
	BlockInherited *bool
	ErrorPolicy    ErrorPolicy
	ExpectedCount  *int32
	EffectOptions
}

type UsersProductsSetPayload struct {
	ProductsChange
	Effects
	Refused
}

// GroupProductsSetInput says what is to become of what a group grants.
type GroupProductsSetInput struct {
	GroupID     GroupID
	ProductKeys []string
	Mode        ProductMode
	EffectOptions
}

type GroupProductsSetPayload struct {
	Group  *Group
	Impact *ProductsImpact
	Effects
	Refused
}

type GroupsProductsSetInput struct {
	Selection     *GroupSelection
	ProductKeys   []string
	Mode          ProductMode
	ExpectedCount *int32
	EffectOptions
}

type GroupsProductsSetPayload struct {
	Groups []*Group
	Impact *ProductsImpact
	Effects
	Refused
}

type UserProductBlocksSetInput struct {
	UserID      UserID
	ProductKeys []string
	Blocked     bool
	EffectOptions
}

type UserProductBlocksSetPayload struct {
	User   *User
	Impact *ProductsImpact
	Effects
	Refused
}

// ProductsChange is what became of the products of many users.
type ProductsChange struct {
	Results []*ProductsResult
	Counts  *ProductsCounts
	Impact  *ProductsImpact
}

// ProductsResult is what became of one user's products.
type ProductsResult struct {
	UserID  UserID
	User    *User
	Outcome ProductsOutcome
}
