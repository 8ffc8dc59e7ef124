-- The ledger's invariants, held by the database whatever the application does.
-- Statement triggers with transition tables: one check for a whole insert, not one for every row.

-- A posting's insert must sum to zero per entry and asset, and name accounts and entries that exist. An entry and its
-- postings arrive in one statement, by a data-modifying WITH: its triggers run when both are there. Since nothing is
-- ever changed or deleted, what was checked at the insert stays true. The same statement moves the accounts' balances.
CREATE FUNCTION ledger_posting_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    bad record;
BEGIN
    SELECT p.cause, p.account_id INTO bad FROM inserted p
     WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.id = p.account_id)
        OR NOT EXISTS (SELECT FROM ledger_entry e WHERE e.cause = p.cause) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting of entry % to account %: one of them does not exist', bad.cause, bad.account_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT p.cause, a.asset, sum(p.amount) AS total INTO bad
      FROM inserted p JOIN ledger_account a ON a.id = p.account_id
     GROUP BY p.cause, a.asset HAVING sum(p.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not sum to zero in %: %', bad.cause, bad.asset, bad.total
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_account a SET balance = a.balance + s.total
      FROM (SELECT account_id, sum(amount) AS total FROM inserted GROUP BY account_id) s
     WHERE a.id = s.account_id;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_posting_inserted AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_posting_inserted();

CREATE FUNCTION ledger_entry_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    bad record;
BEGIN
    SELECT e.cause INTO bad FROM inserted e
     WHERE NOT EXISTS (SELECT FROM ledger_posting p WHERE p.cause = e.cause) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings', bad.cause USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entry_inserted AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_entry_inserted();

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER ledger_posting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_account_no_delete BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- A new account starts at nothing, and an account's identity never changes.
CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.balance <> 0 THEN
        RAISE EXCEPTION 'ledger account must start at zero' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.owner, NEW.asset, NEW.kind) IS DISTINCT FROM (OLD.id, OLD.owner, OLD.asset, OLD.kind) THEN
        RAISE EXCEPTION 'identity of ledger account % never changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();

-- The application's role may only insert; balances move by the trigger above, which runs as the owner.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entry, ledger_posting, ledger_account FROM kontor_app;
    END IF;
END $$;
