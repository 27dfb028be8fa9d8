//! Why a closed month is corrected, line by line.

/// What made a line of a closed month differ from what is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The cost centre used another quantity than was billed: usage came late, was revised or taken back.
    Usage,
    /// The quantity is the same in all, but another payer's: the cost centre changed hands.
    Payer,
    /// The quantity is this payer's as before. Its price is for all that the payer uses (steps, packages, allowance,
    /// minimum), and the use of others of its cost centres changed, so that it was spread anew.
    Spread,
    /// Quantity and payer are as before: the terms of the closed month are others.
    Terms,
}

impl Reason {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Usage => "usage",
            Reason::Payer => "payer",
            Reason::Spread => "spread",
            Reason::Terms => "terms",
        }
    }

    /// The reason with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Reason::Usage, Reason::Payer, Reason::Spread, Reason::Terms].into_iter().find(|r| r.name() == name)
    }
}
