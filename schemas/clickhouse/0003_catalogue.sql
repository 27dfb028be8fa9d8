-- The catalogue's versions: the files as they were applied. The one with the greatest (applied, version) is in force.
CREATE TABLE IF NOT EXISTS catalogue_versions (
    applied DateTime64(6, 'UTC'),
    version String,
    path String,
    bytes String CODEC(ZSTD(3))
)
ENGINE = {replacing}
ORDER BY (applied, version, path)
SETTINGS index_granularity = 1024;
