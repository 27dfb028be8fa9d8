-- What the control log brings about besides months and charges (design §8), and what people tell us about their sending.

-- What became of each decision, by its offset in the control log: written last, when everything that it brings about is.
-- `chain` is that of the record that was carried out, so that a record that was changed afterwards is found. `at` is when
-- it was decided. `answer` is JSON: what the one who decided is told.
CREATE TABLE IF NOT EXISTS control_outcomes (
    control UInt64,
    action LowCardinality(String),
    outcome LowCardinality(String),
    at DateTime64(6, 'UTC'),
    chain String,
    answer String CODEC(ZSTD(1))
)
ENGINE = {replacing}
ORDER BY (control)
SETTINGS index_granularity = 8192;

-- Catalogues that somebody wants to apply: their files, before the control log names their version. What is never
-- decided stays here and means nothing.
CREATE TABLE IF NOT EXISTS catalogue_proposals (
    version String,
    path String,
    bytes String CODEC(ZSTD(3))
)
ENGINE = {replacing}
ORDER BY (version, path)
SETTINGS index_granularity = 1024;

-- The control offset of what applied a version; -1 for the one that seeded the store, and those from before.
ALTER TABLE catalogue_versions ADD COLUMN IF NOT EXISTS control Int64 DEFAULT -1;

-- Collectors that nobody waits for any more (counting §7), by the decision about them. One that marks again after `at`
-- is back.
CREATE TABLE IF NOT EXISTS collectors_retired (
    collector String,
    control UInt64,
    at DateTime64(6, 'UTC'),
    why String
)
ENGINE = {replacing}
ORDER BY (collector, control)
SETTINGS index_granularity = 8192;

-- What senders say that they were answered as accepted (counting §8). The latest statement counts; `posted` is its
-- version in microseconds.
CREATE TABLE IF NOT EXISTS sender_counts (
    source String,
    day Date32,
    events UInt64,
    posted UInt64
)
ENGINE = {replacing:posted}
ORDER BY (source, day)
SETTINGS index_granularity = 8192;

-- Parked entries that were put on the intake again because the catalogue knows their meter now. `upto` is the place of
-- the last row of the quarantine that it was done for, as (generation, position) in one number: an entry that was parked
-- once more lies behind it.
CREATE TABLE IF NOT EXISTS releases (
    entry UInt128,
    upto UInt64
)
ENGINE = {replacing:upto}
ORDER BY (entry)
SETTINGS index_granularity = 8192;
