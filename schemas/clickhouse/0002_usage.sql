-- What the roll-up writes and everybody else reads. A revision of a (month, service, meter) is written whole under its
-- own key, and the row in `revisions` that names it comes last; a reader takes one revision and never mixes two.

CREATE TABLE IF NOT EXISTS usage_month (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    revision UInt128,
    costcentre LowCardinality(String),
    class LowCardinality(String),
    amount Int128
)
ENGINE = {replacing}
PARTITION BY month
ORDER BY (month, service, meter, revision, costcentre, class)
SETTINGS index_granularity = 1024;

-- The days of a month add up to usage_month exactly.
CREATE TABLE IF NOT EXISTS usage_day (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    revision UInt128,
    costcentre LowCardinality(String),
    class LowCardinality(String),
    day Date32,
    amount Int128
)
ENGINE = {replacing}
PARTITION BY month
ORDER BY (month, service, meter, revision, costcentre, class, day)
SETTINGS index_granularity = 1024;

-- The distinct subjects of `unique` meters, so that any group of cost centres can be counted anew. `subject` is the
-- first 128 bits of BLAKE3 of it.
CREATE TABLE IF NOT EXISTS usage_subjects (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    revision UInt128,
    costcentre LowCardinality(String),
    class LowCardinality(String),
    subject UInt128 CODEC(NONE)
)
ENGINE = {replacing}
PARTITION BY month
ORDER BY (month, service, meter, revision, costcentre, class, subject)
SETTINGS index_granularity = 1024;

-- Days without data (`missing`), days that were filled with an earlier snapshot (`estimated`), and observations beyond
-- the one that counts of a subject's day (`excess`). `subject` and `series` are empty where a whole source is meant.
CREATE TABLE IF NOT EXISTS usage_gaps (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    revision UInt128,
    kind LowCardinality(String),
    source String,
    subject String,
    series String,
    first_day Date32,
    last_day Date32,
    count UInt64
)
ENGINE = {replacing}
PARTITION BY month
ORDER BY (month, service, meter, revision, kind, source, subject, series, first_day)
SETTINGS index_granularity = 1024;

-- The heads. `cut` is the control offset of the barriers that the revision stands for, -1 for a preview. Of several
-- previews the one with the greatest (generation, reach, until, revision) is the newest; `reach` is the sum of `as_of`.
CREATE TABLE IF NOT EXISTS revisions (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    cut Int64,
    revision UInt128,
    generation UInt16,
    as_of Array(UInt64),
    reach UInt64,
    until DateTime64(6, 'UTC'),
    written DateTime64(6, 'UTC')
)
ENGINE = {replacing}
ORDER BY (month, service, meter, cut, revision)
SETTINGS index_granularity = 1024;

-- The cuts that are rolled up whole: written after all their heads.
CREATE TABLE IF NOT EXISTS cuts (
    cut UInt64,
    generation UInt16,
    as_of Array(UInt64),
    until DateTime64(6, 'UTC')
)
ENGINE = {replacing}
ORDER BY (cut)
SETTINGS index_granularity = 8192;
