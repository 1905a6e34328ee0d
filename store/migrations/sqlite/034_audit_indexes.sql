-- +goose Up
-- The events of an operation come in their order; on MySQL each index ends with the primary key by itself.
DROP INDEX audit_events_operation;
CREATE INDEX audit_events_operation ON audit_events (account_id, operation_id, id);
CREATE INDEX audit_events_object ON audit_events (account_id, object_id, id);
CREATE INDEX audit_events_actor ON audit_events (account_id, actor_id, id);
CREATE INDEX audit_events_action ON audit_events (account_id, action, id);
CREATE INDEX audit_events_job ON audit_events (account_id, job_id, id);
CREATE INDEX audit_events_outcome ON audit_events (account_id, outcome, id);

-- +goose Down
DROP INDEX audit_events_operation;
CREATE INDEX audit_events_operation ON audit_events (account_id, operation_id);
DROP INDEX audit_events_object;
DROP INDEX audit_events_actor;
DROP INDEX audit_events_action;
DROP INDEX audit_events_job;
DROP INDEX audit_events_outcome;
