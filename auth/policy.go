package auth

import (
	"errors"
	"fmt"

	"cohort/models"
)

// Action is what a caller asks for: a field of the schema, written `Type.field`.
type Action string

// Answer is what the table says to an action: no, yes, or yes under a condition that needs rows and is
// settled in the transaction.
type Answer uint8

const (
	// Deny refuses.
	Deny Answer = iota
	// Allow permits whatever row it is about.
	Allow
	// Own permits it about the caller's own user and the groups that user is in.
	Own
	// TargetIsMember permits it on users whose role is, and becomes, MEMBER.
	TargetIsMember
	// HoldsGranted permits it for permissions that the caller holds, and for groups whose members hold no others.
	HoldsGranted
	// TargetIsMemberOrOwn permits it on those and on the caller's own user.
	TargetIsMemberOrOwn
)

// Rule is a row of the table: the answer to each role.
type Rule struct{ SuperAdmin, Admin, Member Answer }

var (
	everybody     = Rule{Allow, Allow, Allow}
	admins        = Rule{Allow, Allow, Deny}
	adminsAndOwn  = Rule{Allow, Allow, Own}
	onMembers     = Rule{Allow, TargetIsMember, Deny}
	onHeld        = Rule{Allow, HoldsGranted, Deny}
	superAdmins   = Rule{Allow, Deny, Deny}
	membersAndOwn = Rule{Allow, TargetIsMemberOrOwn, Deny}
)

// policy has a row for every root field, and for every field of an entity that leads to another entity or
// that a member must not see. What leads to an entity and has no row is refused to everybody.
var policy = map[Action]Rule{
	"Query.rateLimit":              everybody,
	"Query.viewer":                 everybody,
	"Query.account":                admins,
	"Query.node":                   adminsAndOwn,
	"Query.nodes":                  adminsAndOwn,
	"Query.user":                   adminsAndOwn,
	"Query.users":                  admins,
	"Query.group":                  adminsAndOwn,
	"Query.groups":                 admins,
	"Query.membershipChecks":       adminsAndOwn,
	"Query.product":                admins,
	"Query.products":               admins,
	"Query.usersProductsSummary":   admins,
	"Query.explainAccess":          adminsAndOwn,
	"AccessExplanation.user":       adminsAndOwn,
	"AccessExplanation.product":    adminsAndOwn,
	"AccessExplanation.setting":    adminsAndOwn,
	"AccessExplanation.permission": adminsAndOwn,
	"AccessExplanation.reasons":    adminsAndOwn,
	"AccessReason.path":            adminsAndOwn,
	"Query.settingDefinitions":     everybody,
	"Query.settingsSummary":        admins,
	"Query.job":                    admins,
	"Query.jobs":                   admins,

	"Viewer.tableViews":            admins,
	"TableViews.users":             admins,
	"TableViews.groups":            admins,
	"TableViews.groupMembers":      admins,
	"TableViews.jobs":              admins,
	"UserTableView.columns":        admins,
	"UserTableView.filters":        admins,
	"GroupTableView.columns":       admins,
	"GroupTableView.filters":       admins,
	"GroupMemberTableView.columns": admins,
	"GroupMemberTableView.filters": admins,
	"JobTableView.columns":         admins,
	"JobTableView.filters":         admins,
	"Mutation.tableViewSave":       admins,
	"Mutation.tableViewDelete":     admins,
	"Mutation.exportCreate":        admins,

	"Query.mails":  admins,
	"Mail.user":    admins,
	"Mail.product": admins,

	"Query.auditEvents":   admins,
	"User.auditEvents":    admins,
	"Group.auditEvents":   admins,
	"AuditEvent.actor":    admins,
	"AuditEvent.job":      admins,
	"AuditEvent.subject":  admins,
	"AuditEvent.object":   admins,
	"AuditEvent.changes":  admins,
	"AuditActor.user":     admins,
	"Operator.auditPrune": superAdmins,

	"Viewer.account": everybody,
	"Viewer.user":    everybody,

	"Viewer.partnerClient":         everybody,
	"Query.partnerClients":         superAdmins,
	"Mutation.partnerClientCreate": superAdmins,
	"Mutation.partnerClientRotate": superAdmins,
	"Mutation.partnerClientRevoke": superAdmins,

	"Query.webhooks":               superAdmins,
	"Webhook.deliveries":           superAdmins,
	"Mutation.webhookCreate":       superAdmins,
	"Mutation.webhookUpdate":       superAdmins,
	"Mutation.webhookDelete":       superAdmins,
	"Mutation.webhookRotateSecret": superAdmins,
	"Mutation.webhookResume":       superAdmins,

	"Account.userCount":     admins,
	"Account.groupCount":    admins,
	"Account.maxGroupDepth": admins,
	"Account.createdAt":     admins,
	"Account.settings":      admins,

	"User.groups":        adminsAndOwn,
	"User.products":      adminsAndOwn,
	"User.hasNoProducts": adminsAndOwn,
	"User.settings":      adminsAndOwn,

	"UserProduct.product": everybody,
	"UserProduct.via":     adminsAndOwn,

	"Group.products":       admins,
	"Group.pendingJob":     admins,
	"Group.settings":       admins,
	"GroupProduct.product": admins,
	"GroupProduct.via":     admins,

	"Product.seats":     admins,
	"Product.seatsUsed": admins,
	"Product.waiting":   admins,

	"Job.startedBy": admins,
	"Job.retries":   admins,
	"Job.reverts":   admins,
	"Job.results":   admins,
	"Job.file":      admins,
	"Job.resultUrl": admins,

	"ProductsPreview.impact":     admins,
	"ProductsImpact.byProduct":   admins,
	"ProductImpact.product":      admins,
	"ProductsPreview.rows":       admins,
	"ProductsPreviewRow.user":    admins,
	"ProductsPreviewRow.gained":  admins,
	"ProductsPreviewRow.lost":    admins,
	"ProductsPreviewRow.waiting": admins,

	"UsersProductsSummary.products": admins,
	"ProductSummary.product":        admins,

	"Group.priority":          admins,
	"Group.members":           admins,
	"Group.memberCount":       admins,
	"Group.directMemberCount": admins,
	"Group.parents":           admins,
	"Group.children":          admins,
	"Group.ancestors":         admins,
	"Group.descendants":       admins,
	"Group.depth":             admins,
	"Group.breadcrumbs":       admins,
	"Group.adjacent":          admins,
	"Group.createdAt":         admins,
	"Group.updatedAt":         admins,
	"Group.etag":              admins,

	"GroupAdjacent.previous": admins,
	"GroupAdjacent.next":     admins,
	"GroupMemberEdge.via":    admins,
	"GroupMemberEdge.path":   admins,
	"UserGroupEdge.via":      adminsAndOwn,
	"UserGroupEdge.path":     adminsAndOwn,
	"MembershipCheck.via":    adminsAndOwn,
	"MembershipCheck.path":   adminsAndOwn,

	"Mutation.userCreate":         onMembers,
	"Mutation.usersCreate":        onMembers,
	"Mutation.userUpdate":         membersAndOwn,
	"Mutation.userDelete":         onMembers,
	"Mutation.userRoleSet":        superAdmins,
	"Mutation.usersSuspend":       onMembers,
	"Mutation.usersResume":        onMembers,
	"Mutation.userGroupsUpdate":   onHeld,
	"Mutation.groupCreate":        onHeld,
	"Mutation.groupUpdate":        onHeld,
	"Mutation.groupDelete":        onHeld,
	"Mutation.groupsDelete":       onHeld,
	"Mutation.groupMembersAdd":    onHeld,
	"Mutation.groupMembersRemove": onHeld,
	"Mutation.groupNest":          onHeld,
	"Mutation.groupUnnest":        admins,

	"Query.permissionDefinitions": admins,
	"Viewer.permissions":          everybody,
	"User.permissions":            adminsAndOwn,
	"UserPermission.permission":   everybody,
	"UserPermission.sources":      adminsAndOwn,
	"PermissionSource.group":      adminsAndOwn,
	"PermissionSource.via":        adminsAndOwn,
	"PermissionSource.path":       adminsAndOwn,
	"Group.permissions":           admins,
	"GroupPermission.permission":  admins,
	"GroupPermission.via":         admins,

	"Mutation.groupPermissionsSet": onHeld,

	"Mutation.mailRetry":      admins,
	"Job.impact":              admins,
	"Mutation.jobCancel":      admins,
	"Mutation.jobRevert":      onMembers,
	"Mutation.jobRetryFailed": admins,

	"Query.changes":        admins,
	"Query.changesCursor":  admins,
	"Subscription.changes": admins,

	"Subscription.groupChanged": admins,
	"Subscription.jobProgress":  admins,

	"Mutation.usersProductsSet":     onMembers,
	"Mutation.userProductBlocksSet": onMembers,
	"Mutation.groupProductsSet":     admins,
	"Mutation.groupsProductsSet":    admins,
	"Mutation.productCreate":        superAdmins,
	"Mutation.productUpdate":        superAdmins,
	"Mutation.productDelete":        superAdmins,

	"EffectiveSetting.group":     adminsAndOwn,
	"EffectiveSetting.overrides": adminsAndOwn,
	"SettingReason.group":        adminsAndOwn,
	"Job.settingsImpact":         admins,

	"SettingsPreview.rows":    admins,
	"SettingsPreviewRow.user": admins,

	"Mutation.accountSettingsSet": superAdmins,
	"Mutation.groupSettingsSet":   membersAndOwn,
	"Mutation.groupsSettingsSet":  membersAndOwn,
	"Mutation.userSettingsSet":    membersAndOwn,
	"Mutation.usersSettingsSet":   membersAndOwn,

	"Operator.import":        superAdmins,
	"Operator.accountCreate": superAdmins,
}

// ErrForbidden is behind every refusal of the table.
var ErrForbidden = errors.New("forbidden")

// RuleFor is the row of an action.
func RuleFor(action Action) (Rule, bool) {
	rule, ok := policy[action]
	return rule, ok
}

// For is the row's answer to a role.
func (r Rule) For(role models.Role) Answer {
	switch role {
	case models.RoleSuperAdmin:
		return r.SuperAdmin
	case models.RoleAdmin:
		return r.Admin
	case models.RoleMember:
		return r.Member
	}
	return Deny
}

// May asks the table. ErrForbidden when it refuses, or has no row; else the condition to settle, if any.
func (c Caller) May(action Action) (Answer, error) {
	if c.Kind == Partner {
		if ScopesFor(action)&c.Scope == 0 {
			return Deny, fmt.Errorf("%s as a partner client: %w", action, ErrForbidden)
		}
		return Allow, nil
	}
	if answer := policy[action].For(c.Role); answer != Deny {
		return answer, nil
	}
	return Deny, fmt.Errorf("%s as %s: %w", action, c.Role, ErrForbidden)
}

// Can tells whether the table permits the action at all, be it under a condition.
func (c Caller) Can(action Action) bool {
	_, err := c.May(action)
	return err == nil
}

// CanOn tells whether the caller may do it to this user.
func (c Caller) CanOn(action Action, target models.UserID, role models.Role) bool {
	answer, err := c.May(action)
	return err == nil && answer.On(c, target, role)
}

// On settles a condition about a user: may the caller do it to somebody in this role?
func (a Answer) On(c Caller, target models.UserID, role models.Role) bool {
	switch a {
	case Allow, HoldsGranted: // whoever it is about
		return true
	case Own:
		return c.Is(target)
	case TargetIsMember:
		return role == models.RoleMember
	case TargetIsMemberOrOwn:
		return role == models.RoleMember || c.Is(target)
	}
	return false
}
