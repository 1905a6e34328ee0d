package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// JobID is the id of a Job.
type JobID [16]byte

const jobKind = "job"

// ParseJobID reads the text form. INVALID_ID when it is malformed or of another kind.
func ParseJobID(text string) (JobID, error) {
	_, id, err := parse(jobKind, text)
	return id, err
}

func (id JobID) String() string               { return format(jobKind, id) }
func (id JobID) Value() (driver.Value, error) { return id[:], nil }
func (id *JobID) Scan(src any) error          { return scan((*[16]byte)(id), src) }
func (id JobID) MarshalGQL(w io.Writer)       { writeID(w, jobKind, id) }
func (id *JobID) UnmarshalGQL(v any) (err error) {
	*id, err = unmarshalAs[JobID](jobKind, v)
	return err
}

// JobState is how far a job is.
type JobState string

// The states. The last four are final.
const (
	JobStateQueued       JobState = "QUEUED"        // waits for a worker, or for an older job of the account
	JobStateRunning      JobState = "RUNNING"       // has begun; also while it waits for another worker or another try
	JobStateSucceeded    JobState = "SUCCEEDED"     // every row is done, and none failed
	JobStatePartlyFailed JobState = "PARTLY_FAILED" // every row is done, and some failed
	JobStateFailed       JobState = "FAILED"        // ended before its time, or every row failed; ErrorCode says why
	JobStateCanceled     JobState = "CANCELED"      // somebody stopped it; what was done stays
)

// IsValid tells whether it is one of the states.
func (s JobState) IsValid() bool {
	return slices.Contains([]JobState{
		JobStateQueued, JobStateRunning, JobStateSucceeded, JobStatePartlyFailed, JobStateFailed, JobStateCanceled,
	}, s)
}

// MarshalGQL writes it.
func (s JobState) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads it.
func (s *JobState) UnmarshalGQL(v any) error { return readEnum(s, v, "JobStatus") }

// Final tells whether nothing happens to the job any more.
func (s JobState) Final() bool { return s != JobStateQueued && s != JobStateRunning }

// Job is a change of many rows: what is to be done, for whom, and how far it is. The rows are JobRows.
type Job struct {
	AccountID   AccountID
	ID          JobID
	Seq         int64 // the account's jobs are numbered in the order in which they were made, and run in it
	Kind        string
	Input       string // JSON
	State       JobState
	DryRun      bool
	Actor       JobActor    `gorm:"embedded;embeddedPrefix:actor_"`
	RequestID   string      // of the request that made it
	OperationID OperationID // of the mutation that made it; each chunk has one of its own besides

	Total   int32 // rows
	Done    int32 // of them, whatever came out
	Changed int32 // of the done
	Failed  int32 // of the done

	Cursor    *string `gorm:"column:cursor_data"` // JSON: what the kind keeps beside the rows
	ErrorCode *string

	LeaseOwner  *string    // the worker that has it
	LeaseUntil  *time.Time // by the database's clock
	AvailableAt *time.Time // by the database's clock: not before then, after a failure
	Fence       int64      // grows whenever a worker takes the job
	Attempts    int32      // failures since the last chunk that was written

	RetriesJobID *JobID    // the job whose rows it tries again
	RevertsJobID *JobID    // the job that it takes back
	CreatedAt    time.Time `gorm:"autoCreateTime:false"`
	StartedAt    *time.Time
	FinishedAt   *time.Time
}

func (Job) TableName() string { return "jobs" }

// IsNode makes a job something that `node` finds.
func (Job) IsNode() {}

// Retryable tells whether the job has ended and left rows that failed, or that it never got to when it ended FAILED.
func (j *Job) Retryable() bool {
	return j.State.Final() && !j.DryRun && !j.OnlyReads() && (j.Failed > 0 || j.State == JobStateFailed && j.Done < j.Total)
}

// Impact is what the job has done so far to what users have; nil before its first part, and for one about settings.
func (j *Job) Impact() *ProductsImpact {
	if impact := j.impact(); impact != nil && impact.Settings == nil {
		return &impact.ProductsImpact
	}
	return nil
}

// SettingsImpact is whom the settings of groups reach that the job has changed; nil before it has ended, and for one about
// something else.
func (j *Job) SettingsImpact() *SettingsImpact {
	if impact := j.impact(); impact != nil && j.State.Final() {
		return impact.Settings
	}
	return nil
}

func (j *Job) impact() *JobImpact {
	var impact JobImpact
	if j.Cursor == nil || json.Unmarshal([]byte(*j.Cursor), &impact) != nil {
		return nil
	}
	return &impact
}

// KindExport is the kind of jobs that write a file. They have no rows of their own: their counts are of what is in the file.
const KindExport = "exportCreate"

// OnlyReads tells whether the job changes nothing.
func (j *Job) OnlyReads() bool { return j.Kind == KindExport }

// OnlyFollows tells whether the sources have been changed already when the job was made, so that what it does follows from
// them and can't be left undone.
func (j *Job) OnlyFollows() bool {
	var input struct {
		Settle bool `json:"settle"`
	}
	return j.Kind == "productDelete" || json.Unmarshal([]byte(j.Input), &input) == nil && input.Settle
}

// Cancelable tells whether the job can be stopped.
func (j *Job) Cancelable() bool { return !j.State.Final() && !j.OnlyFollows() }

// Revertible tells whether the job has ended and has changed something.
func (j *Job) Revertible() bool {
	return j.State.Final() && !j.DryRun && j.Changed > 0 && slices.Contains(revertible, j.Kind)
}

// revertible are the mutations that can be taken back, their own taking back among them.
var revertible = []string{
	"usersProductsSet", "userProductBlocksSet", "groupProductsSet", "groupsProductsSet", "groupMembersAdd", "groupMembersRemove", "userGroupsUpdate", "usersSuspend", "usersResume", "jobRevert",
	"groupSettingsSet", "groupsSettingsSet", "userSettingsSet", "usersSettingsSet",
}

// JobImpact is what a job keeps beside its rows: what it has done so far.
type JobImpact struct {
	ProductsImpact
	Settings *SettingsImpact `json:"settings,omitempty"` // of a job about settings
}

// JobActor is on whose behalf a job works. The role is the one that the token claimed; what the actor may do is read
// again for each chunk.
type JobActor struct {
	Kind   string  // USER, OPERATOR
	UserID *UserID // nil for who is no user
	Role   Role
}

// JobRowEffect is what became of a row, as far as counting goes.
type JobRowEffect string

// The effects. A job counts them; Outcome says the rest.
const (
	JobRowEffectPending   JobRowEffect = "PENDING"
	JobRowEffectChanged   JobRowEffect = "CHANGED"
	JobRowEffectUnchanged JobRowEffect = "UNCHANGED"
	JobRowEffectFailed    JobRowEffect = "FAILED"
)

// JobRowPending is the outcome of a row whose turn has not come.
const JobRowPending = "PENDING"

// What a row of a job is about.
const (
	JobSubjectUser  = "USER"
	JobSubjectGroup = "GROUP"
)

// JobRow is one subject of a job and what became of it.
type JobRow struct {
	AccountID   AccountID
	JobID       JobID
	Position    int32 // from 0, the order in which rows are done
	SubjectType string
	SubjectID   []byte
	Effect      JobRowEffect
	Outcome     string  // the kind's own word: CHANGED, REMAINS_VIA_GROUP, NO_SEAT, …
	Detail      *string // JSON

	InBlock bool `gorm:"-"` // the table doesn't have it yet
}

func (JobRow) TableName() string { return "job_rows" }

// JobOutcome is what became of a row of a job. The kinds share the words.
type JobOutcome string

// The outcomes.
const (
	JobOutcomePending         JobOutcome = JobRowPending
	JobOutcomeChanged         JobOutcome = "CHANGED"
	JobOutcomeUnchanged       JobOutcome = "UNCHANGED"
	JobOutcomeRemainsViaGroup JobOutcome = "REMAINS_VIA_GROUP" // something stays that a group gives
	JobOutcomeNoSeat          JobOutcome = "NO_SEAT"           // entitled, and waits for a seat
	JobOutcomeNotFound        JobOutcome = "NOT_FOUND"         // is not there, or not any more
	JobOutcomeForbidden       JobOutcome = "FORBIDDEN"         // the actor may not touch it
	JobOutcomeLastSuperAdmin  JobOutcome = "LAST_SUPER_ADMIN"  // the account would be left without one
	JobOutcomeChangedSince    JobOutcome = "CHANGED_SINCE"     // somebody has changed it after the job that is to be taken back
	JobOutcomeLocked          JobOutcome = "LOCKED"            // a setting that a lock keeps from having an effect

	JobOutcomeMissingPermission JobOutcome = "MISSING_PERMISSION" // the actor doesn't hold what the user would get, or an admin lose
)

// IsValid tells whether it is one of the outcomes.
func (o JobOutcome) IsValid() bool {
	return slices.Contains([]JobOutcome{
		JobOutcomePending, JobOutcomeChanged, JobOutcomeUnchanged, JobOutcomeRemainsViaGroup, JobOutcomeNoSeat,
		JobOutcomeNotFound, JobOutcomeForbidden, JobOutcomeLastSuperAdmin, JobOutcomeChangedSince, JobOutcomeLocked,
		JobOutcomeMissingPermission,
	}, o)
}

// MarshalGQL writes it.
func (o JobOutcome) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(o))) }

// UnmarshalGQL reads it.
func (o *JobOutcome) UnmarshalGQL(v any) error { return readEnum(o, v, "JobOutcome") }

// readEnum reads a value of an enum of the schema.
func readEnum[T interface {
	~string
	IsValid() bool
}](to *T, v any, name string,
) error {
	text, ok := v.(string)
	if !ok || !T(text).IsValid() {
		return fmt.Errorf("%v is not a valid %s", v, name)
	}
	*to = T(text)
	return nil
}

// JobDetail is what a row of a job has changed: of its sources, by which it is taken back, and of what follows from
// them. What is empty is left out of the JSON.
type JobDetail struct {
	Set       []ProductID `json:"set,omitempty"`       // on the user
	Taken     []ProductID `json:"taken,omitempty"`     // from the user
	Blocked   []ProductID `json:"blocked,omitempty"`   // for the user
	Unblocked []ProductID `json:"unblocked,omitempty"` // for the user
	Granted   []ProductID `json:"granted,omitempty"`   // to the group
	Ended     []ProductID `json:"ended,omitempty"`     // grants of the group
	Joined    []GroupID   `json:"joined,omitempty"`    // by the user
	Left      []GroupID   `json:"left,omitempty"`      // by the user
	Suspended *bool       `json:"suspended,omitempty"` // by hand, or no more

	Settings []*SettingChange `json:"settings,omitempty"` // that the user or the group holds

	Gained     []ProductID `json:"gained,omitempty"`     // with a seat
	Lost       []ProductID `json:"lost,omitempty"`       // had with a seat
	Waiting    []ProductID `json:"waiting,omitempty"`    // for a seat, from now on
	NoProducts *bool       `json:"noProducts,omitempty"` // suspended with nothing left, or no more
}

// JobResult is a row of a job as clients see it.
type JobResult struct {
	SubjectID GlobalID
	Outcome   JobOutcome
	Detail    JobDetail
}

// Result reads the row.
func (r *JobRow) Result() (*JobResult, error) {
	result := &JobResult{Outcome: JobOutcome(r.Outcome)}
	if len(r.SubjectID) != 16 {
		return nil, fmt.Errorf("read a row of a job: a subject of %d bytes", len(r.SubjectID))
	}
	switch r.SubjectType {
	case JobSubjectUser:
		result.SubjectID.User = new(UserID(r.SubjectID))
	case JobSubjectGroup:
		result.SubjectID.Group = new(GroupID(r.SubjectID))
	default:
		return nil, fmt.Errorf("read a row of a job: a subject of type %q", r.SubjectType)
	}
	if r.Detail != nil {
		if err := json.Unmarshal([]byte(*r.Detail), &result.Detail); err != nil {
			return nil, fmt.Errorf("read a row of a job: %w", err)
		}
	}
	return result, nil
}

// SettingChanges are the changed values of settings.
func (d *JobDetail) SettingChanges() []*SettingChange { return d.Settings }

// SettingChanges are the changed values of settings.
func (r *JobResult) SettingChanges() []*SettingChange { return r.Detail.Settings }

// Suspended tells whether the user was suspended (true), is no longer so (false), or neither (nil).
func (r *JobResult) Suspended() *bool {
	if r.Detail.NoProducts != nil {
		return r.Detail.NoProducts
	}
	return r.Detail.Suspended
}

// JobConnection is a page of jobs.
type JobConnection struct {
	Edges    []*JobEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the jobs without their cursors.
func (c *JobConnection) Nodes() []*Job {
	return nodesOf(c.Edges, func(e *JobEdge) *Job { return e.Node })
}

// JobResultConnection is a page of what became of a job's rows.
type JobResultConnection struct {
	Edges    []*JobResultEdge
	PageInfo *PageInfo
	Counter
}

// Nodes are the results without their cursors.
func (c *JobResultConnection) Nodes() []*JobResult {
	return nodesOf(c.Edges, func(e *JobResultEdge) *JobResult { return e.Node })
}

type JobCancelInput struct{ ID JobID }

type JobCancelPayload struct {
	Job *Job
	Refused
}

type JobRetryFailedInput struct {
	ID             JobID
	IdempotencyKey *string `json:"-"`
}

type JobRetryFailedPayload struct {
	Job *Job
	Refused
}

// JobRevertInput says which job is taken back.
type JobRevertInput struct {
	ID JobID
	EffectOptions
}

type JobRevertPayload struct {
	Effects
	Refused
}
