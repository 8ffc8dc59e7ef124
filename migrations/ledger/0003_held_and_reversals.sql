-- The ledger's invariants, held by the database whatever the application does: those of before, available and held,
-- running balances, reversals, and the sums of a day. Statement triggers: one check for a whole insert.

-- The first event whose postings say what is held. What was posted before does not, and is never changed.
DO $$
DECLARE
    last bigint;
BEGIN
    SELECT coalesce(max(cause), 0) INTO last FROM ledger_entry;
    IF to_regclass('public.projection_checkpoint') IS NOT NULL THEN
        EXECUTE 'SELECT greatest($1, max(seq)) FROM projection_checkpoint' INTO last USING last;
    END IF;
    EXECUTE format(
        'CREATE FUNCTION ledger_held_since() RETURNS bigint LANGUAGE sql IMMUTABLE AS %L',
        format('SELECT %s::bigint', last + 1)
    );
END $$;

ALTER TABLE ledger_posting ADD CONSTRAINT posting_held_is_recorded
    CHECK (held IS NOT NULL OR cause < ledger_held_since());

-- The day (UTC) of a time in microseconds.
CREATE FUNCTION ledger_day_of(at_us bigint) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT date '1970-01-01' + (at_us / 86400000000)::int
$$;

INSERT INTO ledger_day (day, kind, asset, credits, debits, held)
SELECT ledger_day_of(e.at_us), a.kind, a.asset, sum(greatest(p.amount, 0)), sum(least(p.amount, 0)), 0
  FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id JOIN ledger_entry e ON e.cause = p.cause
 GROUP BY 1, 2, 3;

-- An entry and its postings arrive in one statement, by a data-modifying WITH: its triggers run when both are there.
-- The postings must name accounts and entries that exist, be all of their entries, sum to zero per entry and asset, and
-- carry on each account's balance; nobody may hold more than he has. Then the accounts and the day's sums move.
-- Since nothing is ever changed or deleted, what was checked at the insert stays true. That the postings are all of their
-- entries is seen by counting: between the first and the last cause there is nothing but what this statement brought.
-- pg_temp is named, and last: else somebody's temporary table of the same name would come before ours.
CREATE FUNCTION ledger_posting_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    batch record;
    written record;
    found record;
BEGIN
    SELECT count(*) AS postings, count(DISTINCT cause) AS entries, min(cause) AS first, max(cause) AS last
      INTO batch FROM inserted;
    SELECT count(*) AS entries, ledger_day_of(min(at_us)) AS first_day, ledger_day_of(max(at_us)) AS last_day,
           (SELECT count(*) FROM ledger_posting WHERE cause BETWEEN batch.first AND batch.last) AS postings
      INTO written FROM ledger_entry WHERE cause BETWEEN batch.first AND batch.last;
    WITH moves AS MATERIALIZED (
        SELECT p.id, p.cause, p.account_id, p.amount, p.balance, p.held,
               a.asset, a.kind AS account_kind, a.balance AS opening, a.held AS opening_held,
               coalesce(lag(p.balance) OVER account, a.balance) AS balance_before,
               coalesce(lag(p.held) OVER account, a.held, 0) AS held_before,
               lead(p.id) OVER account IS NULL AS is_last
          FROM inserted p JOIN ledger_account a ON a.id = p.account_id
        WINDOW account AS (PARTITION BY p.account_id ORDER BY p.id)
    ), moved AS (
        UPDATE ledger_account a SET balance = m.balance, held = m.held FROM moves m
         WHERE m.is_last AND a.id = m.account_id AND a.balance = m.opening AND a.held IS NOT DISTINCT FROM m.opening_held
        RETURNING a.id
    ), days AS (
        INSERT INTO ledger_day AS d (day, kind, asset, credits, debits, held)
        SELECT CASE WHEN written.first_day = written.last_day THEN written.first_day
                    ELSE (SELECT ledger_day_of(e.at_us) FROM ledger_entry e WHERE e.cause = m.cause) END,
               account_kind, asset, sum(greatest(amount, 0)), sum(least(amount, 0)), sum(held - held_before)
          FROM moves m WHERE written.entries = batch.entries GROUP BY 1, 2, 3
            ON CONFLICT (day, kind, asset) DO UPDATE SET credits = d.credits + excluded.credits,
               debits = d.debits + excluded.debits, held = d.held + excluded.held
    )
    SELECT count(*) AS postings, count(*) FILTER (WHERE is_last) AS accounts, (SELECT count(*) FROM moved) AS moved,
           min(id) FILTER (WHERE balance <> balance_before + amount) AS jumps,
           min(id) FILTER (WHERE held > balance AND account_kind = 'user') AS overdrawn,
           (SELECT min(cause) FROM (SELECT cause FROM moves GROUP BY cause, asset HAVING sum(amount) <> 0) u) AS unbalanced
      INTO found FROM moves;

    IF found.postings < batch.postings OR written.entries < batch.entries THEN
        RAISE EXCEPTION 'a posting names an entry or an account that does not exist' USING ERRCODE = 'foreign_key_violation';
    ELSIF found.unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not sum to zero', found.unbalanced USING ERRCODE = 'check_violation';
    ELSIF written.entries > batch.entries OR written.postings > batch.postings THEN
        RAISE EXCEPTION 'among the entries % to % is one that has its postings already', batch.first, batch.last
            USING ERRCODE = 'check_violation';
    ELSIF found.jumps IS NOT NULL OR found.moved <> found.accounts THEN
        RAISE EXCEPTION 'posting % does not carry on the balance of its account', found.jumps
            USING ERRCODE = 'check_violation';
    ELSIF found.overdrawn IS NOT NULL THEN
        RAISE EXCEPTION 'posting % leaves less than is held', found.overdrawn USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_posting_inserted AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION ledger_posting_inserted();

-- An entry has postings. One that reverses another is its mirror: together they leave every account as it was.
CREATE FUNCTION ledger_entry_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    bad record;
BEGIN
    SELECT e.cause INTO bad FROM inserted e
     WHERE NOT EXISTS (SELECT FROM ledger_posting p WHERE p.cause = e.cause) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings', bad.cause USING ERRCODE = 'check_violation';
    END IF;
    SELECT e.cause, e.reverses INTO bad FROM inserted e
     WHERE e.reverses IS NOT NULL AND (
           e.reverses >= e.cause
        OR NOT EXISTS (SELECT FROM ledger_entry o WHERE o.cause = e.reverses)
        OR EXISTS (SELECT FROM ledger_posting p WHERE p.cause IN (e.cause, e.reverses)
                    GROUP BY p.account_id HAVING sum(p.amount) <> 0)
           ) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is not the mirror of entry %', bad.cause, bad.reverses USING ERRCODE = 'check_violation';
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
CREATE TRIGGER ledger_day_no_delete BEFORE DELETE OR TRUNCATE ON ledger_day
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- Balances and the sums of a day are moved by the trigger on postings and by nobody else, the owner included.
CREATE FUNCTION ledger_moved_by_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% is moved by postings alone: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_account_moved_by_postings BEFORE UPDATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved_by_postings();
CREATE TRIGGER ledger_day_moved_by_postings BEFORE INSERT OR UPDATE ON ledger_day
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_moved_by_postings();

-- A new account starts at nothing.
CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.balance <> 0 OR NEW.held IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'ledger account must start at zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_account_guard BEFORE INSERT ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();

-- The application's role may only insert; what the triggers above move, they move as the owner.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_app') THEN
        REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entry, ledger_posting, ledger_account FROM kontor_app;
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ledger_day FROM kontor_app;
    END IF;
END $$;
