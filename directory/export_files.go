package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"gorm.io/gorm"

	"cohort/auth"
	"cohort/models"
	"cohort/store"
)

// ExportPath is where files are fetched, with the id of the job, the file's name and a pass behind it.
const ExportPath = "/exports/"

// passLife is how long the address of a file is good.
const passLife = time.Hour

// ErrNoFile says that there is no such file, or no more, or that the address was never one.
var ErrNoFile = errors.New("there is no such file, or it is kept no more")

// ErrPassOver says that an address was good once.
var ErrPassOver = errors.New("this address is no longer good: ask for a new one")

// passes makes and checks what opens a file without a token: who it is for, which file, until when, and a signature of that.
type passes struct{ key []byte }

func newPasses(key []byte) passes {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	return passes{key}
}

// pass is what an address says. A caller that is no user has no user.
type pass struct {
	account models.AccountID
	user    models.UserID
	until   time.Time
}

const passSize = 16 + 16 + 8

func (p passes) sign(text []byte, job models.JobID) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write(text)
	mac.Write(job[:])
	return mac.Sum(nil)
}

func (p passes) text(one pass, job models.JobID) string {
	text := make([]byte, 0, passSize+sha256.Size)
	text = append(append(text, one.account[:]...), one.user[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(one.until.Unix())) //nolint:gosec // it is after 1970
	return base64.RawURLEncoding.EncodeToString(append(text, p.sign(text, job)...))
}

func (p passes) read(text string, job models.JobID, now time.Time) (one pass, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != passSize+sha256.Size || !hmac.Equal(raw[passSize:], p.sign(raw[:passSize], job)) {
		return one, ErrNoFile
	}
	copy(one.account[:], raw)
	copy(one.user[:], raw[16:])
	one.until = time.Unix(int64(binary.BigEndian.Uint64(raw[32:])), 0) //nolint:gosec // it is signed
	if !now.Before(one.until) {
		return one, ErrPassOver
	}
	return one, nil
}

// ExportFiles are the files of jobs, in the order of the ids, with addresses for the caller; nil for a job that has none, or none any more. Admins.
func (d *Directory) ExportFiles(ctx context.Context, who auth.Caller, ids []models.JobID) ([]*models.ExportFile, error) {
	return glance(ctx, d, who, "Job.file", func(s *snapshot) ([]*models.ExportFile, error) {
		now := d.store.Now()
		var rows []*models.ExportFile
		if err := s.Where("account_id = ? AND job_id IN ? AND kept_until > ?", s.account(), ids, now).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read files: %w", err)
		}
		found := map[models.JobID]*models.ExportFile{}
		for _, file := range rows {
			one := pass{account: who.Account, until: now.Add(passLife)}
			if who.Kind == auth.Person {
				one.user = who.UserID
			}
			file.URL = ExportPath + file.JobID.String() + "/" + url.PathEscape(file.Name) + "?pass=" + d.passes.text(one, file.JobID)
			found[file.JobID] = file
		}
		files := make([]*models.ExportFile, len(ids))
		for i, id := range ids {
			files[i] = found[id]
		}
		return files, nil
	})
}

// OpenExport opens the file of an address, for whoever has the address, as long as it is good and the user for whom it was made may export.
// ErrNoFile, ErrPassOver, auth.ErrForbidden.
func (d *Directory) OpenExport(ctx context.Context, id models.JobID, text string) (*models.ExportFile, io.ReadSeeker, error) {
	one, err := d.passes.read(text, id, d.store.Now())
	if err != nil {
		return nil, nil, err
	}
	if one.user != (models.UserID{}) {
		user, err := findUser(d.store.Read.WithContext(ctx), one.account, one.user)
		if err != nil {
			return nil, nil, err
		}
		if user == nil || user.Status == models.UserStatusSuspended {
			return nil, nil, fmt.Errorf("%w: the user is suspended or no more", auth.ErrForbidden)
		}
		who := auth.Caller{Account: one.account, Kind: auth.Person, UserID: one.user, Role: user.Role}
		if _, err := who.May(actionExport); err != nil {
			return nil, nil, err
		}
	}
	var file models.ExportFile
	err = d.store.Read.WithContext(ctx).Where("account_id = ? AND job_id = ? AND kept_until > ?", one.account, id, d.store.Now()).Take(&file).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil, ErrNoFile
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read a file: %w", err)
	}
	return &file, &exportContent{ctx: ctx, store: d.store, file: &file}, nil
}

// exportContent reads a file part by part.
type exportContent struct {
	ctx   context.Context //nolint:containedctx // an io.Reader has no other way to it
	store *store.Store
	file  *models.ExportFile

	at     int64
	number int32
	part   []byte // the part of that number, once it has been read
}

func (c *exportContent) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.file.Bytes
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a file")
	}
	c.at = offset
	return offset, nil
}

func (c *exportContent) Read(p []byte) (int, error) {
	if c.at >= c.file.Bytes {
		return 0, io.EOF
	}
	number := int32(c.at / models.ExportPartSize) //nolint:gosec // a file has fewer
	if c.part == nil || number != c.number {
		var part models.ExportPart
		err := c.store.Read.WithContext(c.ctx).Where("account_id = ? AND job_id = ? AND number = ?", c.file.AccountID, c.file.JobID, number).Take(&part).Error
		if err != nil {
			return 0, fmt.Errorf("read a part of a file: %w", err)
		}
		c.number, c.part = number, part.Content
	}
	from := c.at - int64(number)*models.ExportPartSize
	if from >= int64(len(c.part)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, c.part[from:])
	c.at += int64(n)
	return n, nil
}

// CleanExports removes the files of all accounts that are kept no more, and returns how many.
func (d *Directory) CleanExports(ctx context.Context) (removed int, err error) {
	for {
		// Each account costs one look into the index.
		var due []models.ExportFile
		err := d.store.Read.WithContext(store.AcrossAccounts(ctx)).Raw(`SELECT f.account_id, f.job_id FROM (
				SELECT a.id AS account_id, (SELECT MIN(f.kept_until) FROM export_files f WHERE f.account_id = a.id) AS kept_until FROM accounts a
			) oldest
			JOIN export_files f ON f.account_id = oldest.account_id AND f.kept_until = oldest.kept_until
			WHERE f.kept_until <= ? LIMIT ?`, d.store.Now(), rowBatch).Scan(&due).Error
		if err != nil {
			return removed, fmt.Errorf("look for old files: %w", err)
		}
		if len(due) == 0 {
			return removed, nil
		}
		for _, file := range due { // each in a transaction of its own, for it may be large
			_, err := store.InTx(ctx, d.store, func(tx *gorm.DB) (struct{}, error) {
				return struct{}{}, dropExports(tx, file.AccountID, []models.JobID{file.JobID})
			})
			if err != nil {
				return removed, fmt.Errorf("remove old files: %w", err)
			}
			removed++
		}
	}
}
