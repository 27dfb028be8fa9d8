-- What is billed. A closed month is written whole under the offset in the control log of what closed it, and the row in
-- `months` that says so comes last: a close that is resumed or done twice writes the same rows again.

-- `line` is the line's place in the month's order. `usage_month` is the month of the usage: another one than `month` is
-- the closed month that the line corrects, and then every number is a difference. The terms stand beside the numbers,
-- with the names as they were, so that a frozen line reads the same when the catalogue has moved on. `unit_price` and
-- `cost_price` are -1 where there is none; without joint financing `joint_from` is 1970-01-01.
CREATE TABLE IF NOT EXISTS charges (
    month Date32,
    cut UInt64,
    line UInt32,
    usage_month Date32,
    customer LowCardinality(String),
    customer_name LowCardinality(String),
    customer_kind LowCardinality(String),
    costcentre LowCardinality(String),
    service LowCardinality(String),
    service_name LowCardinality(String),
    product LowCardinality(String),
    meter LowCardinality(String),
    meter_name LowCardinality(String),
    kind LowCardinality(String),
    class LowCardinality(String),
    unit LowCardinality(String),
    quantity Decimal(38, 6),
    billed_before Decimal(38, 6),
    unit_price Decimal(18, 6),
    cost_price Decimal(18, 6),
    price_from Date32,
    price_decision LowCardinality(String),
    joint_share Decimal(18, 8),
    joint_from Date32,
    joint_phase LowCardinality(String),
    joint_decision LowCardinality(String),
    bears_surcharge UInt8,
    gross Decimal(18, 2),
    joint Decimal(18, 2),
    net Decimal(18, 2),
    surcharge Decimal(18, 2)
)
ENGINE = {replacing}
ORDER BY (month, cut, line)
SETTINGS index_granularity = 1024;

-- What became of each decision about a month, by its offset in the control log. `outcome` is `preliminary`, `closed`,
-- `refused` (with the blockers as JSON) or `unchanged` (the month was closed already: the first decision won). `rate` is
-- -1 where none was in force. `at` is when it was decided, not when it was carried out, so that it can be carried out again.
CREATE TABLE IF NOT EXISTS months (
    control UInt64,
    month Date32,
    outcome LowCardinality(String),
    at DateTime64(6, 'UTC'),
    catalogue String,
    rate Decimal(18, 8),
    rate_decision String,
    accepted_gaps String,
    blockers String,
    lines UInt64,
    gross Decimal(18, 2),
    joint Decimal(18, 2),
    net Decimal(18, 2),
    surcharge Decimal(18, 2),
    hash String
)
ENGINE = {replacing}
ORDER BY (control)
SETTINGS index_granularity = 8192;
