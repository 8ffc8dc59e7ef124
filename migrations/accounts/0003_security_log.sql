-- The security log is append-only, whatever the application does.
CREATE FUNCTION security_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER security_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_securityevent
    FOR EACH STATEMENT EXECUTE FUNCTION security_log_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON accounts_securityevent FROM kontor_app;
    END IF;
END $$;
