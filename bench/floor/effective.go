package floor

import (
	"context"
	"database/sql"
	"encoding/hex"
	"net/http"
	"strings"

	"cohort/models"
)

const (
	// sqlUserPage takes the account and a place.
	sqlUserPage = `SELECT id, name_sort, role FROM users WHERE account_id = ? AND name_sort >= ? AND (name_sort > ? OR id > ?)
		ORDER BY name_sort, id LIMIT 51`
	// sqlReached takes the account and 50 users: the groups that each of them is effectively in, by each way.
	sqlReached = `SELECT m.user_id, c.ancestor_id, c.distance FROM memberships m
		JOIN group_closure c ON c.account_id = m.account_id AND c.descendant_id = m.group_id
		WHERE m.account_id = ? AND m.user_id IN (` + fiftyMarks + `)`
	sqlAccountSettings = `SELECT setting_key, value, locked FROM account_settings WHERE account_id = ?`
	// sqlUserSettings takes the account and 50 users.
	sqlUserSettings = `SELECT user_id, setting_key, value FROM user_settings WHERE account_id = ? AND user_id IN (` + fiftyMarks + `)`
	// sqlUserProducts takes the account and 50 users, twice: what they are entitled to, and what is only kept from them.
	sqlUserProducts = `SELECT e.user_id, p.product_key, e.state, d.user_id IS NOT NULL, p.name_sort, p.id FROM entitlements e
			JOIN products p ON p.account_id = e.account_id AND p.id = e.product_id AND p.retired_at IS NULL
			LEFT JOIN user_products d ON d.account_id = e.account_id AND d.user_id = e.user_id AND d.product_id = e.product_id
			WHERE e.account_id = ? AND e.user_id IN (` + fiftyMarks + `)
		UNION ALL SELECT b.user_id, p.product_key, 'BLOCKED', d.user_id IS NOT NULL, p.name_sort, p.id FROM user_product_blocks b
			JOIN products p ON p.account_id = b.account_id AND p.id = b.product_id AND p.retired_at IS NULL
			LEFT JOIN user_products d ON d.account_id = b.account_id AND d.user_id = b.user_id AND d.product_id = b.product_id
			WHERE b.account_id = ? AND b.user_id IN (` + fiftyMarks + `) AND NOT EXISTS (SELECT 1 FROM entitlements e
				WHERE e.account_id = b.account_id AND e.user_id = b.user_id AND e.product_id = b.product_id)
		ORDER BY 5, 6`
	// The others take the account as text and lists of groups of any length.
	sqlGroupSettings = `SELECT s.group_id, s.setting_key, s.value, s.locked, g.priority FROM group_settings s
		JOIN user_groups g ON g.account_id = s.account_id AND g.id = s.group_id WHERE s.account_id = ACCOUNT AND s.group_id IN (GROUPS)`
	sqlAbove            = `SELECT ancestor_id, descendant_id FROM group_closure WHERE account_id = ACCOUNT AND descendant_id IN (GROUPS) AND distance > 0`
	sqlGroupPermissions = `SELECT group_id, permission_key FROM group_permissions WHERE account_id = ACCOUNT AND group_id IN (GROUPS)`
)

// userPage is a page of users and the groups that they are in.
type userPage struct {
	f       *Floor
	tx      *sql.Tx
	account models.AccountID
	users   []pageUser
	at      map[[16]byte]int // of the users
	groups  [][16]byte       // that any of them is in
	more    bool
	last    place
}

type pageUser struct {
	id      [16]byte
	role    models.Role
	reached map[[16]byte]int // the groups that the user is in, with the shortest distance
}

// onPage reads a page of users, has answer append what is asked of them, and appends the end of the page.
func (f *Floor) onPage(who *session, r *http.Request, to []byte, answer func(p *userPage, to []byte) ([]byte, error)) ([]byte, error) {
	behind, err := after(r)
	if err != nil {
		return to, err
	}
	ctx := r.Context()
	tx, err := f.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return to, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	p := &userPage{f: f, tx: tx, account: who.account, at: map[[16]byte]int{}}
	err = p.scan(ctx, f.statements.userPage, 3, func(c []sql.RawBytes) {
		if p.more = len(p.users) == memberPage; p.more {
			return
		}
		id := [16]byte(c[0])
		p.at[id] = len(p.users)
		p.users = append(p.users, pageUser{id: id, role: models.Role(c[2])})
		p.last = place{string(c[1]), id}
	}, p.account[:], behind.key, behind.key, behind.id[:])
	if err != nil {
		return to, err
	}
	to = append(to, `{"data":{"users":{"nodes":[`...)
	if len(p.users) > 0 {
		if err := p.reach(ctx); err != nil {
			return to, err
		}
		if to, err = answer(p, to); err != nil {
			return to, err
		}
	}
	return append(appendPageInfo(append(to, `],`...), p.more, len(p.users), p.last), `}}}`...), nil
}

func (p *userPage) reach(ctx context.Context) error {
	seen := map[[16]byte]bool{}
	for i := range p.users {
		p.users[i].reached = map[[16]byte]int{}
	}
	return p.scan(ctx, p.f.statements.reached, 3, func(c []sql.RawBytes) {
		group, distance := [16]byte(c[1]), number(c[2])
		if !seen[group] {
			seen[group] = true
			p.groups = append(p.groups, group)
		}
		of := p.users[p.at[[16]byte(c[0])]].reached
		if known, ok := of[group]; !ok || distance < known {
			of[group] = distance
		}
	}, p.ofUsers()...)
}

// ofUsers are the account and the users as arguments; the last one fills the places that are left.
func (p *userPage) ofUsers() []any {
	args := make([]any, 0, 1+memberPage)
	args = append(args, p.account[:])
	for i := range memberPage {
		args = append(args, p.users[min(i, len(p.users)-1)].id[:])
	}
	return args
}

func (p *userPage) scan(ctx context.Context, s *sql.Stmt, columns int, do func([]sql.RawBytes), args ...any) error {
	return scan(ctx, p.tx.StmtContext(ctx, s), columns, do, args...)
}

// scanOf runs a statement about groups as one text, since the list is another each time.
func (p *userPage) scanOf(ctx context.Context, text string, groups [][16]byte, columns int, do func([]sql.RawBytes)) error {
	if len(groups) == 0 {
		return nil
	}
	list := make([]byte, 0, 36*len(groups))
	for i, id := range groups {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(hex.AppendEncode(append(list, `X'`...), id[:]), '\'')
	}
	text = strings.NewReplacer("ACCOUNT", "X'"+hex.EncodeToString(p.account[:])+"'", "GROUPS", string(list)).Replace(text)
	rows, err := p.tx.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	return each(rows, columns, do)
}

// effective answers what the settings come to for a page of users, what products and what permissions they have.
func (f *Floor) effective(who *session, r *http.Request, to []byte) ([]byte, error) {
	return f.onPage(who, r, to, func(p *userPage, to []byte) ([]byte, error) {
		ctx := r.Context()
		settings, err := p.settings(ctx)
		if err != nil {
			return to, err
		}
		products, err := p.products(ctx)
		if err != nil {
			return to, err
		}
		granted, err := p.permissions(ctx)
		if err != nil {
			return to, err
		}
		for i := range p.users {
			if i > 0 {
				to = append(to, ',')
			}
			to = settings.append(append(to, `{"settings":[`...), &p.users[i])
			to = append(append(append(to, `],"products":[`...), products[i]...), `],"permissions":[`...)
			to = append(appendPermissions(to, &p.users[i], granted, false), `]}`...)
		}
		return to, nil
	})
}

// permissionsOfPage answers which permissions a page of users have, and what gives them: the role or groups.
func (f *Floor) permissionsOfPage(who *session, r *http.Request, to []byte) ([]byte, error) {
	return f.onPage(who, r, to, func(p *userPage, to []byte) ([]byte, error) {
		granted, err := p.permissions(r.Context())
		if err != nil {
			return to, err
		}
		for i := range p.users {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(appendPermissions(append(to, `{"permissions":[`...), &p.users[i], granted, true), `]}`...)
		}
		return to, nil
	})
}

// products are those of each user as JSON, without the brackets around the list.
func (p *userPage) products(ctx context.Context) ([][]byte, error) {
	lists := make([][]byte, len(p.users))
	args := p.ofUsers()
	err := p.scan(ctx, p.f.statements.userProducts, 6, func(c []sql.RawBytes) {
		i := p.at[[16]byte(c[0])]
		to := lists[i]
		if len(to) > 0 {
			to = append(to, ',')
		}
		to = appendText(append(to, `{"product":{"key":`...), c[1])
		to = appendText(append(to, `},"state":`...), c[2])
		if c[3][0] == '1' {
			to = append(to, `,"direct":true}`...)
		} else {
			to = append(to, `,"direct":false}`...)
		}
		lists[i] = to
	}, append(args, args...)...)
	return lists, err
}

// permissions are those that each group grants, by their places in the catalogue.
func (p *userPage) permissions(ctx context.Context) (map[[16]byte][]int, error) {
	granted := map[[16]byte][]int{}
	err := p.scanOf(ctx, sqlGroupPermissions, p.groups, 2, func(c []sql.RawBytes) {
		if i, known := permissionPlaces[string(c[1])]; known {
			granted[[16]byte(c[0])] = append(granted[[16]byte(c[0])], i)
		}
	})
	return granted, err
}

var permissionPlaces = func() map[string]int {
	places := map[string]int{}
	for i, d := range models.PermissionDefinitions() {
		places[d.Key] = i
	}
	return places
}()

func appendPermissions(to []byte, u *pageUser, granted map[[16]byte][]int, sources bool) []byte {
	definitions := models.PermissionDefinitions()
	ways := make([]int, len(definitions))
	for group := range u.reached {
		for _, i := range granted[group] {
			ways[i]++
		}
	}
	byRole, first := u.role == models.RoleSuperAdmin, true
	for i, d := range definitions {
		if ways[i] == 0 && !byRole {
			continue
		}
		if !first {
			to = append(to, ',')
		}
		first = false
		to = append(append(append(to, `{"permission":{"key":"`...), d.Key...), `"}`...)
		if sources {
			var kinds []string
			if byRole {
				kinds = append(kinds, `{"kind":"ROLE"}`)
			}
			for range ways[i] {
				kinds = append(kinds, `{"kind":"GROUP"}`)
			}
			to = append(append(append(to, `,"sources":[`...), strings.Join(kinds, ",")...), ']')
		}
		to = append(to, '}')
	}
	return to
}

// userFromSQL reads one user by the primary key.
func (f *Floor) userFromSQL(who *session, r *http.Request, to []byte) ([]byte, error) {
	id, err := models.ParseUserID(r.PathValue("id"))
	if err != nil {
		return to, errRefused
	}
	to = append(to, `{"data":{"user":`...)
	begin := len(to)
	err = scan(r.Context(), f.statements.user, 4, func(c []sql.RawBytes) { to = appendUser(to, c[0], c[1], c[2], c[3]) }, who.account[:], id[:])
	if len(to) == begin {
		to = append(to, "null"...)
	}
	return append(to, `}}`...), err
}

// sqlUser takes the account and the user.
const sqlUser = `SELECT id, display_name, email, status FROM users WHERE account_id = ? AND id = ?`
