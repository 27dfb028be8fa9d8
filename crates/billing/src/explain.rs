//! Why a charge is what it is.

use std::sync::Arc;

use domain::Money;
use domain::charge::Charge;
use domain::surcharge::{CLAIM_DENOMINATOR, claim};
use rust_decimal::Decimal;

use crate::bill::Bill;
use crate::biller::Biller;
use crate::error::Error;

/// A charge with everything that made it. The price row, the joint financing and their decisions stand in the charge's
/// tariff; the rate, the catalogue's version, the cut and the hash in the bill.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The charge.
    pub charge: Charge,
    /// The month that it is billed in.
    pub bill: Arc<Bill>,
    /// What the payer's surcharge for the month of the usage is reckoned on, in this bill: the net of the lines that bear
    /// it. Of a correction a difference.
    pub payer_base: Money,
    /// The payer's surcharge for the month of the usage, in this bill.
    pub payer_surcharge: Money,
    /// Rate × net of this line, exactly, in kronor: what it claims of the payer's surcharge before whole öre are handed
    /// out. None without a rate.
    pub surcharge_claim: Option<Decimal>,
}

impl Biller {
    /// Explains a charge.
    ///
    /// # Errors
    /// [`Error::UnknownCharge`] when no month has a charge with this id.
    pub async fn explain(&self, id: &str) -> crate::Result<Explanation> {
        let unknown = || Error::UnknownCharge { id: id.to_owned() };
        let month = id.get(..7).and_then(|month| month.parse().ok()).ok_or_else(unknown)?;
        let bill = self.charges(month).await?;
        let charge = bill.charge(id).ok_or_else(unknown)?.clone();
        let siblings = || {
            bill.charges.iter().filter(|other| {
                other.corrects == charge.corrects && other.customer.code == charge.customer.code
            })
        };
        // A correction carries the rate of the month that it corrects.
        let rate = match charge.corrects {
            None => bill.rate,
            Some(corrected) => match self.charges(corrected).await?.rate {
                Some(rate) => Some(rate),
                None => self.catalogue().rate(corrected).map(|rate| rate.rate),
            },
        };
        let surcharge_claim = rate.filter(|_| charge.tariff.bears_surcharge).map(|rate| {
            let ore = Decimal::from_i128_with_scale(claim(rate, charge.net), CLAIM_DENOMINATOR.ilog10());
            (ore / Decimal::ONE_HUNDRED).normalize()
        });
        Ok(Explanation {
            payer_base: siblings().filter(|other| other.tariff.bears_surcharge).map(|other| other.net).sum(),
            payer_surcharge: siblings().map(|other| other.surcharge).sum(),
            surcharge_claim,
            charge,
            bill,
        })
    }
}
