//! The money rules of the object plan, shown: each that computes something is worked by hand in a test that has its number
//! in its name, and what must hold whatever is used and decided is tried on a million random lines.
//!
//! | Rule | Where it is worked by hand |
//! |---|---|
//! | R1, R2, R20 | `object::tests`: the budget's parts and what its roles cost |
//! | R3 | [`golden`]: the turnover |
//! | R4, R6 | `charge::tests`, and [`golden`]: which services and payers bear the surcharge |
//! | R5, R5b | `object::tests`: the required rate; `charge::tests`: 3 % of the year |
//! | R7 | [`golden`]: a rate is its months' |
//! | R8 | `object::tests`: the object's account; [`sums`]: it never contains N |
//! | R9 | [`golden`]: usage gives its lines and no others |
//! | R10 | `object::tests`, and [`golden`]: contributions of a month and its corrections |
//! | R11, R13 | `rating::tests` and `financing::tests`: shares, their scopes and phases |
//! | R12 | [`golden`]: the first and the last month of a share |
//! | R14 | computes nothing: no price depends on who has to use a service |
//! | R15 | [`golden`]: what is financed jointly for good |
//! | R16, R21 | `object::tests`: projects and transfers |
//! | R17, R18, R23 | reports, gaps and what is followed up: not of this crate |
//! | R19 | `price::tests`: the models; [`golden`]: only what is decided bills |
//! | R22 | [`golden`]: the bearer changes |
//! | D1, D2, D5 | [`golden`]: the surcharge's base, its own line, its rate in corrections |
//! | rounding | [`rounding`], beside the tests of quantities, amounts and the spreading |

mod corrected;
mod golden;
mod random;
mod rounding;
mod rows;
mod sums;
mod tiers;
mod worlds;

use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::charge::{Charge, charges};
use crate::rating::rate;
use crate::usage::MonthlyUsage;

/// How many random lines are rated at least: each property asserts its part.
const _: () = assert!(sums::LINES_MIN + rows::LINES_MIN + corrected::LINES_MIN >= 1_000_000);

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// A month's charges at the rate in force.
fn charged(catalogue: &Catalogue, at: &str, usage: &[MonthlyUsage]) -> Vec<Charge> {
    charges(&rate(catalogue, month(at), usage, &[]), catalogue.rate(month(at)).map(|row| row.rate))
}

/// `month.[corrected.]customer.costcentre.service.meter.class quantity: gross − joint = net + surcharge`
fn shown(charges: &[Charge]) -> Vec<String> {
    let line = |c: &Charge| {
        format!("{} {}: {} − {} = {} + {}", c.id(), c.quantity, c.gross, c.joint, c.net, c.surcharge)
    };
    charges.iter().map(line).collect()
}
