package floor

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"cohort/models"
)

const (
	sqlLock = `SELECT feed_seq FROM accounts WHERE id = ? FOR UPDATE`
	// sqlPresent takes the account and the caller; the account and the user; the account, the group and the
	// user; the account and the group.
	sqlPresent = `SELECT
		(SELECT CONCAT(role, ' ', status) FROM users WHERE account_id = ? AND id = ?),
		(SELECT 1 FROM users WHERE account_id = ? AND id = ?),
		(SELECT 1 FROM memberships WHERE account_id = ? AND group_id = ? AND user_id = ?),
		(SELECT direct_member_count FROM user_groups WHERE account_id = ? AND id = ?)`
	sqlInsert = `INSERT INTO memberships (account_id, group_id, user_id, created_at) VALUES (?, ?, ?, ?)`
	sqlCount  = `UPDATE user_groups SET direct_member_count = direct_member_count + 1 WHERE account_id = ? AND id = ?`
	sqlAudit  = `INSERT INTO audit_events (account_id, id, operation_id, at, action, actor_kind, actor_id, request_id,
		subject_type, subject_id, object_id, before_data, after_data) VALUES
		(?, ?, ?, ?, 'Mutation.groupMembersAdd', 'USER', ?, ?, '', NULL, NULL, NULL, NULL),
		(?, ?, ?, ?, 'Mutation.groupMembersAdd', 'USER', ?, ?, 'MEMBERSHIP', ?, ?, NULL, '{"direct":true}')`
	sqlFeed = `INSERT INTO changes (account_id, seq, operation_id, at, entity, change_type, subject_id, object_id, payload)
		VALUES (?, ?, ?, ?, 'MEMBERSHIP', 'SET', ?, ?, '{"direct":true}')`
	sqlSeq = `UPDATE accounts SET feed_seq = ? WHERE id = ?`
)

// addMember makes a user a direct member of a group under the account's lock, and writes what Cohort writes:
// the membership, the group's count, the audit log's and the feed's rows, and the feed's number.
func (f *Floor) addMember(who *session, r *http.Request, to []byte) ([]byte, error) {
	var in struct{ GroupID, UserID string }
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&in); err != nil {
		return to, errRefused
	}
	group, wrongGroup := models.ParseGroupID(in.GroupID)
	user, wrongUser := models.ParseUserID(in.UserID)
	if wrongGroup != nil || wrongUser != nil {
		return to, errRefused
	}
	// Those who wait for the account's lock need no connection meanwhile.
	turn, _ := f.writers.LoadOrStore(who.account, new(sync.Mutex))
	turn.(*sync.Mutex).Lock()
	defer turn.(*sync.Mutex).Unlock()
	outcome, members, err := f.addUnderLock(r.Context(), who, group, user)
	if err != nil {
		return to, err
	}
	to = append(append(append(to, `{"data":{"groupMembersAdd":{"results":[{"outcome":"`...), outcome...), `"}],"groups":[`...)
	if members >= 0 {
		to = appendID(append(to, `{"id":`...), "group", group[:])
		to = strconv.AppendInt(append(to, `,"directMemberCount":`...), members, 10)
		to = append(to, '}')
	}
	return append(to, `],"errors":[]}}}`...), nil
}

// addUnderLock says what happened and how many direct members the group then has, -1 when there is no group.
func (f *Floor) addUnderLock(ctx context.Context, who *session, group models.GroupID, user models.UserID) (outcome string, members int64, err error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return "", 0, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	s := &f.statements
	account := who.account[:]
	var seq int64
	if err := tx.StmtContext(ctx, s.lock).QueryRowContext(ctx, account).Scan(&seq); err != nil {
		return "", 0, fmt.Errorf("lock the account: %w", err)
	}
	var caller sql.NullString
	var known, present, count sql.NullInt64
	err = tx.StmtContext(ctx, s.present).QueryRowContext(ctx, account, who.user[:], account, user[:], account, group[:], user[:], account, group[:]).
		Scan(&caller, &known, &present, &count)
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("read what is there: %w", err)
	case caller.String != "SUPER_ADMIN ACTIVE" && caller.String != "ADMIN ACTIVE":
		return "", 0, errors.New("the caller has lost the right")
	case !known.Valid || !count.Valid:
		if !count.Valid {
			count.Int64 = -1
		}
		return "NOT_FOUND", count.Int64, nil
	case present.Valid:
		return "ALREADY_MEMBER", count.Int64, nil
	}
	now, operation, request := time.Now().UTC().Truncate(time.Microsecond), newID(), uuid.Must(uuid.NewV7()).String()
	seq++
	for _, step := range []struct {
		stmt *sql.Stmt
		args []any
	}{
		{s.insert, []any{account, group[:], user[:], now}},
		{s.count, []any{account, group[:]}},
		{s.audit, []any{
			account, newID(), operation, now, who.user[:], request,
			account, newID(), operation, now, who.user[:], request, user[:], group[:],
		}},
		{s.feed, []any{account, seq, operation, now, user[:], group[:]}},
		{s.seq, []any{seq, account}},
	} {
		if _, err := tx.StmtContext(ctx, step.stmt).ExecContext(ctx, step.args...); err != nil {
			return "", 0, fmt.Errorf("write: %w", err)
		}
	}
	return "ADDED", count.Int64 + 1, tx.Commit()
}

func newID() []byte {
	id := uuid.Must(uuid.NewV7())
	return id[:]
}
