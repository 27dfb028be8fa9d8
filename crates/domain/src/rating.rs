//! Usage becomes lines.
