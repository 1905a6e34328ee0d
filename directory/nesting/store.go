package nesting

import (
	"fmt"
	"strconv"

	lru "github.com/hashicorp/golang-lru/v2"
	"gorm.io/gorm"

	"cohort/models"
)

// cachedAccounts bounds the graphs in memory; 2,000 groups take about half a megabyte.
const cachedAccounts = 1000

const batch = 500

func itoa(n int) string { return strconv.Itoa(n) }

// Cache keeps the graphs of the accounts that were asked about last.
type Cache struct {
	graphs *lru.Cache[models.AccountID, *Graph]
}

// NewCache is an empty one.
func NewCache() *Cache {
	graphs, err := lru.New[models.AccountID, *Graph](cachedAccounts)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &Cache{graphs}
}

// Cached is the account's graph if it is in memory in this very version.
func (c *Cache) Cached(account models.AccountID, version int64) (*Graph, bool) {
	g, ok := c.graphs.Get(account)
	if !ok || g.Version != version {
		return nil, false
	}
	return g, true
}

// Load is the account's graph in a version that was read in tx, which must see one moment only.
func (c *Cache) Load(tx *gorm.DB, account models.AccountID, version int64) (*Graph, error) {
	if g, ok := c.Cached(account, version); ok {
		return g, nil
	}
	var rows []models.GroupEdgeRow
	if err := tx.Where("account_id = ?", account).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read nesting: %w", err)
	}
	edges := make([]Edge, len(rows))
	for i, r := range rows {
		edges[i] = Edge{Parent: r.ParentID, Child: r.ChildID}
	}
	var granting []models.GroupID
	if err := tx.Raw("SELECT DISTINCT group_id FROM group_products WHERE account_id = ?", account).Scan(&granting).Error; err != nil {
		return nil, fmt.Errorf("read granting groups: %w", err)
	}
	var permitting []models.GroupPermissionRow
	if err := tx.Where("account_id = ?", account).Order("group_id, permission_key").Find(&permitting).Error; err != nil {
		return nil, fmt.Errorf("read granted permissions: %w", err)
	}
	g := New(version, edges)
	g.permissions = map[models.GroupID][]string{}
	for _, row := range permitting {
		if models.PermissionByKey(row.PermissionKey) != nil { // else it has left the catalogue, and means nothing
			g.permissions[row.GroupID] = append(g.permissions[row.GroupID], row.PermissionKey)
		}
	}
	g.grants = make(map[models.GroupID]bool, len(granting))
	for _, id := range granting {
		g.grants[id] = true
	}
	// An older snapshot must not push out what a newer one has loaded.
	if cached, ok := c.graphs.Peek(account); !ok || cached.Version < version {
		c.graphs.Add(account, g)
	}
	return g, nil
}

// Save writes the step from one graph to the next into the closure.
func Save(tx *gorm.DB, account models.AccountID, before, after *Graph, changed []Edge) error {
	gone, fresh := before.Difference(after, changed)
	for len(gone) > 0 {
		// One ancestor's descendants at a time: they lie side by side in the key.
		n := 1
		for n < len(gone) && n < batch && gone[n].Ancestor == gone[0].Ancestor {
			n++
		}
		ids := make([]models.GroupID, n)
		for i := range ids {
			ids[i] = gone[i].Descendant
		}
		err := tx.Where("account_id = ? AND ancestor_id = ? AND descendant_id IN ?", account, gone[0].Ancestor, ids).
			Delete(&models.GroupClosureRow{}).Error
		if err != nil {
			return fmt.Errorf("delete closure: %w", err)
		}
		gone = gone[n:]
	}
	rows := make([]models.GroupClosureRow, len(fresh))
	for i, l := range fresh {
		rows[i] = models.GroupClosureRow{AccountID: account, AncestorID: l.Ancestor, DescendantID: l.Descendant, Distance: l.Distance}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := tx.CreateInBatches(rows, batch).Error; err != nil {
		return fmt.Errorf("insert closure: %w", err)
	}
	return nil
}
