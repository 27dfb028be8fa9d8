//! The object's surcharge.
