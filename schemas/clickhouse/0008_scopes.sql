-- What a key is about, besides the sources of a collector: the services of an object leader, the customers and the cost
-- centres of a payer.
ALTER TABLE keys ADD COLUMN IF NOT EXISTS services Array(String) AFTER sources;
ALTER TABLE keys ADD COLUMN IF NOT EXISTS customers Array(String) AFTER services;
ALTER TABLE keys ADD COLUMN IF NOT EXISTS costcentres Array(String) AFTER customers;
