//! Numbers that depend on nothing but what they are about: SplitMix64 over (seed, flow, object, day, purpose).

/// The finaliser of SplitMix64 over a value that is set apart by a second one.
pub(super) const fn mix(state: u64, value: u64) -> u64 {
    let mut z =
        state.wrapping_add(value.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number that stands for a text.
pub(super) fn of_text(state: u64, text: &str) -> u64 {
    text.bytes().fold(mix(state, text.len() as u64), |state, byte| mix(state, u64::from(byte)))
}

/// A number from 0 up to `below`, evenly enough for a bound far below 2⁶⁴.
pub(super) const fn below(hash: u64, below: u64) -> u64 {
    // The high bits, so that another remainder of the same hash stays independent of this one.
    ((hash as u128 * below as u128) >> 64) as u64
}

/// What a hash is drawn for, so that two decisions about one object never lean on each other.
pub(super) mod purpose {
    pub(crate) const CUSTOMER: u64 = 1;
    pub(crate) const COSTCENTRE: u64 = 2;
    pub(crate) const MOVE: u64 = 3;
    pub(crate) const IDENTITY: u64 = 4;
    pub(crate) const SUBJECT: u64 = 5;
    pub(crate) const WEIGHT: u64 = 6;
    pub(crate) const PHASE: u64 = 7;
    pub(crate) const TIME: u64 = 8;
    pub(crate) const QUANTITY: u64 = 9;
    pub(crate) const OBJECT: u64 = 10;
    pub(crate) const SESSION: u64 = 11;
    pub(crate) const FAULT: u64 = 12;
    pub(crate) const DIMENSION: u64 = 13;
    pub(crate) const REPLACED: u64 = 14;
    pub(crate) const ARRIVAL: u64 = 15;
}
