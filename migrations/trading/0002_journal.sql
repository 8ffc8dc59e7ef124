-- The journal is append-only, whatever the application does.
CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER order_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON order_event
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

ALTER TABLE order_event ADD CONSTRAINT order_event_seq_is_positive CHECK (seq > 0);
ALTER TABLE order_event ADD CONSTRAINT order_event_hash_is_sha256 CHECK (octet_length(hash) = 32);

-- The head only moves forward: a writer that would step back has lost its place.
CREATE FUNCTION journal_head_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.seq <= OLD.seq OR NEW.at_us < OLD.at_us OR NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'the journal head only moves forward' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

INSERT INTO journal_head (id, seq, at_us, hash) VALUES (1, 0, 0, decode(repeat('00', 32), 'hex'));
INSERT INTO projection_checkpoint (id, seq) VALUES (1, 0);

CREATE TRIGGER journal_head_guard BEFORE UPDATE OR DELETE ON journal_head
    FOR EACH ROW EXECUTE FUNCTION journal_head_guard();

-- Compare and swap: the first statement of a projector's transaction. Who comes too late writes nothing.
CREATE FUNCTION move_projection_checkpoint(expected bigint, reached bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projection_checkpoint SET seq = reached WHERE seq = expected;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint is not at %', expected USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON order_event FROM kontor_app;
        REVOKE INSERT, DELETE, TRUNCATE ON journal_head, projection_checkpoint FROM kontor_app;
        REVOKE UPDATE, DELETE, TRUNCATE ON trade, fill FROM kontor_app;
    END IF;
END $$;
