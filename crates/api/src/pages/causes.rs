//! Why a cost changed from one month to the next, in words and to the öre.

use billing::Bill;
use domain::Money;
use domain::access::Viewer;
use domain::charge::Charge;
use domain::trend::{Driver, Grain, Key, LineOf, Parts, drivers};

use super::visit::Visit;
use super::words;
use crate::language::Language;
use crate::numbers;

/// What a cost came to before and after, and what made the difference.
pub(crate) struct Causes {
    /// Which months are compared.
    pub(crate) period: String,
    /// The difference.
    pub(crate) change: String,
    /// All of it by its kinds, in a sentence.
    pub(crate) summary: String,
    pub(crate) rows: Vec<Cause>,
    /// What the others come to, and how many they are.
    pub(crate) rest: Option<(usize, String)>,
}

/// One of the things that moved most.
pub(crate) struct Cause {
    pub(crate) name: String,
    pub(crate) amount: String,
    pub(crate) why: String,
    pub(crate) href: String,
}

/// What a cause is called by, and leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// A payer of one service.
    Payer,
    /// A service of one payer.
    Service,
}

/// How many causes are named: what one takes in at a glance.
const CAUSES_MAX: usize = 8;

/// Why the cost of what a condition picks changed from one bill to another; `used_before` tells what was used in some month
/// before the two: that is not new.
pub(crate) fn causes(
    visit: &Visit,
    before: &Bill,
    after: &Bill,
    naming: Naming,
    picks: impl Fn(&Charge) -> bool,
    used_before: impl Fn(&Key<'_>) -> bool,
) -> Causes {
    let (earlier, later) = (lines(before, &visit.viewer, &picks), lines(after, &visit.viewer, &picks));
    let grain = match naming {
        Naming::Payer => Grain::Payer,
        Naming::Service => Grain::Class,
    };
    let found = drivers(&earlier, &later, grain, CAUSES_MAX);
    let language = visit.language;
    Causes {
        period: words::against(language, after.month, before.month),
        change: numbers::signed(language, found.parts.total()),
        summary: summary(language, &found.parts),
        rows: found
            .top
            .iter()
            .map(|driver| cause(visit, driver, naming, after, used_before(&driver.key)))
            .collect(),
        rest: (found.rest_count > 0)
            .then(|| (found.rest_count, numbers::signed(language, found.rest.total()))),
    }
}

/// What a service's change from one bill to another is made of, in a few words.
pub(crate) fn of_service(visit: &Visit, before: &Bill, after: &Bill, slug: &str) -> String {
    let picks = |charge: &Charge| charge.tariff.service == slug;
    let (earlier, later) = (lines(before, &visit.viewer, &picks), lines(after, &visit.viewer, &picks));
    summary(visit.language, &drivers(&earlier, &later, Grain::Payer, 0).parts)
}

fn lines<'b>(bill: &'b Bill, viewer: &Viewer, picks: &impl Fn(&Charge) -> bool) -> Vec<LineOf<'b>> {
    let sees_all = viewer.sees_all();
    let seen =
        bill.charges.iter().filter(|charge| picks(charge) && (sees_all || viewer.sees(charge.belongs())));
    seen.map(LineOf::from).collect()
}

/// The kinds of a change that are not nothing: `användning +12 000 kr, priser +1 345 kr`.
fn summary(language: Language, parts: &Parts) -> String {
    let kinds = [
        (words::of(language, "användning", "usage"), parts.volume),
        (words::of(language, "priser", "prices"), parts.price),
        (words::of(language, "tillkommet", "added"), parts.new),
        (words::of(language, "bortfallet", "dropped"), parts.ended),
        (words::of(language, "rättelser", "corrections"), parts.corrections),
        (words::of(language, "öresavrundning", "rounding"), parts.rounding),
    ];
    let told = kinds.into_iter().filter(|(_, amount)| amount.ore() != 0);
    let told = told.map(|(kind, amount)| format!("{kind} {}", signed_exactly(language, amount)));
    told.collect::<Vec<_>>().join(", ")
}

/// Whole kronor, or öre where it is less than a krona.
fn signed_exactly(language: Language, amount: Money) -> String {
    if amount.ore().abs() >= 100 {
        return numbers::signed(language, amount);
    }
    let sign = if amount.ore() > 0 { "+" } else { "" };
    format!("{sign}{}", numbers::exact_kronor(language, amount))
}

fn cause(visit: &Visit, driver: &Driver<'_>, naming: Naming, after: &Bill, is_used_before: bool) -> Cause {
    let key = driver.key;
    let unit = visit.catalogue.meter(key.service, key.meter).map_or("", |meter| meter.unit.as_str());
    let many = visit.catalogue.services.get(key.service).is_some_and(|service| service.meters.len() > 1);
    let mut what = Vec::new();
    if many || naming == Naming::Service && key.class.is_empty() {
        what.push(visit.named().meter(key.service, key.meter).to_owned());
    }
    if !key.class.is_empty() {
        what.push(visit.named().values(key.service, key.meter, key.class));
    }
    let (name, href) = match naming {
        Naming::Payer => {
            let payer = visit.catalogue.customers.get(key.payer);
            let name = payer.map_or(key.payer, |payer| payer.name.as_str());
            (name, format!("/payers/{}?month={}&service={}", key.payer, after.month, key.service))
        }
        Naming::Service => {
            (visit.named().service(key.service), format!("/services/{}?month={}", key.service, after.month))
        }
    };
    Cause {
        name: if what.is_empty() { name.to_owned() } else { format!("{name}: {}", what.join(", ")) },
        amount: numbers::signed(visit.language, driver.parts.total()),
        why: why(visit.language, driver, unit, is_used_before),
        href,
    }
}

/// What happened, in a sentence.
fn why(language: Language, driver: &Driver<'_>, unit: &str, is_used_before: bool) -> String {
    let parts = &driver.parts;
    let quantity = |quantity| words::amount(language, numbers::rounded(quantity), unit);
    let mut told = Vec::new();
    match (driver.before, driver.after) {
        (None, Some(after)) if parts.new.ore() != 0 => {
            let what = match is_used_before {
                true => {
                    words::of(language, "inte använt förra månaden, nu", "not used the month before, now")
                }
                false => words::of(language, "nytt:", "new:"),
            };
            told.push(format!("{what} {}", quantity(after.quantity)));
        }
        (Some(before), None) if parts.ended.ore() != 0 => {
            let what = words::of(language, "inte använt, förra månaden", "not used, the month before");
            told.push(format!("{what} {}", quantity(before.quantity)));
        }
        (Some(before), Some(after)) => {
            if parts.volume.ore() != 0 {
                told.push(format!(
                    "{} {} → {} ({})",
                    words::of(language, "användning", "usage"),
                    quantity(before.quantity),
                    quantity(after.quantity),
                    numbers::signed(language, parts.volume)
                ));
            }
            if parts.price.ore() != 0 {
                let prices = before.unit_price.zip(after.unit_price).filter(|(old, new)| old != new);
                let prices = prices.map_or_else(String::new, |(old, new)| {
                    let price = |price| numbers::unit_price(language, price);
                    format!(" {} → {}", price(old), price(new))
                });
                let amount = numbers::signed(language, parts.price);
                told.push(format!("{}{prices} ({amount})", words::of(language, "pris", "price")));
            }
        }
        (None, Some(_) | None) | (Some(_), None) => {}
    }
    if parts.corrections.ore() != 0 {
        let amount = signed_exactly(language, parts.corrections);
        let what = words::of(language, "rättelser av tidigare månader", "corrections of earlier months");
        told.push(format!("{what} {amount}"));
    }
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pauses_is_neither_new_nor_ended() {
        let line = LineOf {
            payer: "UAF",
            costcentre: "441001",
            service: "rpa-tjanst",
            meter: "robot_minute",
            class: "",
            quantity: domain::Quantity::parse("14").unwrap(),
            amount: Money::from_ore(1_400),
            unit_price: None,
            corrects: false,
        };
        let told = |earlier: &[LineOf<'_>], later: &[LineOf<'_>], is_used_before| {
            let found = drivers(earlier, later, Grain::Payer, 1);
            why(Language::Swedish, &found.top[0], "min", is_used_before).replace(numbers::NBSP, " ")
        };
        assert_eq!(told(&[], &[line], false), "nytt: 14 min");
        assert_eq!(told(&[], &[line], true), "inte använt förra månaden, nu 14 min");
        assert_eq!(told(&[line], &[], true), "inte använt, förra månaden 14 min");
        let parts = drivers(&[line], &[], Grain::Payer, 1).parts;
        assert_eq!(
            summary(Language::Swedish, &parts).replace(numbers::NBSP, " "),
            "bortfallet \u{2212}14 kr"
        );
    }
}
