package graph

import (
	"context"

	"cohort/auth"
	"cohort/models"
)

func (r viewerResolver) PartnerClient(ctx context.Context, who *auth.Caller) (*models.PartnerClient, error) {
	return r.directory.OwnPartnerClient(ctx, *who)
}

func (r viewerResolver) ViewerCanManagePartnerClients(_ context.Context, who *auth.Caller) (bool, error) {
	return who.Can("Mutation.partnerClientCreate"), nil
}

func (r queryResolver) PartnerClients(ctx context.Context) ([]*models.PartnerClient, error) {
	return r.directory.PartnerClients(ctx, caller(ctx))
}

func (r mutationResolver) PartnerClientCreate(ctx context.Context, input models.PartnerClientCreateInput) (*models.PartnerClientCreatePayload, error) {
	return answer(r.directory.CreatePartnerClient(ctx, caller(ctx), input))
}

func (r mutationResolver) PartnerClientRotate(ctx context.Context, input models.PartnerClientRotateInput) (*models.PartnerClientRotatePayload, error) {
	return answer(r.directory.RotatePartnerClient(ctx, caller(ctx), input))
}

func (r mutationResolver) PartnerClientRevoke(ctx context.Context, input models.PartnerClientRevokeInput) (*models.PartnerClientRevokePayload, error) {
	return answer(r.directory.RevokePartnerClient(ctx, caller(ctx), input))
}
