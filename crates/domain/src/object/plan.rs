//! A year as it was planned: its volumes at its prices.

use super::RateBasis;
use crate::calendar::Month;
use crate::catalogue::Catalogue;
use crate::financing::Phase;
use crate::money::Money;
use crate::rating::Tariff;

/// What the required rate of a year would be if every month had the planned volumes: the budget with what goes with it, and
/// the planned turnover at each month's prices. Volumes are planned for all payers together, so steps and allowances are
/// taken once a month, and joint financing for some payers alone is left out.
pub fn planned(catalogue: &Catalogue, year: i32) -> RateBasis {
    let budget = catalogue.object.budgets.get(&year);
    let mut basis = RateBasis {
        budget: budget.map(super::Budget::to_collect).unwrap_or_default(),
        from_elsewhere: budget.map(super::Budget::from_elsewhere).unwrap_or_default(),
        ..RateBasis::default()
    };
    for month in (1..=12).filter_map(|number| Month::new(year, number)) {
        for planned in &catalogue.volumes {
            let class = (planned.service.as_str(), planned.meter.as_str(), planned.class.as_str());
            let Some(tariff) = Tariff::of(catalogue, class, None, month) else { continue };
            let Some(terms) = &tariff.price else { continue };
            let gross = terms.model.gross(terms.price, planned.volume).unwrap_or_default();
            let joint = tariff.joint.as_ref().map_or(Money::ZERO, |joint| joint.share.of(gross));
            if tariff.bears_surcharge {
                basis.turnover += gross - joint;
            }
            if tariff
                .joint
                .as_ref()
                .is_some_and(|joint| joint.phase == Phase::Permanent && joint.bearer.is_none())
            {
                basis.joint += joint;
            }
            if let Some(cost) = terms.cost_price {
                basis.adjustments += gross - cost.times(planned.volume).unwrap_or_default();
            }
        }
    }
    basis
}
