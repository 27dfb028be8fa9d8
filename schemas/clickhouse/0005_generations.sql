-- What generations, the identity horizon and the books need (counting.md §4, §5, §8).

-- `starts` is the offset in each partition where the generation begins: 0 where there is none, as of a new topic. `why` it
-- was begun, and when.
ALTER TABLE generations
    ADD COLUMN IF NOT EXISTS starts Array(UInt64),
    ADD COLUMN IF NOT EXISTS why String,
    ADD COLUMN IF NOT EXISTS begun DateTime64(6, 'UTC');

-- An id that is used again after the horizon is a new event with a row of its own. `place` is (generation, position) as one
-- number, `life` the place of the identity's first revision since it was last forgotten: its revisions are the rows of one
-- life. Rows from before this migration have 0 in both; they are one life.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS place UInt64 CODEC(Delta, LZ4),
    ADD COLUMN IF NOT EXISTS life UInt64 CODEC(Delta, LZ4),
    MODIFY ORDER BY (event_key, seq, place);

-- The greatest batch number of each collector's epoch up to `upto`, over all windows of the partition so far: a greater
-- one is a record that comes for the first time. `outcome_name` now also has what the headers say: `accepted`, `resent`
-- and `released`.
ALTER TABLE progress
    ADD COLUMN IF NOT EXISTS batch_collector Array(String),
    ADD COLUMN IF NOT EXISTS batch_epoch Array(UInt64),
    ADD COLUMN IF NOT EXISTS batch_greatest Array(UInt64);

-- The Swedish day of `received`, and what the record's header says: which record of which collector it was (the same
-- again is the same event, told twice), and whether the event had been parked before and was released.
ALTER TABLE quarantine
    ADD COLUMN IF NOT EXISTS day Date32 DEFAULT toDate32(toTimeZone(received, 'Europe/Stockholm')),
    ADD COLUMN IF NOT EXISTS collector String,
    ADD COLUMN IF NOT EXISTS epoch UInt64,
    ADD COLUMN IF NOT EXISTS batch UInt64,
    ADD COLUMN IF NOT EXISTS released UInt8;
