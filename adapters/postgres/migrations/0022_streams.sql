-- Whether a play counts against its plan's limit of streams.
ALTER TABLE ops.play_sessions ADD COLUMN counted boolean NOT NULL DEFAULT false;

CREATE INDEX play_sessions_counted_idx ON ops.play_sessions (account_id) WHERE counted AND ended_at IS NULL;

-- Starts plays that count, one after the other in the order given, each where its account has a stream left or the oldest
-- are to give way; a play on the device of another one takes its place. Those that it finds silent it ends, so that no
-- late heartbeat wakes them.
--
-- One statement for its caller. Inside, each statement sees what was committed before it began (READ COMMITTED): so
-- whoever has waited for the account's lock counts the plays of those who had it before. Locks are taken in one order
-- everywhere: by number, then plays by id, as heartbeats take them.
CREATE FUNCTION ops.start_counted_plays(
    session_ids uuid[], account_ids uuid[], video_ids uuid[], device_ids text[], sign_in_ids uuid[],
    starts timestamptz[], ends timestamptz[], limits integer[], evict_oldest boolean[], silence_max interval
)
-- Where the play resumes; or null, and the plays that are in its way as JSON.
RETURNS TABLE (started uuid, resume_at_seconds double precision, in_the_way text) VOLATILE LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    one record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('streams'), key)
    FROM (SELECT DISTINCT hashtext(id::text) AS key FROM unnest(account_ids) AS id ORDER BY key) AS keys;

    PERFORM FROM ops.play_sessions
    WHERE account_id = ANY(account_ids) AND counted AND ended_at IS NULL ORDER BY session_id FOR UPDATE;

    FOR one IN
        SELECT * FROM unnest(
            session_ids, account_ids, video_ids, device_ids, sign_in_ids, starts, ends, limits, evict_oldest
        ) AS wanted (session_id, account_id, video_id, device_id, sign_in_id, now, ends_at, most, evicts)
    LOOP
        RETURN QUERY
        WITH others AS (
            SELECT play.session_id, play.video_id, play.device_id, play.started_at, play.last_seen_at,
                row_number() OVER (ORDER BY play.started_at DESC, play.session_id) AS place
            FROM ops.play_sessions AS play LEFT JOIN ops.sessions AS sign_in ON sign_in.session_id = play.sign_in_id
            WHERE play.account_id = one.account_id AND play.counted AND play.ended_at IS NULL
                AND play.ends_at > one.now AND play.last_seen_at > one.now - silence_max
                AND (one.device_id IS NULL OR play.device_id IS DISTINCT FROM one.device_id)
                AND (play.sign_in_id IS NULL OR (sign_in.session_id IS NOT NULL AND sign_in.ended_at IS NULL))
        ), room AS (
            SELECT one.evicts OR count(*) < one.most AS found FROM others
        ), ended AS (
            UPDATE ops.play_sessions SET ended_at = one.now FROM room
            WHERE room.found AND account_id = one.account_id AND counted AND ended_at IS NULL
                AND session_id NOT IN (SELECT session_id FROM others WHERE place < one.most)
        ), begun AS (
            INSERT INTO ops.play_sessions
                (session_id, account_id, video_id, device_id, sign_in_id, started_at, ends_at, last_seen_at,
                 position_seconds, counted)
            SELECT one.session_id, one.account_id, one.video_id, one.device_id, one.sign_in_id, one.now, one.ends_at,
                one.now, coalesce((
                    SELECT position_seconds FROM ops.play_sessions
                    WHERE account_id = one.account_id AND video_id = one.video_id
                    ORDER BY last_seen_at DESC LIMIT 1
                ), 0), true
            FROM room WHERE room.found
            RETURNING position_seconds
        )
        SELECT one.session_id, (SELECT position_seconds FROM begun), (
            SELECT json_agg(json_build_object(
                'session_id', session_id, 'video_id', video_id, 'device_id', device_id,
                'started_at', started_at, 'last_seen_at', last_seen_at
            ) ORDER BY started_at, session_id)::text FROM others
        );
    END LOOP;
END $$;
