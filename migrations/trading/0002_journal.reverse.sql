DROP TRIGGER order_event_append_only ON order_event;
DROP TRIGGER journal_head_guard ON journal_head;
DROP FUNCTION move_projection_checkpoint(bigint, bigint);
DROP FUNCTION journal_refuse();
DROP FUNCTION journal_head_guard();
ALTER TABLE order_event DROP CONSTRAINT order_event_seq_is_positive;
ALTER TABLE order_event DROP CONSTRAINT order_event_hash_is_sha256;
DELETE FROM journal_head;
DELETE FROM projection_checkpoint;
