-- Who bears a jointly financed part instead of the object; empty when it is the object.
ALTER TABLE charges
    ADD COLUMN IF NOT EXISTS joint_bearer LowCardinality(String);
