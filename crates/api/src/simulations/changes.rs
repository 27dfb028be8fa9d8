//! A change as it is asked for → one that can be simulated.

use domain::catalogue::{Catalogue, Meter, PriceRow, Service};
use domain::event::CustomerKind;
use domain::financing::{CostKind, JointShare, Part, Payers, Phase};
use domain::simulation::{Change as Simulated, Percent, Price, Selection, What};
use domain::{Month, Rate};
use serde::Deserialize;

use super::{month, wrong};
use crate::problem::Problem;

/// One change: exactly one of `rate`, `price`, `price_percent`, `joint` and `volume_percent`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) meter: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) cost_kind: Option<String>,
    pub(crate) customers: Option<Vec<String>>,
    pub(crate) customer_kinds: Option<Vec<String>>,
    pub(crate) rate: Option<String>,
    pub(crate) price: Option<String>,
    pub(crate) price_percent: Option<String>,
    pub(crate) joint: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) volume_percent: Option<String>,
}

impl Change {
    /// Reads the change, whose fields `at` names as the caller knows them. Without months of its own it holds for all that
    /// are simulated.
    pub(crate) fn read(
        &self,
        at: &impl Fn(&str) -> String,
        catalogue: &Catalogue,
        (first, last): (Month, Month),
    ) -> Result<Simulated, Problem> {
        let bound = |name: &str, text: &Option<String>, default| match text {
            Some(text) => month(&at(name), text),
            None => Ok(default),
        };
        let (from, to) = (bound("from", &self.from, first)?, bound("to", &self.to, last)?);
        if to < from {
            let name = at("to");
            return Err(wrong(format!("{name}: före from"), format!("{name}: before from")));
        }
        let given = [&self.rate, &self.price, &self.price_percent, &self.joint, &self.volume_percent];
        if given.into_iter().flatten().count() != 1 {
            let (name, all) = (at("rate"), "rate, price, price_percent, joint, volume_percent");
            return Err(wrong(
                format!("{name}: ange precis en av {all}"),
                format!("{name}: give exactly one of {all}"),
            ));
        }
        let what = self.what(at, catalogue, (from, to))?;
        Ok(Simulated { from, to: Some(to), what })
    }

    fn what(
        &self,
        at: &impl Fn(&str) -> String,
        catalogue: &Catalogue,
        (from, to): (Month, Month),
    ) -> Result<What, Problem> {
        if let Some(text) = &self.rate {
            return Ok(What::Rate(fraction(&at("rate"), text)?));
        }
        let selection = self.selection(at, catalogue)?;
        if let Some(text) = &self.price {
            let price = text.parse().map_err(|_| {
                let name = at("price");
                wrong(
                    format!("{name}: {text:?} är inget pris, skriv kronor som \"105.50\""),
                    format!("{name}: {text:?} is no price, write kronor as \"105.50\""),
                )
            })?;
            return Ok(What::Price(selection, Price::Kronor(price)));
        }
        if let Some(text) = &self.price_percent {
            return Ok(What::Price(selection, Price::Percent(percent(&at("price_percent"), text)?)));
        }
        if let Some(text) = &self.volume_percent {
            return Ok(What::Volume(selection, percent(&at("volume_percent"), text)?));
        }
        let text = self.joint.as_deref().unwrap_or_default();
        let share = fraction(&at("joint"), text)?;
        let phase = match &self.phase {
            Some(name) => Phase::from_name(name).ok_or_else(|| unknown(&at("phase"), name))?,
            None => Phase::Development,
        };
        Ok(What::Joint(JointShare {
            part: self.part(at, &selection)?,
            payers: self.payers(at, catalogue)?,
            service: selection.service,
            valid_from: from,
            valid_to: Some(to),
            share,
            phase,
            bearer: None,
            decision: String::new(),
        }))
    }

    /// The service, meter and class, which must be there.
    fn selection(&self, at: &impl Fn(&str) -> String, catalogue: &Catalogue) -> Result<Selection, Problem> {
        let slug = self.service.as_deref().unwrap_or_default();
        let service: &Service = catalogue.services.get(slug).ok_or_else(|| unknown(&at("service"), slug))?;
        let meter = match &self.meter {
            Some(slug) => {
                let found: &Meter = service.meters.get(slug).ok_or_else(|| unknown(&at("meter"), slug))?;
                Some(found)
            }
            None => None,
        };
        if let Some(class) = &self.class {
            let is_priced = |row: &PriceRow| {
                row.service == slug && Some(&row.meter) == self.meter.as_ref() && row.class == *class
            };
            if !catalogue.prices.iter().any(is_priced) {
                return Err(unknown(&at("class"), class));
            }
        }
        Ok(Selection {
            service: service.slug.clone(),
            meter: meter.map(|meter| meter.slug.clone()),
            class: self.class.clone(),
        })
    }

    fn part(&self, at: &impl Fn(&str) -> String, selection: &Selection) -> Result<Part, Problem> {
        Ok(match (&self.cost_kind, &selection.meter, &selection.class) {
            (None, None, _) => Part::Service,
            (None, Some(meter), None) => Part::Meter(meter.clone()),
            (None, Some(meter), Some(class)) => Part::Class { meter: meter.clone(), class: class.clone() },
            (Some(name), None, _) => {
                Part::CostKind(CostKind::from_name(name).ok_or_else(|| unknown(&at("cost_kind"), name))?)
            }
            (Some(name), Some(_), _) => return Err(unknown(&at("cost_kind"), name)),
        })
    }

    fn payers(&self, at: &impl Fn(&str) -> String, catalogue: &Catalogue) -> Result<Payers, Problem> {
        match (&self.customers, &self.customer_kinds) {
            (None, None) => Ok(Payers::All),
            (Some(codes), None) => {
                let stranger = codes.iter().find(|code| !catalogue.customers.contains_key(*code));
                match stranger {
                    Some(code) => Err(unknown(&at("customers"), code)),
                    None => Ok(Payers::Named(codes.iter().cloned().collect())),
                }
            }
            (None, Some(names)) => {
                let kind = |name: &String| {
                    CustomerKind::from_name(name).ok_or_else(|| unknown(&at("customer_kinds"), name))
                };
                Ok(Payers::Kinds(names.iter().map(kind).collect::<Result<_, _>>()?))
            }
            (Some(_), Some(_)) => {
                let name = at("customers");
                Err(wrong(
                    format!("{name}: ange antingen customers eller customer_kinds"),
                    format!("{name}: give either customers or customer_kinds"),
                ))
            }
        }
    }
}

fn unknown(name: &str, value: &str) -> Problem {
    wrong(format!("{name}: {value:?} finns inte"), format!("{name}: there is no {value:?}"))
}

fn fraction(name: &str, text: &str) -> Result<Rate, Problem> {
    text.parse().map_err(|_| {
        wrong(
            format!("{name}: {text:?} är ingen andel från 0 till 1, skriv 3 % som \"0.03\""),
            format!("{name}: {text:?} is no fraction from 0 to 1, write 3 % as \"0.03\""),
        )
    })
}

fn percent(name: &str, text: &str) -> Result<Percent, Problem> {
    let decimal = rust_decimal::Decimal::from_str_exact(text).ok();
    decimal.and_then(Percent::new).ok_or_else(|| {
        wrong(
            format!("{name}: {text:?} är inga procent från -100 till 1000, skriv till exempel \"10\""),
            format!("{name}: {text:?} is no percentage from -100 to 1000, write for example \"10\""),
        )
    })
}
