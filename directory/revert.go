package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cohort/auth"
	"cohort/jobs"
	"cohort/models"
)

// RevertJob takes back what a job has changed of products, blocks, grants, memberships and suspensions, with the caller's
// rights and the seats that there are now; what somebody has changed since is left, and named. Admins; each user gets an
// outcome. NOT_FOUND, JOB_OPEN, NOT_REVERTIBLE, and the errors of carryOut.
func (d *Directory) RevertJob(ctx context.Context, who auth.Caller, in models.JobRevertInput) (*models.JobRevertPayload, error) {
	return carryOut(ctx, d, who, "Mutation.jobRevert", in, in.EffectOptions, func(c *change) (*models.JobRevertPayload, error) {
		job, err := jobs.Find(c.DB, c.account(), in.ID)
		switch {
		case err != nil:
			return nil, jobError(err)
		case !job.State.Final():
			return nil, jobError(jobs.ErrOpen)
		case !job.Revertible():
			return nil, models.Errorf(models.CodeNotRevertible, "the job has changed nothing that can be taken back").At("input", "id")
		}
		c.reverts, c.bulk = &job.ID, true
		first, err := c.original(job)
		if err != nil {
			return nil, err
		}
		switch first.Kind {
		case "groupProductsSet", "groupsProductsSet":
			err = c.revertGrants(job)
		case "groupMembersAdd", "groupMembersRemove", "userGroupsUpdate":
			err = c.revertMembers(job)
		case "groupSettingsSet", "groupsSettingsSet":
			err = c.revertSettings(job)
		default:
			err = c.revertUsers(job)
		}
		return &models.JobRevertPayload{}, err
	})
}

// original is the job that a chain of jobs, each taking back the one before, goes back to.
func (c *change) original(job *models.Job) (*models.Job, error) {
	for job.RevertsJobID != nil {
		var err error
		job, err = jobs.Find(c.DB, c.account(), *job.RevertsJobID)
		if errors.Is(err, jobs.ErrNotFound) { // it was too long ago
			return nil, models.Errorf(models.CodeNotRevertible, "the job that this one took back is no longer kept").At("input", "id")
		}
		if err != nil {
			return nil, fmt.Errorf("find what the job takes back: %w", err)
		}
	}
	return job, nil
}

// changedBy are the positions of the rows of a job that have changed a source, and their subjects of one kind.
func (c *change) changedBy(job *models.Job, kind string) (ids [][]byte, positions []int32, err error) {
	var rows []struct {
		SubjectID []byte
		Position  int32
	}
	err = c.Raw("SELECT subject_id, position FROM job_rows WHERE account_id = ? AND job_id = ? AND subject_type = ? AND effect = ? AND detail IS NOT NULL ORDER BY position",
		c.account(), job.ID, kind, models.JobRowEffectChanged).Scan(&rows).Error
	if err != nil {
		return nil, nil, fmt.Errorf("read what the job has changed: %w", err)
	}
	for _, row := range rows {
		ids, positions = append(ids, row.SubjectID), append(positions, row.Position)
	}
	return ids, positions, nil
}

// details are what the rows of a job have changed, by subject.
func (c *change) details(job models.JobID, positions []int32) (map[[16]byte]models.JobDetail, error) {
	found := make(map[[16]byte]models.JobDetail, len(positions))
	err := chunks(positions, func(part []int32) error {
		var rows []models.JobRow
		if err := c.Where("account_id = ? AND job_id = ? AND position IN ?", c.account(), job, part).Find(&rows).Error; err != nil {
			return fmt.Errorf("read what the job has changed: %w", err)
		}
		for _, row := range rows {
			var detail models.JobDetail
			if err := json.Unmarshal([]byte(*row.Detail), &detail); err != nil {
				return fmt.Errorf("decode a row of a job: %w", err)
			}
			found[[16]byte(row.SubjectID)] = detail
		}
		return nil
	})
	return found, err
}

// revertUsers takes back what a job has set on users, who may be many.
func (c *change) revertUsers(job *models.Job) error {
	ids, positions, err := c.changedBy(job, userSubject)
	if err != nil {
		return err
	}
	users := make([]models.UserID, len(ids))
	for i, id := range ids {
		users[i] = models.UserID(id)
	}
	c.losing = true
	return c.perform(&reverting{job: job.ID, positions: positions}, users)
}

// revertGrants takes back what a job has granted to groups, and not.
func (c *change) revertGrants(job *models.Job) error {
	ids, positions, err := c.changedBy(job, groupSubject)
	if err != nil {
		return err
	}
	details, err := c.details(job.ID, positions)
	if err != nil {
		return err
	}
	groups, of := make([]models.GroupID, len(ids)), map[models.GroupID]bool{}
	for i, id := range ids {
		groups[i] = models.GroupID(id)
		of[groups[i]] = true
	}
	there, err := groupsByID(c.DB, c.account(), groups)
	if err != nil {
		return err
	}
	now, err := c.grantsOf(of)
	if err != nil {
		return err
	}
	products, err := c.present()
	if err != nil {
		return err
	}
	var end, begin []grant
	var left []models.GroupID
	for _, id := range groups {
		s := &subject{kind: groupSubject, id: id, outcome: models.JobOutcomeChangedSince}
		if there[id] == nil {
			s.outcome = models.JobOutcomeNotFound
		} else if d := details[id]; asLeft(d.Granted, d.Ended, products, func(p models.ProductID) bool { return now[grant{id, p}] }) {
			for _, p := range d.Granted {
				end = append(end, grant{id, p})
			}
			for _, p := range d.Ended {
				begin = append(begin, grant{id, p})
			}
			left = append(left, id)
			continue
		}
		c.done = append(c.done, s)
	}
	ended, err := c.setGrants(end, false)
	if err != nil {
		return err
	}
	granted, err := c.setGrants(begin, true)
	if err != nil {
		return err
	}
	c.noteGrants(left, granted, ended)
	return nil
}

// asLeft tells whether what was set is so still, what was taken is not, and all of it can be had.
func asLeft(set, taken []models.ProductID, products map[models.ProductID]bool, is func(models.ProductID) bool) bool {
	return !slices.ContainsFunc(set, func(p models.ProductID) bool { return !is(p) }) &&
		!slices.ContainsFunc(taken, func(p models.ProductID) bool { return is(p) || !products[p] })
}

// present are the products that there are.
func (c *change) present() (map[models.ProductID]bool, error) {
	all, err := catalogue(c.DB, c.account())
	products := make(map[models.ProductID]bool, len(all))
	for _, p := range all {
		products[p.ID] = true
	}
	return products, err
}

// revertMembers takes back who has joined which group, and left it.
func (c *change) revertMembers(job *models.Job) error {
	ids, positions, err := c.changedBy(job, userSubject)
	if err != nil {
		return err
	}
	details, err := c.details(job.ID, positions)
	if err != nil {
		return err
	}
	var all []models.Pair
	pairs := func(user models.UserID, groups []models.GroupID) (pairs []models.Pair) {
		for _, id := range groups {
			pairs = append(pairs, models.Pair{User: user, Group: id})
		}
		return pairs
	}
	for id, d := range details {
		all = append(all, pairs(id, slices.Concat(d.Joined, d.Left))...)
	}
	there, err := presentSides(c, all)
	if err != nil {
		return err
	}
	notOut, err := c.withheld(all, false)
	if err != nil {
		return err
	}
	notIn, err := c.withheld(all, true)
	if err != nil {
		return err
	}
	var out, in []models.Pair
	for _, raw := range ids {
		id := models.UserID(raw)
		joined, left := pairs(id, details[id].Joined), pairs(id, details[id].Left)
		s := &subject{kind: userSubject, id: id, outcome: models.JobOutcomeChangedSince}
		switch {
		case len(joined)+len(left) == 0: // who was only reached by what others did
			continue
		case !there.users[id]:
			s.outcome = models.JobOutcomeNotFound
		case !slices.ContainsFunc(joined, func(p models.Pair) bool { return !there.pairs[p] }) &&
			!slices.ContainsFunc(left, func(p models.Pair) bool { return there.pairs[p] || !there.groups[p.Group] }):
			if slices.ContainsFunc(joined, func(p models.Pair) bool { return notOut[p] }) || slices.ContainsFunc(left, func(p models.Pair) bool { return notIn[p] }) {
				s.outcome = models.JobOutcomeMissingPermission
				break
			}
			out, in = append(out, joined...), append(in, left...)
			continue
		}
		c.done = append(c.done, s)
	}
	if _, err := removeMembers(c, out, there); err != nil {
		return err
	}
	_, err = addMembers(c, in, there)
	return err
}

// reverting is the work of jobRevert on users: each subject has in its detail what is to be taken back.
type reverting struct {
	job       models.JobID
	positions []int32 // of the subjects among its rows
}

func (w *reverting) prepare(c *change, part []*subject, at int) error {
	details, err := c.details(w.job, w.positions[at:at+len(part)])
	for _, s := range part {
		s.detail = details[s.id]
	}
	return err
}

func (w *reverting) do(c *change, part []*subject) error {
	undo := make(map[models.UserID]models.JobDetail, len(part))
	for _, s := range part {
		undo[s.userID()] = s.detail
	}
	users, err := c.allowed(part)
	if err != nil {
		return err
	}
	subjects := byUser(part)
	defer func() {
		for _, s := range part { // so that it can be tried again
			if s.outcome != "" && effect(s.outcome, &s.detail) == models.JobRowEffectFailed {
				s.detail = undo[s.userID()]
			}
		}
	}()
	if len(users) == 0 {
		return nil
	}
	if users, err = c.asLeft(users, undo, subjects); err != nil {
		return err
	}
	restored, err := c.restore(userHolds, plainIDs(users), func(id [16]byte) []*models.SettingChange { return undo[id].Settings })
	if err != nil {
		return err
	}
	for id, changes := range restored {
		subjects[id].detail.Settings = changes
	}
	for _, step := range []struct {
		of   func(*models.JobDetail) []models.ProductID
		is   bool
		do   func([]models.Holding, bool) ([]models.Holding, error)
		note func(*models.JobDetail) *[]models.ProductID
	}{
		{func(d *models.JobDetail) []models.ProductID { return d.Set }, false, c.setDirect, func(d *models.JobDetail) *[]models.ProductID { return &d.Taken }},
		{func(d *models.JobDetail) []models.ProductID { return d.Blocked }, false, c.setBlocks, func(d *models.JobDetail) *[]models.ProductID { return &d.Unblocked }},
		{func(d *models.JobDetail) []models.ProductID { return d.Taken }, true, c.setDirect, func(d *models.JobDetail) *[]models.ProductID { return &d.Set }},
		{func(d *models.JobDetail) []models.ProductID { return d.Unblocked }, true, c.setBlocks, func(d *models.JobDetail) *[]models.ProductID { return &d.Blocked }},
	} {
		var holdings []models.Holding
		for _, id := range users {
			for _, p := range step.of(new(undo[id])) {
				holdings = append(holdings, models.Holding{User: id, Product: p})
			}
		}
		if err := c.setNoted(holdings, step.is, step.do, subjects, step.note); err != nil {
			return err
		}
	}
	for _, suspend := range []bool{true, false} {
		var again []*subject
		for _, id := range users {
			if was := undo[id].Suspended; was != nil && *was != suspend {
				again = append(again, subjects[id])
			}
		}
		if len(again) > 0 {
			if err := (&suspending{Suspend: suspend}).do(c, again); err != nil {
				return err
			}
		}
	}
	return nil
}

// asLeft sorts out the users of whom something is not as the job has left it, and answers with the others.
func (c *change) asLeft(users []models.UserID, undo map[models.UserID]models.JobDetail, subjects map[models.UserID]*subject) ([]models.UserID, error) {
	direct, err := sources(c.DB, c.account(), users, "user_products")
	if err != nil {
		return nil, err
	}
	blocks, err := sources(c.DB, c.account(), users, "user_product_blocks")
	if err != nil {
		return nil, err
	}
	products, err := c.present()
	if err != nil {
		return nil, err
	}
	settings, err := c.heldNow(userHolds, plainIDs(users), func(id [16]byte) []*models.SettingChange { return undo[id].Settings })
	if err != nil {
		return nil, err
	}
	var same []models.UserID
	for _, id := range users {
		d := undo[id]
		held := func(in map[models.Holding]bool) func(models.ProductID) bool {
			return func(p models.ProductID) bool { return in[models.Holding{User: id, Product: p}] }
		}
		switch s := subjects[id]; {
		case !asLeft(d.Set, d.Taken, products, held(direct)), !asLeft(d.Blocked, d.Unblocked, products, held(blocks)),
			!settingsAsLeft(d.Settings, settings[id]), d.Suspended != nil && s.user.SuspendedManually != *d.Suspended:
			s.outcome = models.JobOutcomeChangedSince
		default:
			same = append(same, id)
		}
	}
	return same, nil
}

func (w *reverting) conclude(_ *change, part []*subject) error {
	concludeSources(part)
	return nil
}
