package graph_test

// partner is the id of a new partner client.
func (a *api) partner() string {
	a.t.Helper()
	made := a.done("partnerClientCreate", "partnerClient { id }", vars{"name": "Partner", "scopes": []string{"USERS_READ"}})
	return get(made, "partnerClient.id").(string)
}
