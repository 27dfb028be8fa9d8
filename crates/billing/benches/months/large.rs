//! A municipality like Linköping: 1,100 cost centres, 23 meters, 25,300 lines a month.

use domain::Month;
use domain::catalogue::{Catalogue, Meter, PriceRow, PriceState, Service};
use domain::financing::CostKind;
use domain::usage::{DailyUsage, MeterKind};

use crate::catalogue::{catalogue, day, month, owned};

pub(crate) const COSTCENTRES: usize = 1_100;
pub(crate) const METERS: usize = 23;

/// Its catalogue.
pub(crate) fn large() -> Catalogue {
    let mut catalogue = catalogue();
    let customers = ["KLF", "LEJON", "UAF"];
    for n in 0..COSTCENTRES {
        let code = format!("{}", 100_000 + n);
        catalogue.costcentres.insert(code.clone(), owned(&code, &[(customers[n % 3], "2020-01-01", None)]));
    }
    for n in 0..METERS {
        let slug = format!("tjanst-{n:02}");
        let meter = Meter {
            slug: "antal".to_owned(),
            name: "Antal".to_owned(),
            name_en: "Count".to_owned(),
            kind: MeterKind::Sum,
            unit: "st".to_owned(),
            event_type: None,
            dimensions: Vec::new(),
            billed: true,
            negative: false,
            hold_days: 31,
            cost_kind: CostKind::Running,
        };
        let service = Service {
            slug: slug.clone(),
            name: slug.clone(),
            name_en: slug.clone(),
            product: "U".to_owned(),
            start: day("2020-01-01"),
            established_from: Some(month("2020-01")),
            monthly_measured: true,
            meters: [("antal".to_owned(), meter)].into(),
        };
        catalogue.services.insert(slug.clone(), service);
        catalogue.prices.push(PriceRow {
            service: slug,
            meter: "antal".to_owned(),
            class: String::new(),
            valid_from: month("2020-01"),
            valid_to: None,
            price: "17.25".parse().unwrap(),
            model: domain::PriceModel::default(),
            cost_price: None,
            state: PriceState::Decided,
            decision: "KS".to_owned(),
        });
    }
    catalogue.prices.sort_by(|a, b| (&a.service, &a.meter, &a.class).cmp(&(&b.service, &b.meter, &b.class)));
    catalogue
}

/// What it uses on the first day of each month.
pub(crate) fn usage(first: Month, last: Month) -> Vec<DailyUsage> {
    let mut days = Vec::new();
    for month in first.through(last) {
        for meter in 0..METERS {
            for costcentre in 0..COSTCENTRES {
                days.push(DailyUsage {
                    day: month.first_day(),
                    service: format!("tjanst-{meter:02}"),
                    meter: "antal".to_owned(),
                    costcentre: format!("{}", 100_000 + costcentre),
                    class: String::new(),
                    amount: 1_234_567 + 1_000 * (meter * costcentre) as i128,
                });
            }
        }
    }
    days
}
