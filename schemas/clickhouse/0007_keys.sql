-- Keys of callers. Only a hash of a key is stored. A decision about a key writes its whole row again, and the last one
-- counts. `sources` are those that a sender may send for. `expires` is in microseconds; the greatest number without.
CREATE TABLE IF NOT EXISTS keys (
    id String,
    name String,
    role LowCardinality(String),
    sources Array(String),
    hash String,
    created DateTime64(6, 'UTC'),
    expires Int64,
    revoked UInt8,
    control UInt64
)
ENGINE = {replacing:control}
ORDER BY (id)
SETTINGS index_granularity = 8192;
