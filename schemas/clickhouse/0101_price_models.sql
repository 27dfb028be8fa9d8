-- The words of a price's model, as the price list has them; empty for quantity × price.
ALTER TABLE charges
    ADD COLUMN IF NOT EXISTS price_model LowCardinality(String);
