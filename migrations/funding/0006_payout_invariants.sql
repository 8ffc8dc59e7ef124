-- A payout goes from state to state as funding/payout_states.py says; what was planned, signed or sent stays as it is.
CREATE FUNCTION funding_payout_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.chain, NEW.asset, NEW.purpose, NEW.anchor_id, NEW.change_address_id, NEW.target_script, NEW.target_atoms)
        IS DISTINCT FROM (OLD.chain, OLD.asset, OLD.purpose, OLD.anchor_id, OLD.change_address_id, OLD.target_script, OLD.target_atoms)
    THEN
        RAISE EXCEPTION 'a payout stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.is_shown AND NOT NEW.is_shown) OR (OLD.is_cancelled AND NOT NEW.is_cancelled) OR (OLD.is_booked AND NOT NEW.is_booked)
        OR (OLD.fee_seq IS NOT NULL AND NEW.fee_seq IS DISTINCT FROM OLD.fee_seq)
        OR (OLD.move_seq IS NOT NULL AND NEW.move_seq IS DISTINCT FROM OLD.move_seq) THEN
        RAISE EXCEPTION 'what happened to a payout cannot be undone' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'building>signed', 'building>dissolved', 'signed>broadcast', 'broadcast>mined',
        'mined>broadcast', 'mined>final', 'mined>returned'])) THEN
        RAISE EXCEPTION 'a payout cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'dissolved' AND NEW.is_shown THEN
        RAISE EXCEPTION 'a payout that was shown to the signer is not dissolved' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION funding_attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.payout_id, NEW.number, NEW.kind, NEW.txid, NEW.psbt, NEW.fee_atoms, NEW.size_vbytes)
        IS DISTINCT FROM (OLD.payout_id, OLD.number, OLD.kind, OLD.txid, OLD.psbt, OLD.fee_atoms, OLD.size_vbytes)
        OR (OLD.transaction <> '' AND NEW.transaction <> OLD.transaction) THEN
        RAISE EXCEPTION 'an attempt stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION funding_coin_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.chain, NEW.txid, NEW.vout, NEW.amount_atoms, NEW.wallet_id, NEW.index, NEW.deposit_id, NEW.change_address_id)
        IS DISTINCT FROM (OLD.chain, OLD.txid, OLD.vout, OLD.amount_atoms, OLD.wallet_id, OLD.index, OLD.deposit_id, OLD.change_address_id)
        OR (OLD.refill_seq IS NOT NULL AND NEW.refill_seq IS DISTINCT FROM OLD.refill_seq) THEN
        RAISE EXCEPTION 'a coin stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.is_spent AND (NOT NEW.is_spent OR NEW.payout_id IS DISTINCT FROM OLD.payout_id) THEN
        RAISE EXCEPTION 'a coin is spent once' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.payout_id IS NOT NULL AND NEW.payout_id IS NOT NULL AND NEW.payout_id <> OLD.payout_id THEN
        RAISE EXCEPTION 'a coin is set aside for one payout' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION funding_stop_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.asset, NEW.words, NEW.stopped_at) IS DISTINCT FROM (OLD.asset, OLD.words, OLD.stopped_at) OR OLD.lifted_at IS NOT NULL THEN
        RAISE EXCEPTION 'a stop stays what it is, and is lifted once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER funding_payout_guard BEFORE UPDATE ON funding_payout
    FOR EACH ROW EXECUTE FUNCTION funding_payout_guard();
CREATE TRIGGER funding_attempt_guard BEFORE UPDATE ON funding_attempt
    FOR EACH ROW EXECUTE FUNCTION funding_attempt_guard();
CREATE TRIGGER funding_coin_guard BEFORE UPDATE ON funding_coin
    FOR EACH ROW EXECUTE FUNCTION funding_coin_guard();
CREATE TRIGGER funding_stop_guard BEFORE UPDATE ON funding_withdrawal_stop
    FOR EACH ROW EXECUTE FUNCTION funding_stop_guard();
CREATE TRIGGER funding_payout_stays BEFORE DELETE OR TRUNCATE ON funding_payout
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_attempt_stays BEFORE DELETE OR TRUNCATE ON funding_attempt
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_coin_stays BEFORE DELETE OR TRUNCATE ON funding_coin
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_stop_stays BEFORE DELETE OR TRUNCATE ON funding_withdrawal_stop
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_change_address_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_change_address
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();
CREATE TRIGGER funding_payout_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON funding_payout_step
    FOR EACH STATEMENT EXECUTE FUNCTION funding_refuse();

DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE DELETE, TRUNCATE ON funding_payout, funding_attempt, funding_coin, funding_withdrawal_stop FROM kontor_app;
        REVOKE UPDATE, DELETE, TRUNCATE ON funding_change_address, funding_payout_step FROM kontor_app;
    END IF;
END $$;

-- The outputs of deposits that were found before coins were written down.
INSERT INTO funding_coin (chain, txid, vout, amount_atoms, wallet_id, index, deposit_id, block_hash, block_height, is_spent)
SELECT d.chain, d.txid, d.vout, d.amount_atoms, a.wallet_id, a.index, d.id, d.block_hash, d.block_height, false
FROM funding_deposit d JOIN funding_address a ON a.id = d.address_id;
