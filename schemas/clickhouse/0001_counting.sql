-- The tables of counting.md §5: every row is a pure function of a prefix of the log, under a key made of log positions.
--
-- {replacing} and {replacing:version} stand for ReplacingMergeTree or its replicated form: store::Engine says which. A
-- partition key is always a function of the row's key, so that equal keys meet in one partition and replace each other.

-- The topics that have been counted. Another topic, or another number of partitions, is another generation.
CREATE TABLE IF NOT EXISTS generations (
    generation UInt16,
    topic String,
    partitions UInt32
)
ENGINE = {replacing}
ORDER BY (generation)
SETTINGS index_granularity = 8192;

-- Identities: one row for each (event, revision), of its lowest position. `precedence` falls as (generation, position)
-- rises. `effect`, and what follows it to `refused`, is what a later revision subtracts.
CREATE TABLE IF NOT EXISTS events (
    event_key UInt128 CODEC(NONE),
    seq UInt32,
    generation UInt16,
    partition UInt32,
    position UInt64 CODEC(Delta, LZ4),
    precedence UInt64,
    fingerprint UInt128 CODEC(NONE),
    effect Enum8('none' = 0, 'sum' = 1, 'count' = 2, 'observation' = 3, 'subject' = 4, 'marker' = 5),
    service LowCardinality(String),
    meter LowCardinality(String),
    costcentre LowCardinality(String),
    class LowCardinality(String),
    series String CODEC(ZSTD(1)),
    day Date32,
    quantity Decimal(38, 9),
    retracted UInt8,
    count UInt32,
    refused UInt32,
    source LowCardinality(String),
    id String CODEC(ZSTD(1)),
    subject String CODEC(ZSTD(1)),
    time DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    received DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    customer LowCardinality(String),
    object String CODEC(ZSTD(1)),
    dims String CODEC(ZSTD(1))
)
ENGINE = {replacing:precedence}
PARTITION BY toYYYYMM(time)
ORDER BY (event_key, seq)
SETTINGS index_granularity = 1024;

-- Sums of sum and count meters: the totals since the window's start, up to `upto`.
CREATE TABLE IF NOT EXISTS cells (
    month Date32,
    service LowCardinality(String),
    meter LowCardinality(String),
    costcentre LowCardinality(String),
    class LowCardinality(String),
    day Date32,
    generation UInt16,
    partition UInt32,
    window UInt64,
    upto UInt64,
    amount Int128
)
ENGINE = {replacing:upto}
PARTITION BY month
ORDER BY (month, service, meter, costcentre, class, day, generation, partition, window)
SETTINGS index_granularity = 8192;

-- Observations of every other kind of meter: signed and never replaced.
CREATE TABLE IF NOT EXISTS observations (
    service LowCardinality(String),
    meter LowCardinality(String),
    source LowCardinality(String),
    subject String CODEC(ZSTD(1)),
    time DateTime64(6, 'UTC') CODEC(Delta, LZ4),
    event_key UInt128 CODEC(NONE),
    generation UInt16,
    partition UInt32,
    position UInt64,
    sign Int8,
    id String CODEC(ZSTD(1)),
    seq UInt32,
    series String CODEC(ZSTD(1)),
    day Date32,
    costcentre LowCardinality(String),
    class LowCardinality(String),
    quantity Decimal(38, 9),
    retracted UInt8
)
ENGINE = {replacing}
PARTITION BY toYYYYMM(time)
PRIMARY KEY (service, meter, source, subject, time)
ORDER BY (service, meter, source, subject, time, event_key, generation, partition, position, sign)
SETTINGS index_granularity = 4096;

-- Markers of complete snapshots, signed as observations are.
CREATE TABLE IF NOT EXISTS snapshots (
    service LowCardinality(String),
    meter LowCardinality(String),
    source LowCardinality(String),
    day Date32,
    time DateTime64(6, 'UTC'),
    event_key UInt128,
    generation UInt16,
    partition UInt32,
    position UInt64,
    sign Int8,
    id String,
    count UInt32,
    refused UInt32
)
ENGINE = {replacing}
ORDER BY (service, meter, source, day, time, event_key, generation, partition, position, sign)
SETTINGS index_granularity = 8192;

-- What has been counted: written last. `version` is (upto, sealed) as 2 × upto + sealed. The touched months and the
-- outcomes are those since the window's start. `barrier` is the control offset of the barrier that sealed the window,
-- -1 without one; `barrier_received` is that barrier's instant in microseconds.
CREATE TABLE IF NOT EXISTS progress (
    generation UInt16,
    partition UInt32,
    window UInt64,
    version UInt64,
    upto UInt64,
    sealed UInt8,
    barrier Int64,
    barrier_received Int64,
    touched_month Array(Date32),
    touched_service Array(String),
    touched_meter Array(String),
    touched_carries Array(UInt8),
    outcome_source Array(String),
    outcome_day Array(Date32),
    outcome_name Array(String),
    outcome_count Array(UInt64)
)
ENGINE = {replacing:version}
ORDER BY (generation, partition, window)
SETTINGS index_granularity = 1024;

-- Up to when each collector's spool is known to be empty (counting.md §7), by what it wrote to each partition.
CREATE TABLE IF NOT EXISTS marks (
    collector String,
    generation UInt16,
    partition UInt32,
    position UInt64,
    spool_empty_until DateTime64(6, 'UTC')
)
ENGINE = {replacing:position}
ORDER BY (collector, generation, partition)
SETTINGS index_granularity = 8192;

-- What was not counted, by its place in the log. `origin` is the topic: `usage` for what the aggregator judged,
-- `quarantine` for what collectors refused or parked. `entry` is the same for the same event with the same fault.
-- `event` is absent where it may hold personal data.
CREATE TABLE IF NOT EXISTS quarantine (
    origin LowCardinality(String),
    generation UInt16,
    partition UInt32,
    position UInt64,
    entry UInt128,
    code LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    source String,
    id String,
    hash String,
    received DateTime64(6, 'UTC'),
    event Nullable(String) CODEC(ZSTD(1))
)
ENGINE = {replacing}
ORDER BY (origin, generation, partition, position)
SETTINGS index_granularity = 1024;
