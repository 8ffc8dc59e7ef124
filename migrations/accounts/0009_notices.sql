-- What everybody was told, and that it was taken back, stays as it was.
CREATE FUNCTION notice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER accounts_notice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_notice
    FOR EACH STATEMENT EXECUTE FUNCTION notice_refuse();
CREATE TRIGGER accounts_notice_withdrawal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts_notice_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION notice_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON accounts_notice, accounts_notice_withdrawal FROM kontor_app;
    END IF;
END $$;
