package directory

import (
	"context"
	"errors"

	"cohort/auth"
	"cohort/models"
)

// Refused has it recorded in the audit log, soon, that the policy table denied somebody an action. It never waits. What the use
// cases themselves refuse they have recorded already.
func (d *Directory) Refused(who auth.Caller, action auth.Action) { d.refusals.Note(who, action) }

// RecordRefusals writes what was refused into the audit log until ctx ends, and then what is left. Call it once, in each process
// that answers requests; without it nothing refused is recorded.
func (d *Directory) RecordRefusals(ctx context.Context) { d.refusals.Run(ctx) }

// noteRefusal has it recorded if a use case ended for want of rights.
func (d *Directory) noteRefusal(who auth.Caller, action auth.Action, err error) {
	if err != nil && forbidden(err) {
		d.refusals.Note(who, action)
	}
}

// forbidden tells whether an error is for want of rights: by the table, or by a condition that rows settle.
func forbidden(err error) bool {
	if errors.Is(err, auth.ErrForbidden) {
		return true
	}
	mistakes, _ := models.UserErrors(err)
	for _, m := range mistakes {
		if m.Code == models.CodeForbidden {
			return true
		}
	}
	return false
}
