package models

import (
	"bytes"
	"slices"
)

// EffectOptions are the arguments that mutations share which can change what many users have.
type EffectOptions struct {
	NotifyUsers    bool
	DryRun         bool    `json:"-"`
	ConfirmToken   *string `json:"-"` // of a dry run, for what the brake stops otherwise
	IdempotencyKey *string `json:"-"`
}

// Effects is what the payload of such a mutation tells of what follows from it.
type Effects struct {
	Job     *Job             // nil where there is none, and for a refusal
	Preview *ProductsPreview // of a dry run
}

// Following is the part of a payload that Effects is.
func (e *Effects) Following() *Effects { return e }

// ProductsPreview is what a change would do.
type ProductsPreview struct {
	Counts       *ProductsCounts // nil unless users were named
	Impact       *ProductsImpact
	Rows         []*ProductsPreviewRow // at most MaxPreview
	ConfirmToken *string               // nil when the change needs none

	Settings *SettingsImpact // of a change of the settings of groups
	Locked   int32           // of Counts, which users are under a lock
}

// MaxPreview bounds the rows of a preview.
const MaxPreview = 100

// ProductsPreviewRow is what a change would do to one user.
type ProductsPreviewRow struct {
	UserID  UserID
	Outcome JobOutcome
	JobDetail
}

// IsSuspended tells whether the user would be suspended, by hand or having nothing left.
func (r *ProductsPreviewRow) IsSuspended() bool {
	return r.NoProducts != nil && *r.NoProducts || r.JobDetail.Suspended != nil && *r.JobDetail.Suspended
}

// ProductsImpact is what a change does to what people have. Jobs keep theirs as JSON.
type ProductsImpact struct {
	Gaining     int32            `json:"gaining"`
	Losing      int32            `json:"losing"`
	WithoutSeat int32            `json:"withoutSeat"`
	Suspended   int32            `json:"suspended"`
	Resumed     int32            `json:"resumed"`
	Notices     int32            `json:"notices"`
	Welcomes    int32            `json:"welcomes"`
	ByProduct   []*ProductImpact `json:"byProduct,omitempty"` // in the order of their ids, so at most one for each of the catalogue
}

// ProductImpact is what a change does to who has one product.
type ProductImpact struct {
	ProductID   ProductID `json:"product"`
	Gaining     int32     `json:"gaining,omitempty"`
	Losing      int32     `json:"losing,omitempty"`
	WithoutSeat int32     `json:"withoutSeat,omitempty"`
}

// Of is the part of a product, which it gets when it has none yet.
func (i *ProductsImpact) Of(product ProductID) *ProductImpact {
	at, found := slices.BinarySearchFunc(i.ByProduct, product, func(p *ProductImpact, id ProductID) int { return bytes.Compare(p.ProductID[:], id[:]) })
	if !found {
		i.ByProduct = slices.Insert(i.ByProduct, at, &ProductImpact{ProductID: product})
	}
	return i.ByProduct[at]
}
