-- What a replica has made of the journal is evidence, and evidence is not changed.
CREATE TRIGGER outcome_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON outcome_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse();

ALTER TABLE outcome_checkpoint ADD CONSTRAINT outcome_checkpoint_is_sha256 CHECK (octet_length(chain) = 32);

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON outcome_checkpoint FROM kontor_app;
    END IF;
END $$;
