//! Random worlds: services with every kind of meter, price and share, payers of both kinds, and what they used in March
//! 2021.

use rust_decimal::Decimal;

use super::month;
use super::random::Random;
use crate::catalogue::{Catalogue, CostCentre, Customer, PriceRow};
use crate::charge::{Charge, charges};
use crate::event::CustomerKind;
use crate::financing::{CostKind, JointShare, Part, Payers, Phase};
use crate::money::{Money, Rate, UnitPrice};
use crate::price::{PriceModel, Shape, Step};
use crate::quantity::{MICROS, Quantity};
use crate::rating::tests::{meter, owned, price, service, used, used_on};
use crate::rating::{Rated, rate};
use crate::usage::{DailyUsage, MeterKind, MonthlyUsage};

pub(super) const MONTH: &str = "2021-03";

/// Four payers with three cost centres each. X1 goes from A to C and X2 from nobody to B within the month; nobody owns U.
const PAYERS: [(&str, CustomerKind); 4] = [
    ("A", CustomerKind::Forvaltning),
    ("B", CustomerKind::Forvaltning),
    ("C", CustomerKind::Bolag),
    ("D", CustomerKind::Bolag),
];
const COSTCENTRES: [&str; 15] =
    ["A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3", "D1", "D2", "D3", "U", "X1", "X2"];

pub(super) struct World {
    pub(super) catalogue: Catalogue,
    pub(super) rate: Rate,
    pub(super) usage: Vec<MonthlyUsage>,
    pub(super) days: Vec<DailyUsage>,
}

impl World {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut world = Self {
            catalogue: catalogue(random),
            rate: random.pick(&["0.03", "0.0348", "0.99999999", "0.12345678", "0", "1"]).parse().unwrap(),
            usage: Vec::new(),
            days: Vec::new(),
        };
        let mut classes: Vec<PriceRow> = world.catalogue.prices.clone();
        classes.dedup_by(|a, b| (&a.service, &a.meter, &a.class) == (&b.service, &b.meter, &b.class));
        for class in &classes {
            for costcentre in COSTCENTRES {
                if random.percent(60) {
                    world.use_more(random, class, costcentre);
                }
            }
        }
        world
    }

    fn use_more(&mut self, random: &mut Random, class: &PriceRow, costcentre: &str) {
        let kind = self.catalogue.services[&class.service].meters[&class.meter].kind;
        let amount = amount(random, kind);
        self.add(random, (&class.service, &class.meter, &class.class), costcentre, amount);
    }

    /// More usage of a class under a cost centre, on some days.
    fn add(
        &mut self,
        random: &mut Random,
        (service, meter, class): (&str, &str, &str),
        costcentre: &str,
        amount: i128,
    ) {
        self.usage.push(used(MONTH, service, meter, costcentre, class, amount));
        let mut rest = amount;
        for day in (1..31).step_by(6) {
            let part = rest / i128::from(1 + random.below(5));
            let day = format!("{MONTH}-{:02}", day + random.below(6));
            self.days.push(used_on(&day, service, meter, costcentre, class, part));
            rest -= part;
        }
        let last = format!("{MONTH}-31");
        self.days.push(used_on(&last, service, meter, costcentre, class, rest));
    }

    /// What comes after the close: more, less and other usage, and now and then an owner for U.
    pub(super) fn go_on(&mut self, random: &mut Random) {
        for row in self.usage.clone() {
            let late = match random.below(10) {
                0 => -row.amount,
                1 => row.amount / i128::from(1 + random.below(100)),
                2 => i128::from(random.below(2_000_001) - 1_000_000),
                _ => continue,
            };
            self.add(random, (&row.service, &row.meter, &row.class), &row.costcentre, late);
        }
        for _ in 0..3 {
            let class = random.pick(&self.catalogue.prices).clone();
            let costcentre = *random.pick(&COSTCENTRES);
            self.use_more(random, &class, costcentre);
        }
        if random.percent(30) {
            let owner = self.catalogue.costcentres["A1"].owners.clone();
            let found = CostCentre { code: "U".to_owned(), name: "U".to_owned(), owners: owner };
            self.catalogue.costcentres.insert("U".to_owned(), found);
        }
    }

    pub(super) fn rated(&self) -> Rated {
        rate(&self.catalogue, month(MONTH), &self.usage, &self.days)
    }

    pub(super) fn charged(&self) -> Vec<Charge> {
        charges(&self.rated(), Some(self.rate))
    }
}

/// An amount whose quantity is of some size, seldom below zero.
fn amount(random: &mut Random, kind: MeterKind) -> i128 {
    let size = *random.pick(&[1, 1_000, 1_000_000, 5_000_000_000, 1_000_000_000_000]);
    let micros = i128::from(random.below(size) + 1);
    let divisor = kind.divisor(month(MONTH));
    let amount = micros * divisor + i128::from(random.below(31)).min(divisor - 1);
    if random.percent(12) { -amount } else { amount }
}

fn catalogue(random: &mut Random) -> Catalogue {
    let customer = |(code, kind): (&str, CustomerKind)| {
        (
            code.to_owned(),
            Customer {
                code: code.to_owned(),
                name: code.to_owned(),
                kind,
                number: None,
                reference: None,
                address: None,
            },
        )
    };
    let owners = COSTCENTRES.into_iter().filter(|code| !code.starts_with(['U', 'X']));
    let mut catalogue = Catalogue {
        customers: PAYERS.into_iter().map(customer).collect(),
        costcentres: owners.map(|code| owned(code, &[(&code[..1], "2020-01-01", None)])).collect(),
        ..Catalogue::default()
    };
    catalogue.costcentres.extend([
        owned("X1", &[("A", "2020-01-01", Some("2021-03-17")), ("C", "2021-03-18", None)]),
        owned("X2", &[("B", "2021-03-05", None)]),
    ]);
    for slug in ["s0", "s1", "s2", "s3"] {
        let mut meters = Vec::new();
        for name in ["m0", "m1"] {
            let mut made = meter(name, *random.pick(&MeterKind::ALL), "st", true);
            made.1.cost_kind = *random.pick(&CostKind::ALL);
            meters.push(made);
            let classes: &[&str] = if random.percent(50) { &[""] } else { &["a", "b", "c"] };
            for class in classes {
                catalogue.prices.push(priced(random, slug, name, class));
            }
        }
        let established = random.percent(75).then_some("2021-03");
        catalogue.services.extend([service(slug, established, meters)]);
        for _ in 0..random.below(4) {
            catalogue.joint_shares.push(share(random, slug));
        }
    }
    catalogue
}

fn priced(random: &mut Random, service: &str, meter: &str, class: &str) -> PriceRow {
    let mut row = price(service, meter, class, "2020-01", None, "1");
    row.price = unit_price(random);
    row.cost_price = random.percent(30).then(|| unit_price(random));
    row.model = if random.percent(50) { PriceModel::default() } else { model(random) };
    row
}

/// From nothing to 20,000 kronor, with up to six decimals.
pub(super) fn unit_price(random: &mut Random) -> UnitPrice {
    let size = *random.pick(&[1, 100_000, 100_000_000]);
    let micros = match random.below(3) {
        0 => 1_000_000 * random.below(20_000),
        _ => random.below(size),
    };
    Decimal::new(micros, 6).to_string().parse().unwrap()
}

pub(super) fn quantity(random: &mut Random) -> Quantity {
    let size = *random.pick(&[5, 3_000_000, 10_000_000_000]);
    Quantity::from_micros(i128::from(random.below(size) + 1))
}

fn steps(random: &mut Random) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for _ in 0..=random.below(3) {
        let last = steps.last().map_or(0, |step| step.above.micros());
        let above = Quantity::from_micros(last + quantity(random).micros());
        steps.push(Step { above, price: unit_price(random) });
    }
    steps
}

pub(super) fn model(random: &mut Random) -> PriceModel {
    let shape = match random.below(5) {
        0 => Shape::PerUnit,
        1 => Shape::Graduated(steps(random)),
        2 => Shape::Volume(steps(random)),
        // Packages of a millionth would make amounts beyond what a payer can be billed.
        3 => Shape::Package(Quantity::from_micros(MICROS + quantity(random).micros())),
        _ => Shape::Flat,
    };
    let free = if random.percent(30) { quantity(random) } else { Quantity::ZERO };
    let minimum = if random.percent(30) { random.below(100_000) } else { 0 };
    PriceModel { shape, free, minimum: Money::from_ore(minimum) }
}

fn share(random: &mut Random, service: &str) -> JointShare {
    let meter = (*random.pick(&["m0", "m1"])).to_owned();
    let part = match random.below(4) {
        0 => Part::Service,
        1 => Part::CostKind(*random.pick(&CostKind::ALL)),
        2 => Part::Meter(meter),
        _ => Part::Class { meter, class: (*random.pick(&["", "a", "b", "c"])).to_owned() },
    };
    let payers = match random.below(3) {
        0 => Payers::All,
        1 => Payers::Kinds([random.pick(&PAYERS).1].into()),
        _ => Payers::Named([random.pick(&PAYERS).0.to_owned()].into()),
    };
    let share = match random.below(5) {
        0 => "0".to_owned(),
        1 => "1".to_owned(),
        2 => "0.5".to_owned(),
        _ => format!("0.{:08}", random.below(100_000_000)),
    };
    JointShare {
        service: service.to_owned(),
        part,
        payers,
        valid_from: month(MONTH),
        valid_to: None,
        share: share.parse().unwrap(),
        phase: *random.pick(&Phase::ALL),
        bearer: random.percent(30).then(|| "Digitaliseringsstaben".to_owned()),
        decision: "KS 2021-7".to_owned(),
    }
}
