package directory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cohort/auth"
	"cohort/directory/nesting"
	"cohort/models"
)

// ExplainAccess says whether a user has a product or a permission, or what a setting comes to for the user, with every reason and
// what would end it. Admins, and members about themselves: FORBIDDEN about others. Nil for a user that there is not; INVALID
// unless exactly one key is given; NOT_FOUND for a key that there is not, which a member also gets for a product that the
// member has nothing to do with.
func (d *Directory) ExplainAccess(ctx context.Context, who auth.Caller, user models.UserID, key models.AccessKey) (*models.AccessExplanation, error) {
	given := 0
	for _, one := range []*string{key.Product, key.Setting, key.Permission} {
		if one != nil {
			given++
		}
	}
	if given != 1 {
		return nil, oneOf("productKey", "settingKey", "permissionKey")
	}
	see := read[*models.AccessExplanation]
	if key.Permission != nil {
		see = glance // the nesting in memory knows the rest
	}
	return see(ctx, d, who, "Query.explainAccess", func(s *snapshot) (*models.AccessExplanation, error) {
		if err := s.onlyOwn([]models.UserID{user}); err != nil {
			return nil, err
		}
		e, err := s.explaining(user, key.Product)
		if err != nil || e == nil {
			return nil, err
		}
		switch {
		case key.Product != nil:
			err = e.explainProduct(*key.Product)
		case key.Setting != nil:
			err = e.explainSetting(*key.Setting)
		default:
			err = e.explainPermission(*key.Permission)
		}
		return e.found(), err
	})
}

// explaining is an explanation in the making.
type explaining struct {
	*snapshot
	user   models.UserID
	role   models.Role
	direct []models.GroupID
	graph  *nesting.Graph
	result models.AccessExplanation

	standing productStanding // to the product that is asked about
}

// explaining reads what all explanations need of a user, and how the user stands to a product if one is asked about, in one
// statement. Nil when there is no such user.
func (s *snapshot) explaining(user models.UserID, product *string) (*explaining, error) {
	var rows []struct {
		GraphVersion int64
		Role         models.Role
		GroupID      *models.GroupID
		Standing     productStanding `gorm:"embedded"`
	}
	columns, joins, args := "", "", []any{user}
	if product != nil {
		columns = ", p.*, e.state, e.since, " +
			"EXISTS (SELECT 1 FROM user_products d WHERE d.account_id = u.account_id AND d.user_id = u.id AND d.product_id = p.id) AS direct, " +
			"EXISTS (SELECT 1 FROM user_product_blocks b WHERE b.account_id = u.account_id AND b.user_id = u.id AND b.product_id = p.id) AS blocked"
		joins = "LEFT JOIN products p ON p.account_id = a.id AND p.product_key = ? AND p.retired_at IS NULL " +
			"LEFT JOIN entitlements e ON e.account_id = u.account_id AND e.user_id = u.id AND e.product_id = p.id "
		args = append(args, *product)
	}
	err := s.Raw("SELECT a.graph_version, u.role, m.group_id"+columns+" FROM accounts a JOIN users u ON u.account_id = a.id AND u.id = ? "+
		"LEFT JOIN memberships m ON m.account_id = u.account_id AND m.user_id = u.id "+joins+"WHERE a.id = ? ORDER BY m.group_id", append(args, s.account())...).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the user's groups: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil //nolint:nilnil // nobody is an answer here
	}
	e := &explaining{snapshot: s, user: user, role: rows[0].Role, standing: rows[0].Standing, result: models.AccessExplanation{UserID: user}}
	for _, row := range rows {
		if row.GroupID != nil {
			e.direct = append(e.direct, *row.GroupID)
		}
	}
	e.graph, err = s.graph(rows[0].GraphVersion)
	return e, err
}

// found is the explanation, with the reasons that count before the others.
func (e *explaining) found() *models.AccessExplanation {
	slices.SortStableFunc(e.result.Reasons, func(a, b *models.AccessReason) int {
		switch {
		case a.Counts == b.Counts:
			return 0
		case a.Counts:
			return -1
		}
		return 1
	})
	e.result.Count = int32(len(e.result.Reasons)) //nolint:gosec // far fewer
	e.result.Reasons = e.result.Reasons[:min(len(e.result.Reasons), models.MaxReasons)]
	return &e.result
}

func (e *explaining) add(r models.AccessReason) { e.result.Reasons = append(e.result.Reasons, &r) }

// paths are the ways on which a group reaches the user: one from each group that the user is a direct member of and that lies
// in it, the shortest first.
func (e *explaining) paths(to models.GroupID) [][]models.GroupID {
	var paths [][]models.GroupID
	for _, from := range e.direct {
		if path := e.graph.PathUp([]models.GroupID{from}, to); path != nil {
			paths = append(paths, path)
		}
	}
	slices.SortStableFunc(paths, func(a, b []models.GroupID) int { return cmp.Compare(len(a), len(b)) })
	return paths
}

// leaving is what ends all that reaches the user by way of a direct membership.
func (e *explaining) leaving(group models.GroupID) *models.AccessAction {
	return &models.AccessAction{Mutation: "userGroupsUpdate", Input: models.JSONObject{
		"userId": e.user.String(), "removeGroupIds": []string{group.String()},
	}}
}

func (e *explaining) explainPermission(key string) error {
	if e.result.Permission = models.PermissionByKey(key); e.result.Permission == nil {
		return notFound("permission").At("permissionKey")
	}
	if e.role == models.RoleSuperAdmin {
		e.add(models.AccessReason{Kind: models.AccessReasonKindRole, Counts: true, Action: &models.AccessAction{
			Mutation: "userRoleSet", Input: models.JSONObject{"id": e.user.String(), "role": models.RoleMember},
		}})
	}
	for _, group := range slices.SortedFunc(slices.Values(e.graph.PermittedBy(e.direct...)[key]), nesting.Older) {
		for _, path := range e.paths(group) {
			e.add(models.AccessReason{Kind: models.AccessReasonKindGroup, Counts: true, Path: path, Action: e.leaving(path[0])})
		}
	}
	e.result.Has = len(e.result.Reasons) > 0
	return nil
}

// productStanding is how a user stands to a product.
type productStanding struct {
	models.Product
	Direct, Blocked bool
	State           *models.ProductState
	Since           *time.Time
}

func (e *explaining) explainProduct(key string) error {
	p := &e.standing
	if p.ID == (models.ProductID{}) {
		return notFound("product").At("productKey")
	}
	e.result.Product, e.result.State = &p.Product, p.State
	if p.Direct {
		e.add(models.AccessReason{Kind: models.AccessReasonKindDirect, Counts: true, Action: &models.AccessAction{
			Mutation: "usersProductsSet", Input: models.JSONObject{
				"selection": map[string]any{"ids": []string{e.user.String()}}, "mode": models.ProductModeRemove, "productKeys": []string{key},
			},
		}})
	}
	granting, err := e.granting(p.ID)
	if err != nil {
		return err
	}
	for _, group := range granting {
		for _, path := range e.paths(group) {
			e.add(models.AccessReason{Kind: models.AccessReasonKindGroup, Counts: !p.Blocked, Path: path, Action: e.leaving(path[0])})
		}
	}
	if p.Blocked {
		e.add(models.AccessReason{Kind: models.AccessReasonKindBlock, Counts: true, Action: &models.AccessAction{
			Mutation: "userProductBlocksSet", Input: models.JSONObject{"userId": e.user.String(), "productKeys": []string{key}, "blocked": false},
		}})
		if p.State == nil {
			e.result.State = new(models.ProductStateBlocked)
		}
	}
	e.result.Has = p.State != nil && *p.State == models.ProductStateEnabled
	if p.State != nil && *p.State == models.ProductStateNoSeat {
		if err := e.explainWaiting(p); err != nil {
			return err
		}
	}
	if len(e.result.Reasons) == 0 && e.answer != auth.Allow {
		return notFound("product").At("productKey")
	}
	return nil
}

// granting are the groups that grant a product and that the user is in, the oldest first.
func (e *explaining) granting(product models.ProductID) ([]models.GroupID, error) {
	may := map[models.GroupID]bool{}
	for _, id := range e.direct {
		for above := range e.graph.Above(id) {
			if e.graph.Grants()[above] {
				may[above] = true
			}
		}
	}
	var granting []models.GroupID
	err := chunks(byAge(may), func(part []models.GroupID) error {
		found, err := readIDs[models.GroupID](e.DB, "group_products g", sqlf("g.account_id = ? AND g.product_id = ? AND g.group_id IN ?", e.account(), product, part), "g.group_id")
		granting = append(granting, found...)
		return err
	})
	return granting, err
}

// explainWaiting says that the user waits for a seat, and how many seats it takes until it is the user's turn.
func (e *explaining) explainWaiting(p *productStanding) error {
	var place int32
	err := e.Raw("SELECT COUNT(*) FROM entitlements WHERE account_id = ? AND product_id = ? AND state = ? AND (since < ? OR since = ? AND user_id <= ?)",
		e.account(), p.ID, models.ProductStateNoSeat, *p.Since, *p.Since, e.user).Scan(&place).Error
	if err != nil {
		return fmt.Errorf("count who waits before the user: %w", err)
	}
	reason := models.AccessReason{Kind: models.AccessReasonKindWaiting, Counts: true}
	if p.Seats != nil {
		reason.Action = &models.AccessAction{Mutation: "productUpdate", Input: models.JSONObject{
			"id": p.ID.String(), "seats": min(max(*p.Seats, p.SeatsUsed)+place, models.MaxSeats),
		}}
	}
	e.add(reason)
	return nil
}

func (e *explaining) explainSetting(key string) error {
	d := models.Setting(key)
	if d == nil {
		return notFound("setting").At("settingKey")
	}
	definitions := []*models.SettingDefinition{d}
	own, err := ownSettings(e.DB, e.account(), []models.UserID{e.user}, definitions)
	if err != nil {
		return err
	}
	values, err := readSettings(e.DB, e.account(), e.graph, definitions, e.direct)
	if err != nil {
		return err
	}
	e.result.Setting, e.result.Has = d, true
	for i, r := range values.reasons(d, values.reaching(e.direct), own[e.user][key]) {
		if i == 0 {
			e.result.Value = &r.Value
		}
		reason := models.AccessReason{Kind: kindsOfSources[r.Source], Counts: i == 0, Value: &r.Value, Locked: r.Locked}
		settings := []map[string]any{{"key": key, "value": nil}}
		switch r.Source {
		case models.SettingSourceGroup, models.SettingSourceGroupLock:
			for _, path := range e.paths(*r.GroupID) {
				reason.Path, reason.Action = path, e.leaving(path[0])
				e.add(reason)
			}
			continue
		case models.SettingSourceUser:
			reason.Action = &models.AccessAction{Mutation: "userSettingsSet", Input: models.JSONObject{"userId": e.user.String(), "settings": settings}}
		case models.SettingSourceAccount, models.SettingSourceAccountLock:
			reason.Action = &models.AccessAction{Mutation: "accountSettingsSet", Input: models.JSONObject{"settings": settings}}
		}
		e.add(reason)
	}
	return nil
}

var kindsOfSources = map[models.SettingSource]models.AccessReasonKind{
	models.SettingSourceAccountLock: models.AccessReasonKindAccountLock,
	models.SettingSourceGroupLock:   models.AccessReasonKindGroupLock,
	models.SettingSourceUser:        models.AccessReasonKindDirect,
	models.SettingSourceGroup:       models.AccessReasonKindGroup,
	models.SettingSourceAccount:     models.AccessReasonKindAccount,
	models.SettingSourceDefault:     models.AccessReasonKindDefault,
}
