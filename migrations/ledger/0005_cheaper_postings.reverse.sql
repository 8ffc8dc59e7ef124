-- The checks as they were, see 0004_mixed_entries.sql.
CREATE OR REPLACE FUNCTION ledger_posting_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
               lead(p.id) OVER account IS NULL AS is_last,
               lead(p.cause) OVER account IS DISTINCT FROM p.cause AS ends_entry
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
           min(id) FILTER (WHERE held > balance AND account_kind = 'user' AND ends_entry) AS overdrawn,
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
