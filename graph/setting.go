package graph

import (
	"context"

	"cohort/models"
)

func (r queryResolver) SettingDefinitions(context.Context) ([]*models.SettingDefinition, error) {
	return models.SettingDefinitions, nil
}

func (r queryResolver) SettingsSummary(ctx context.Context, selection models.UserSelection, keys []string) (*models.SettingsSummary, error) {
	return r.directory.SummariseSettings(ctx, caller(ctx), &selection, keys)
}

func (r accountResolver) Settings(ctx context.Context, _ *models.Account, keys []string) ([]*models.EffectiveSetting, error) {
	return r.directory.AccountSettings(ctx, caller(ctx), keys)
}

func (r accountResolver) ViewerCanSetSettings(ctx context.Context, _ *models.Account) (bool, error) {
	return caller(ctx).Can("Mutation.accountSettingsSet"), nil
}

func (r userResolver) Settings(ctx context.Context, user *models.User, keys []string) ([]*models.EffectiveSetting, error) {
	return load(loadersOf(ctx).settingsOf(keys), ctx, user.ID)
}

func (r userResolver) ViewerCanSetSettings(ctx context.Context, user *models.User) (bool, error) {
	return caller(ctx).CanOn("Mutation.userSettingsSet", user.ID, user.Role), nil
}

func (r groupResolver) Settings(ctx context.Context, group *models.Group, keys []string) ([]*models.EffectiveSetting, error) {
	return load(loadersOf(ctx).settingsOfGroups(keys), ctx, group.ID)
}

func (r groupResolver) ViewerCanSetSettings(ctx context.Context, _ *models.Group) (bool, error) {
	return caller(ctx).Can("Mutation.groupSettingsSet"), nil
}

func (r effectiveSettingResolver) Group(ctx context.Context, setting *models.EffectiveSetting) (*models.Group, error) {
	return groupHolding(ctx, setting.GroupID)
}

func (r settingReasonResolver) Group(ctx context.Context, reason *models.SettingReason) (*models.Group, error) {
	return groupHolding(ctx, reason.GroupID)
}

func groupHolding(ctx context.Context, id *models.GroupID) (*models.Group, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // what no group holds
	}
	return load(loadersOf(ctx).groups(), ctx, *id)
}

func (r settingsPreviewRowResolver) User(ctx context.Context, row *models.ProductsPreviewRow) (*models.User, error) {
	return load(loadersOf(ctx).users(), ctx, row.UserID)
}

func (r mutationResolver) AccountSettingsSet(ctx context.Context, input models.AccountSettingsSetInput) (*models.AccountSettingsSetPayload, error) {
	return answer(r.directory.SetAccountSettings(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupSettingsSet(ctx context.Context, input models.GroupSettingsSetInput) (*models.GroupSettingsSetPayload, error) {
	return answer(r.directory.SetGroupSettings(ctx, caller(ctx), input))
}

func (r mutationResolver) GroupsSettingsSet(ctx context.Context, input models.GroupsSettingsSetInput) (*models.GroupsSettingsSetPayload, error) {
	return answer(r.directory.SetGroupsSettings(ctx, caller(ctx), input))
}

func (r mutationResolver) UserSettingsSet(ctx context.Context, input models.UserSettingsSetInput) (*models.UserSettingsSetPayload, error) {
	return answer(r.directory.SetUserSettings(ctx, caller(ctx), input))
}

func (r mutationResolver) UsersSettingsSet(ctx context.Context, input models.UsersSettingsSetInput) (*models.UsersSettingsSetPayload, error) {
	return answer(r.directory.SetUsersSettings(ctx, caller(ctx), input))
}
