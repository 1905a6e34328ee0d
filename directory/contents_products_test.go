package directory_test

import (
	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"cohort/models"
)

func (st *contents) readProducts(of func() *gorm.DB) error {
	var products []*models.Product
	var direct, blocks, firsts []models.UserProductRow
	var grants []models.GroupProductRow
	var entitled []models.EntitlementRow
	for _, err := range []error{
		of().Find(&products).Error, of().Find(&grants).Error, of().Find(&entitled).Error,
		of().Table("user_products").Find(&direct).Error, of().Table("user_product_blocks").Find(&blocks).Error, of().Table("product_firsts").Find(&firsts).Error,
	} {
		if err != nil {
			return err
		}
	}
	for _, p := range products {
		st.products[p.ID] = p
	}
	for _, g := range grants {
		st.grants[models.GroupProductRow{GroupID: g.GroupID, ProductID: g.ProductID}] = true
	}
	for _, e := range entitled {
		st.entitled[models.Holding{User: e.UserID, Product: e.ProductID}] = e
	}
	for into, rows := range map[*map[models.Holding]bool][]models.UserProductRow{&st.direct: direct, &st.blocks: blocks, &st.firsts: firsts} {
		for _, row := range rows {
			(*into)[models.Holding{User: row.UserID, Product: row.ProductID}] = true
		}
	}
	return nil
}

// complainer is a test, or one history of a property.
type complainer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkProducts holds what users effectively have, the seats and the statuses against the sources: what is set on
// users, what the groups grant that they are in, blocks and seats.
func (st *contents) checkProducts(t complainer) {
	t.Helper()
	ways := waysDown(st.groups, st.edges)
	want, got := map[models.Holding]bool{}, map[models.Holding]bool{}
	for h := range st.direct {
		want[h] = true
	}
	for m := range st.members {
		for g := range st.grants {
			for e := range ways {
				if e.Parent == g.GroupID && e.Child == m.Group {
					want[models.Holding{User: m.User, Product: g.ProductID}] = true
				}
			}
		}
	}
	for h := range st.blocks {
		delete(want, h)
	}
	having, seated := map[models.UserID]bool{}, map[models.ProductID]int32{}
	for h, e := range st.entitled {
		got[h] = true
		if e.State == models.ProductStateEnabled {
			having[h.User] = true
			seated[h.Product]++
			if !st.firsts[h] {
				t.Errorf("%s has %s and never had it first", h.User, h.Product)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entitlements (-recomputed +stored):\n%s", diff)
	}
	for h, e := range st.entitled {
		if p := st.products[h.Product]; e.State != models.ProductStateEnabled && (p.Seats == nil || seated[h.Product] < *p.Seats) {
			t.Errorf("%s waits for %s, of which a seat is free", h.User, p.Key)
		}
	}
	for id, p := range st.products {
		if p.SeatsUsed != seated[id] || p.Seats != nil && seated[id] > *p.Seats {
			t.Errorf("%s counts %d seats in use and %d are, of %v", p.Key, p.SeatsUsed, seated[id], p.Seats)
		}
	}
	had := map[models.UserID]bool{}
	for h := range st.firsts {
		had[h.User] = true
	}
	for id, u := range st.users {
		if lost := u.Role == models.RoleMember && had[id] && !having[id]; lost != u.SuspendedNoProducts {
			t.Errorf("%s, %s: suspended for want of products %v, should be %v", u.Email, u.Role, u.SuspendedNoProducts, lost)
		}
	}
}

// checkLine holds the order of the line against the times: whoever waits came after everybody who is seated.
func (st *contents) checkLine(t complainer) {
	t.Helper()
	for h, e := range st.entitled {
		for other, seated := range st.entitled {
			if h.Product == other.Product && e.State == models.ProductStateNoSeat && seated.State == models.ProductStateEnabled && e.Since.Before(seated.Since) {
				t.Errorf("%s waits for %s since %s, and %s is seated since %s", h.User, h.Product, e.Since, other.User, seated.Since)
			}
		}
	}
}
