package graph

import (
	"context"

	"cohort/models"
)

func (r queryResolver) Mails(ctx context.Context, state *models.MailState, first *int32, after *string, last *int32, before *string) (*models.MailConnection, error) {
	return r.directory.Mails(ctx, caller(ctx), state, models.PageArgs{First: first, After: after, Last: last, Before: before})
}

func (r mailResolver) User(ctx context.Context, mail *models.Mail) (*models.User, error) {
	return load(loadersOf(ctx).users(), ctx, mail.UserID)
}

func (r mailResolver) Product(ctx context.Context, mail *models.Mail) (*models.Product, error) {
	if mail.Kind != models.MailKindWelcome {
		return nil, nil //nolint:nilnil // it is about several
	}
	return load(loadersOf(ctx).catalogue(), ctx, mail.ProductID)
}

func (r mailResolver) MessageID(_ context.Context, mail *models.Mail) (string, error) {
	return r.directory.MessageID(mail), nil
}

func (r mailResolver) ViewerCanRetry(ctx context.Context, mail *models.Mail) (bool, error) {
	return mail.State == models.MailStateFailed && caller(ctx).Can("Mutation.mailRetry"), nil
}

func (r mutationResolver) MailRetry(ctx context.Context, input models.MailRetryInput) (*models.MailRetryPayload, error) {
	return answer(r.directory.RetryMails(ctx, caller(ctx), input))
}
