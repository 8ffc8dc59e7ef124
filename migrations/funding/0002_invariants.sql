-- A deposit goes from state to state as funding/states.py says, keeps what it is, and its steps are append-only.
CREATE FUNCTION funding_deposit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.chain, NEW.txid, NEW.vout, NEW.address_id, NEW.account_id, NEW.asset, NEW.amount_atoms)
        IS DISTINCT FROM (OLD.chain, OLD.txid, OLD.vout, OLD.address_id, OLD.account_id, OLD.asset, OLD.amount_atoms) THEN
        RAISE EXCEPTION 'a deposit stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.round < OLD.round OR (NEW.round > OLD.round AND NOT (OLD.state = 'reversed' AND NEW.state = 'confirming')) THEN
        RAISE EXCEPTION 'a deposit is credited again only after a reversal' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'seen>gone', 'seen>confirming', 'gone>seen', 'gone>confirming',
        'confirming>seen', 'confirming>crediting', 'confirming>refused',
        'crediting>credited', 'crediting>refused', 'credited>reversing',
        'reversing>reversed', 'reversing>deficit', 'reversed>confirming', 'deficit>reversing', 'deficit>credited'])) THEN
        RAISE EXCEPTION 'a deposit cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_deposit_guard BEFORE UPDATE ON funding_deposit
    FOR EACH ROW EXECUTE FUNCTION funding_deposit_guard();

CREATE FUNCTION funding_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER funding_deposit_stays BEFORE DELETE OR TRUNCATE ON funding_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_address_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_address
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_deposit_step
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE DELETE, TRUNCATE ON funding_deposit FROM kontor_app;
        REVOKE UPDATE, DELETE, TRUNCATE ON funding_address, funding_deposit_step FROM kontor_app;
    END IF;
END $$;
