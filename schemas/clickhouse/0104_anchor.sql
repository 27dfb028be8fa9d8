-- The chain of the decision in the control log: printed in exports, it shows later that the log before it is as it was.
ALTER TABLE months
    ADD COLUMN IF NOT EXISTS chain String;
