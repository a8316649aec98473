-- What a video platform is still to do about a video. Written by a policy before its position moves on, deleted once it
-- is done; what fails is due again later, for ever, and holds up no other.
CREATE TABLE ops.platform_tasks (
    video_id     uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('remove', 'show_captions', 'cancel_uploads')),
    platform     text NOT NULL,
    wish         bigint NOT NULL DEFAULT 1,                     -- one higher each time that it is asked for
    due_at       timestamptz NOT NULL DEFAULT now(),            -- real time
    leased_until timestamptz NOT NULL DEFAULT '-infinity',      -- somebody is at it until then
    attempts     integer NOT NULL DEFAULT 0,                    -- that failed
    error        text,                                          -- what the last of them said
    PRIMARY KEY (video_id, kind)
);

CREATE INDEX platform_tasks_due_idx ON ops.platform_tasks (platform, due_at);
