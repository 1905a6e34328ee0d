package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r viewerResolver) ViewerCanManageWebhooks(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.webhookCreate"), nil
}

func (r queryResolver) Webhooks(ctx context.Context) ([]*models.Webhook, error) {
	return r.directory.Webhooks(ctx, caller(ctx))
}

func (r webhookResolver) Deliveries(ctx context.Context, webhook *models.Webhook, first *int32, after *string, last *int32, before *string) (*models.WebhookDeliveryConnection, error) {
	page, err := load(loadersOf(ctx).webhookDeliveries(models.PageArgs{First: first, After: after, Last: last, Before: before}), ctx, webhook.ID)
	if err != nil {
		return nil, err
	}
	own := *page // which several fields may have been given
	own.Count = func(ctx context.Context) (int, error) {
		return load(loadersOf(ctx).webhookDeliveryCounts(), ctx, webhook.ID)
	}
	return &own, nil
}

func (r mutationResolver) WebhookCreate(ctx context.Context, input models.WebhookCreateInput) (*models.WebhookCreatePayload, error) {
	return answer(r.directory.CreateWebhook(ctx, caller(ctx), input))
}

func (r mutationResolver) WebhookUpdate(ctx context.Context, input models.WebhookUpdateInput) (*models.WebhookUpdatePayload, error) {
	return answer(r.directory.UpdateWebhook(ctx, caller(ctx), input))
}

func (r mutationResolver) WebhookDelete(ctx context.Context, input models.WebhookDeleteInput) (*models.WebhookDeletePayload, error) {
	return answer(r.directory.DeleteWebhook(ctx, caller(ctx), input))
}

func (r mutationResolver) WebhookRotateSecret(ctx context.Context, input models.WebhookRotateSecretInput) (*models.WebhookRotateSecretPayload, error) {
	return answer(r.directory.RotateWebhookSecret(ctx, caller(ctx), input))
}

func (r mutationResolver) WebhookResume(ctx context.Context, input models.WebhookResumeInput) (*models.WebhookResumePayload, error) {
	return answer(r.directory.ResumeWebhook(ctx, caller(ctx), input))
}
