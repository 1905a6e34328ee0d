-- +goose Up
ALTER TABLE audit_events
    ADD KEY audit_events_object (account_id, object_id, id),
    ADD KEY audit_events_actor (account_id, actor_id, id),
    ADD KEY audit_events_action (account_id, action, id),
    ADD KEY audit_events_job (account_id, job_id, id),
    ADD KEY audit_events_outcome (account_id, outcome, id);

-- +goose Down
ALTER TABLE audit_events
    DROP KEY audit_events_object,
    DROP KEY audit_events_actor,
    DROP KEY audit_events_action,
    DROP KEY audit_events_job,
    DROP KEY audit_events_outcome;
