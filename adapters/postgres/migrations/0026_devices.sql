-- A play that was begun on a device and has not been ended; a device has one, and those that strangers have end by time.
CREATE INDEX play_sessions_device_idx ON ops.play_sessions (account_id, device_id)
    WHERE device_id IS NOT NULL AND ended_at IS NULL;

-- Starts plays that do not count, each in the place of what plays on the same device of the same account; of several in
-- one call the last one plays. Strangers have no account, and theirs is not to be asked for here.
--
-- Kept apart as `ops.start_counted_plays` keeps its own apart, by the same locks in the same order.
CREATE FUNCTION ops.start_plays_on_devices(
    session_ids uuid[], account_ids uuid[], video_ids uuid[], device_ids text[], sign_in_ids uuid[],
    starts timestamptz[], ends timestamptz[]
)
RETURNS TABLE (started uuid, resume_at_seconds double precision) VOLATILE LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('streams'), key)
    FROM (SELECT DISTINCT hashtext(id::text) AS key FROM unnest(account_ids) AS id ORDER BY key) AS keys;

    WITH former AS (
        SELECT play.session_id, wanted.now
        FROM unnest(account_ids, device_ids, starts) AS wanted (account_id, device_id, now)
        JOIN ops.play_sessions AS play ON play.account_id = wanted.account_id AND play.device_id = wanted.device_id
        WHERE play.ended_at IS NULL ORDER BY play.session_id FOR UPDATE OF play
    )
    UPDATE ops.play_sessions AS play SET ended_at = former.now FROM former WHERE play.session_id = former.session_id;

    RETURN QUERY
    INSERT INTO ops.play_sessions
        (session_id, account_id, video_id, device_id, sign_in_id, started_at, ends_at, last_seen_at, position_seconds,
         ended_at)
    SELECT session_id, account_id, video_id, device_id, sign_in_id, now, ends_at, now, coalesce((
            SELECT position_seconds FROM ops.play_sessions AS former
            WHERE former.account_id = wanted.account_id AND former.video_id = wanted.video_id
            ORDER BY last_seen_at DESC LIMIT 1
        ), 0), lead(now) OVER (PARTITION BY account_id, device_id ORDER BY place)
    FROM unnest(session_ids, account_ids, video_ids, device_ids, sign_in_ids, starts, ends) WITH ORDINALITY
        AS wanted (session_id, account_id, video_id, device_id, sign_in_id, now, ends_at, place)
    RETURNING session_id, position_seconds;
END $$;
