package graph

import (
	"context"
	"errors"

	"cohort/auth"
	"cohort/directory"
	"cohort/graph/generated"
	"cohort/models"
)

// resolver is the root that all resolvers hang on.
type resolver struct {
	directory *directory.Directory
	rates     *rates // nil where nobody counts
}

type (
	accountResolver            struct{ *resolver }
	groupResolver              struct{ *resolver }
	groupMemberEdgeResolver    struct{ *resolver }
	groupProductResolver       struct{ *resolver }
	groupPermissionResolver    struct{ *resolver }
	permissionSourceResolver   struct{ *resolver }
	jobResolver                struct{ *resolver }
	jobResultResolver          struct{ *resolver }
	membershipCheckResolver    struct{ *resolver }
	mutationResolver           struct{ *resolver }
	productResolver            struct{ *resolver }
	productsPreviewRowResolver struct{ *resolver }
	productImpactResolver      struct{ *resolver }
	productsImpactResolver     struct{ *resolver }
	effectiveSettingResolver   struct{ *resolver }
	accessExplanationResolver  struct{ *resolver }
	accessReasonResolver       struct{ *resolver }
	accessActionResolver       struct{ *resolver }
	settingReasonResolver      struct{ *resolver }
	settingsPreviewRowResolver struct{ *resolver }
	auditActorResolver         struct{ *resolver }
	auditEventResolver         struct{ *resolver }
	mailResolver               struct{ *resolver }
	webhookResolver            struct{ *resolver }
	queryResolver              struct{ *resolver }
	subscriptionResolver       struct{ *resolver }
	userResolver               struct{ *resolver }
	userGroupEdgeResolver      struct{ *resolver }
	userProductResolver        struct{ *resolver }
	viewerResolver             struct{ *resolver }
)

func (r *resolver) Account() generated.AccountResolver { return accountResolver{r} }
func (r *resolver) Group() generated.GroupResolver     { return groupResolver{r} }
func (r *resolver) GroupMemberEdge() generated.GroupMemberEdgeResolver {
	return groupMemberEdgeResolver{r}
}

func (r *resolver) MembershipCheck() generated.MembershipCheckResolver {
	return membershipCheckResolver{r}
}

func (r *resolver) GroupPermission() generated.GroupPermissionResolver {
	return groupPermissionResolver{r}
}

func (r *resolver) PermissionSource() generated.PermissionSourceResolver {
	return permissionSourceResolver{r}
}
func (r *resolver) GroupProduct() generated.GroupProductResolver { return groupProductResolver{r} }
func (r *resolver) AuditActor() generated.AuditActorResolver     { return auditActorResolver{r} }
func (r *resolver) AuditEvent() generated.AuditEventResolver     { return auditEventResolver{r} }
func (r *resolver) Job() generated.JobResolver                   { return jobResolver{r} }
func (r *resolver) Mail() generated.MailResolver                 { return mailResolver{r} }
func (r *resolver) Webhook() generated.WebhookResolver           { return webhookResolver{r} }
func (r *resolver) JobResult() generated.JobResultResolver       { return jobResultResolver{r} }
func (r *resolver) ProductsPreviewRow() generated.ProductsPreviewRowResolver {
	return productsPreviewRowResolver{r}
}
func (r *resolver) ProductImpact() generated.ProductImpactResolver { return productImpactResolver{r} }
func (r *resolver) ProductsImpact() generated.ProductsImpactResolver {
	return productsImpactResolver{r}
}
func (r *resolver) Product() generated.ProductResolver             { return productResolver{r} }
func (r *resolver) UserProduct() generated.UserProductResolver     { return userProductResolver{r} }
func (r *resolver) Mutation() generated.MutationResolver           { return mutationResolver{r} }
func (r *resolver) Query() generated.QueryResolver                 { return queryResolver{r} }
func (r *resolver) Subscription() generated.SubscriptionResolver   { return subscriptionResolver{r} }
func (r *resolver) User() generated.UserResolver                   { return userResolver{r} }
func (r *resolver) UserGroupEdge() generated.UserGroupEdgeResolver { return userGroupEdgeResolver{r} }
func (r *resolver) Viewer() generated.ViewerResolver               { return viewerResolver{r} }

// caller is who asks; the middleware has put them into the request.
func caller(ctx context.Context) auth.Caller {
	who, _ := auth.CallerFrom(ctx) // without one the zero caller, whom the policy table refuses everything
	return who
}

// refusable is a payload that can say what was wrong.
type refusable[P any] interface {
	*P
	Refuse(models.Errors)
}

// answer turns what the input got wrong into data: the payload with its errors.
func answer[P any, PP refusable[P]](payload PP, err error) (PP, error) {
	var zero P
	wrong, rest := models.UserErrors(err)
	if rest != nil || err == nil {
		return payload, rest
	}
	if payload == nil {
		payload = &zero
	}
	payload.Refuse(wrong)
	return payload, nil
}

// ids takes the ids of one kind out of ids of any kind. INVALID_ID, with its index, for one of another.
func ids[ID any](given []*models.GlobalID, argument string, take func(*models.GlobalID) (*ID, error)) ([]ID, error) {
	out := make([]ID, len(given))
	for i, id := range given {
		found, err := take(id)
		if err != nil {
			return nil, at(err, argument, itoa(i))
		}
		out[i] = *found
	}
	return out, nil
}

func at(err error, path ...string) error {
	var e *models.Error
	if errors.As(err, &e) {
		return e.At(path...)
	}
	return err
}

func (r *resolver) EffectiveSetting() generated.EffectiveSettingResolver {
	return effectiveSettingResolver{r}
}

func (r *resolver) SettingReason() generated.SettingReasonResolver { return settingReasonResolver{r} }

func (r *resolver) SettingsPreviewRow() generated.SettingsPreviewRowResolver {
	return settingsPreviewRowResolver{r}
}

func (r *resolver) AccessExplanation() generated.AccessExplanationResolver {
	return accessExplanationResolver{r}
}

func (r *resolver) AccessReason() generated.AccessReasonResolver { return accessReasonResolver{r} }

func (r *resolver) AccessAction() generated.AccessActionResolver { return accessActionResolver{r} }
