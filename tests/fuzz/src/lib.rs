//! What must hold of any bytes that are sent as events. The fuzz targets ask it of bytes that a fuzzer makes, and the tests of
//! `collect` of the seeds.

pub mod csv;
pub mod event;
