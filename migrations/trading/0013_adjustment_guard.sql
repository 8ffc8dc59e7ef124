-- Whoever looks at an adjustment later sees what was asked for, who decided, and by which event it was carried out.
CREATE FUNCTION adjustment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.kind, NEW.account_id, NEW.asset, NEW.amount_atoms, NEW.credit_seq, NEW.reason, NEW.idempotency_key,
        NEW.takes_two, NEW.asked_by_id, NEW.asked_at)
            IS DISTINCT FROM (OLD.id, OLD.kind, OLD.account_id, OLD.asset, OLD.amount_atoms, OLD.credit_seq, OLD.reason,
        OLD.idempotency_key, OLD.takes_two, OLD.asked_by_id, OLD.asked_at)
        OR (OLD.decided_at IS NOT NULL AND (NEW.decided_by_id, NEW.decided_at, NEW.approved)
            IS DISTINCT FROM (OLD.decided_by_id, OLD.decided_at, OLD.approved))
        OR (OLD.event_seq IS NOT NULL AND NEW.event_seq IS DISTINCT FROM OLD.event_seq) THEN
        RAISE EXCEPTION 'an adjustment is asked for, decided and carried out once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION adjustment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an adjustment is never deleted' USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER adjustment_guard BEFORE UPDATE ON adjustment
    FOR EACH ROW EXECUTE FUNCTION adjustment_guard();
CREATE TRIGGER adjustment_stays BEFORE DELETE OR TRUNCATE ON adjustment
    FOR EACH STATEMENT EXECUTE FUNCTION adjustment_stays();
