DROP FUNCTION move_projection_checkpoint(bigint, bigint, bytea);

CREATE FUNCTION move_projection_checkpoint(expected bigint, reached bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projection_checkpoint SET seq = reached WHERE seq = expected;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint is not at %', expected USING ERRCODE = 'serialization_failure';
    END IF;
END $$;
