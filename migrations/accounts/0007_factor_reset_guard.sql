-- What was said of a reset stays said, and none of them is ever lost.
CREATE FUNCTION accounts_factor_reset_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL
        OR (NEW.user_id, NEW.asked_by_id, NEW.asked_at, NEW.words)
            IS DISTINCT FROM (OLD.user_id, OLD.asked_by_id, OLD.asked_at, OLD.words)
        OR (OLD.approved_at IS NOT NULL AND (NEW.approved_by_id, NEW.approved_at, NEW.due_at)
            IS DISTINCT FROM (OLD.approved_by_id, OLD.approved_at, OLD.due_at)) THEN
        RAISE EXCEPTION 'a reset of second factors is approved once and ends once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER accounts_factor_reset_guard BEFORE UPDATE ON accounts_factorreset
    FOR EACH ROW EXECUTE FUNCTION accounts_factor_reset_guard();
CREATE TRIGGER accounts_factor_reset_stays BEFORE DELETE OR TRUNCATE ON accounts_factorreset
    FOR EACH STATEMENT EXECUTE FUNCTION security_log_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE DELETE, TRUNCATE ON accounts_factorreset FROM kontor_app;
    END IF;
END $$;
