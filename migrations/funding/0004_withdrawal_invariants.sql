-- A withdrawal begins as a request to an address that its account has registered and that has cooled down, goes from state to
-- state as funding/states.py says, keeps what it is, and is approved only by so many others as it takes.
CREATE FUNCTION funding_withdrawal_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'requested' OR NEW.hold_seq IS NOT NULL OR NEW.release_seq IS NOT NULL OR NEW.settle_seq IS NOT NULL
        OR NEW.payout_id IS NOT NULL OR NEW.txid IS NOT NULL THEN
        RAISE EXCEPTION 'a withdrawal begins as a request' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM FROM funding_withdrawal_address
        WHERE id = NEW.destination_id AND removed_at IS NULL AND usable_from <= NEW.requested_at
            AND (account_id, asset, chain, address, script)
                = (NEW.account_id, NEW.asset, NEW.chain, NEW.address, NEW.script)
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a withdrawal goes to an address of its account that may be used' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_withdrawal_begins BEFORE INSERT ON funding_withdrawal
    FOR EACH ROW EXECUTE FUNCTION funding_withdrawal_begins();

CREATE FUNCTION funding_withdrawal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    approving bigint;
    rejecting bigint;
BEGIN
    IF (NEW.account_id, NEW.idempotency_key, NEW.destination_id, NEW.asset, NEW.chain, NEW.address, NEW.script,
            NEW.amount_atoms, NEW.fee_atoms, NEW.value_cents, NEW.approvals_needed, NEW.requested_at)
        IS DISTINCT FROM (OLD.account_id, OLD.idempotency_key, OLD.destination_id, OLD.asset, OLD.chain, OLD.address,
            OLD.script, OLD.amount_atoms, OLD.fee_atoms, OLD.value_cents, OLD.approvals_needed, OLD.requested_at) THEN
        RAISE EXCEPTION 'a withdrawal stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.hold_seq IS NOT NULL AND NEW.hold_seq IS DISTINCT FROM OLD.hold_seq)
        OR (OLD.release_seq IS NOT NULL AND NEW.release_seq IS DISTINCT FROM OLD.release_seq)
        OR (OLD.settle_seq IS NOT NULL AND NEW.settle_seq IS DISTINCT FROM OLD.settle_seq)
        OR (OLD.ends_as IS NOT NULL AND NEW.ends_as IS DISTINCT FROM OLD.ends_as) THEN
        RAISE EXCEPTION 'an event of a withdrawal is written once' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.payout_id IS DISTINCT FROM OLD.payout_id
        AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY['approved>batched', 'batched>approved'])) THEN
        RAISE EXCEPTION 'a withdrawal stays in its payout' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'requested>held', 'requested>refused', 'held>reviewing', 'held>approved', 'held>releasing',
        'reviewing>approved', 'reviewing>releasing', 'approved>batched', 'approved>releasing',
        'batched>approved', 'batched>signed', 'batched>releasing', 'signed>broadcast', 'signed>releasing',
        'broadcast>mined', 'broadcast>releasing', 'mined>broadcast', 'mined>settling', 'settling>settled',
        'releasing>cancelled', 'releasing>rejected', 'releasing>returned'])) THEN
        RAISE EXCEPTION 'a withdrawal cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'approved' AND OLD.state IN ('held', 'reviewing') THEN
        SELECT count(*) FILTER (WHERE approves), count(*) FILTER (WHERE NOT approves) INTO approving, rejecting
            FROM funding_approval WHERE withdrawal_id = NEW.id;
        IF approving < NEW.approvals_needed OR rejecting > 0 THEN
            RAISE EXCEPTION 'withdrawal % takes % approvals and has %', NEW.id, NEW.approvals_needed, approving
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_withdrawal_guard BEFORE UPDATE ON funding_withdrawal
    FOR EACH ROW EXECUTE FUNCTION funding_withdrawal_guard();

CREATE FUNCTION funding_approval_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT w.state, a.owner_id INTO found
        FROM funding_withdrawal w JOIN accounts_account a ON a.id = w.account_id WHERE w.id = NEW.withdrawal_id;
    IF found.owner_id = NEW.by_id THEN
        RAISE EXCEPTION 'nobody decides on a withdrawal of his own' USING ERRCODE = 'check_violation';
    END IF;
    IF found.state <> 'reviewing' AND (NEW.approves OR found.state NOT IN ('held', 'approved')) THEN
        RAISE EXCEPTION 'withdrawal % is not to be decided', NEW.withdrawal_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_approval_guard BEFORE INSERT ON funding_approval
    FOR EACH ROW EXECUTE FUNCTION funding_approval_guard();

CREATE FUNCTION funding_withdrawal_address_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.account_id, NEW.asset, NEW.chain, NEW.address, NEW.script, NEW.label, NEW.created_at, NEW.usable_from)
        IS DISTINCT FROM (OLD.account_id, OLD.asset, OLD.chain, OLD.address, OLD.script, OLD.label, OLD.created_at,
            OLD.usable_from) OR OLD.removed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a withdrawal address stays what it is, and is removed once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_withdrawal_address_guard BEFORE UPDATE ON funding_withdrawal_address
    FOR EACH ROW EXECUTE FUNCTION funding_withdrawal_address_guard();

CREATE TRIGGER funding_withdrawal_stays BEFORE DELETE OR TRUNCATE ON funding_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_withdrawal_address_stays BEFORE DELETE OR TRUNCATE ON funding_withdrawal_address
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_withdrawal_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_withdrawal_step
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_approval_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_approval
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE DELETE, TRUNCATE ON funding_withdrawal, funding_withdrawal_address FROM kontor_app;
        REVOKE UPDATE, DELETE, TRUNCATE ON funding_withdrawal_step, funding_approval FROM kontor_app;
        REVOKE UPDATE ON funding_withdrawal_address FROM kontor_app;
        GRANT UPDATE (removed_at) ON funding_withdrawal_address TO kontor_app;
    END IF;
END $$;
