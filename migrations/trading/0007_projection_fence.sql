-- The read models follow this journal and no other: what a process has folded of a tail that the database lost since
-- (a fail-over, a restore) is not written. Compare and swap as before.
DROP FUNCTION move_projection_checkpoint(bigint, bigint);

CREATE FUNCTION move_projection_checkpoint(expected bigint, reached bigint, reached_hash bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projection_checkpoint SET seq = reached WHERE seq = expected;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint is not at %', expected USING ERRCODE = 'serialization_failure';
    END IF;
    PERFORM FROM order_event WHERE seq = reached AND hash = reached_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the journal does not hold event % as it was folded', reached USING ERRCODE = 'data_corrupted';
    END IF;
END $$;
