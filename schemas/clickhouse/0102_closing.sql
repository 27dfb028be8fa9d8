-- Who decided, as he signed it: a role or a signature. Empty where nobody did.
-- `document_last` is the last number of a document that was given out up to this close; 0 while there is none.
ALTER TABLE months
    ADD COLUMN IF NOT EXISTS decided_by String,
    ADD COLUMN IF NOT EXISTS documents UInt32,
    ADD COLUMN IF NOT EXISTS document_last UInt64;
-- Why a correction differs from what was booked: `usage`, `payer`, `spread` or `terms`. Empty for a month's own lines, and
-- for corrections from before this column.
ALTER TABLE charges
    ADD COLUMN IF NOT EXISTS reason LowCardinality(String);
-- What each company is invoiced (type 380) or credited (381) for a closed month, without VAT. `number` is unbroken over all
-- months that `months` says are closed; as with charges, what another cut left behind means nothing.
CREATE TABLE IF NOT EXISTS documents (
    month Date32,
    cut UInt64,
    number UInt64,
    type UInt16,
    customer LowCardinality(String),
    customer_name LowCardinality(String),
    net Decimal(18, 2),
    surcharge Decimal(18, 2)
)
ENGINE = {replacing}
ORDER BY (month, cut, number)
SETTINGS index_granularity = 1024;
