//! What a new catalogue may not change: closed months, and what a meter is (design §7).

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use domain::Month;
use domain::calendar::next_day;
use domain::catalogue::{Agreement, Catalogue, Dimension, Meter};
use domain::financing::CostKind;

use crate::check::Checked;
use crate::finding::{Code, Finding, Findings, Place, say};
use crate::rows::Object;

/// Finds the changes from one catalogue to another that must be refused: whatever is valid in a month up to
/// `last_closed`, except for the payer of cost centres that had none then; and a meter's kind, unit, rating or series
/// dimensions, whatever is closed.
pub fn changes_closed_month(old: &Catalogue, new: &Checked, last_closed: Option<Month>) -> Vec<Finding> {
    let mut comparison = Comparison { old, new, findings: Findings::default() };
    comparison.meters(last_closed.is_some());
    if let Some(last) = last_closed {
        comparison.money(last);
        comparison.kinds();
        comparison.owners(last.last_day());
        comparison.agreements(last.last_day());
    }
    comparison.findings.0
}

/// Finds the meters that a new catalogue lacks although usage was counted on them, as (service, meter): their usage would be
/// in no month's figures, and what is still on the log could not be counted.
pub fn removes_used_meters(new: &Checked, used: &BTreeSet<(String, String)>) -> Vec<Finding> {
    let mut findings = Findings::default();
    for (service, meter) in
        used.iter().filter(|(service, meter)| new.catalogue.meter(service, meter).is_none())
    {
        findings.add(
            Code::MeterChanged,
            &Place::file(file_of(Object::Meter)),
            say(
                format!("mätaren {service}/{meter} är borta, men har användning"),
                format!("meter {service}/{meter} is gone, but has usage"),
            ),
            say(
                "låt mätaren stå kvar; sätt debiteras = false om den inte ska kosta något",
                "leave the meter in; set debiteras = false if it is to cost nothing",
            ),
        );
    }
    findings.0
}

struct Comparison<'c> {
    old: &'c Catalogue,
    new: &'c Checked,
    findings: Findings,
}

impl Comparison<'_> {
    fn place(&self, object: Object, key: &str, file: &str) -> Place {
        let known = self.new.places.get(&(object, key.to_owned()));
        known.cloned().unwrap_or_else(|| Place::file(file))
    }

    fn closed(&mut self, place: &Place, swedish: String, english: String) {
        self.findings.add(
            Code::ClosedMonthChanged,
            place,
            say(swedish, english),
            say(
                "låt ändringen börja i en öppen månad; det som är stängt rättas med korrigeringar",
                "let the change begin in an open month; what is closed is mended by corrections",
            ),
        );
    }

    fn meters(&mut self, any_closed: bool) {
        let old = self.old;
        for service in old.services.values() {
            for before in service.meters.values() {
                let key = format!("{}/{}", service.slug, before.slug);
                let place = self.place(Object::Meter, &key, "tjanster/");
                let Some(after) = self.new.catalogue.meter(&service.slug, &before.slug) else {
                    if any_closed {
                        self.closed(
                            &place,
                            format!("mätaren {key} är borta"),
                            format!("meter {key} is gone"),
                        );
                    }
                    continue;
                };
                if identity(before) != identity(after) {
                    self.findings.add(
                        Code::MeterChanged,
                        &place,
                        say(
                            format!("slag, enhet, prisklass eller serie har ändrats för {key}"),
                            format!("the kind, unit, rating or series dimensions of {key} changed"),
                        ),
                        say("lägg till en ny mätare med egen slug", "add a new meter with a slug of its own"),
                    );
                } else if any_closed && undated(before) != undated(after) {
                    self.closed(
                        &place,
                        format!(
                            "debiteras, haller_dagar eller kostnadsslag har ändrats för {key}, också bakåt i tiden"
                        ),
                        format!("billing, hold days or kind of cost of {key} changed, also back in time"),
                    );
                }
            }
        }
    }

    /// Prices, rates, shares and the surcharge's base, month by month.
    fn money(&mut self, last: Month) {
        let (old, new) = (self.old, self.new);
        let Some(first) = first_month(old).into_iter().chain(first_month(&new.catalogue)).min() else {
            return;
        };
        let mut reported = BTreeSet::new();
        for month in first.through(last) {
            let (before, after) = (facts(old, month), facts(&new.catalogue, month));
            let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
            for key in keys {
                if before.get(&key) == after.get(&key) || !reported.insert(key.clone()) {
                    continue;
                }
                let shown =
                    |fact: Option<&Fact>| fact.map_or_else(|| "–".to_owned(), |fact| fact.value.clone());
                let (from, to) = (shown(before.get(&key)), shown(after.get(&key)));
                let place = match after.get(&key) {
                    Some(fact) => self.place(key.0, &fact.key, file_of(key.0)),
                    None => Place::file(file_of(key.0)),
                };
                let (swedish, english) =
                    (key.0.label(crate::Language::Swedish), key.0.label(crate::Language::English));
                let name = if key.1.is_empty() { String::new() } else { format!(" {}", key.1) };
                self.closed(
                    &place,
                    format!("{swedish}{name} ändras i den stängda månaden {month}: {from} → {to}"),
                    format!("{english}{name} changes in the closed month {month}: {from} → {to}"),
                );
            }
        }
    }

    /// What customers are: it decides about their joint financing and their VAT, for all time.
    fn kinds(&mut self) {
        let old = self.old;
        for (code, before) in &old.customers {
            let Some(after) = self.new.catalogue.customers.get(code) else { continue };
            if before.kind != after.kind {
                let (from, to) = (before.kind.name(), after.kind.name());
                let place = self.place(Object::Customer, code, "kunder.csv");
                self.closed(
                    &place,
                    format!("kunden {code} byter slag från {from} till {to}, också bakåt i tiden"),
                    format!("customer {code} changes from {from} to {to}, also back in time"),
                );
            }
        }
    }

    /// Who pays for each cost centre, on every day when that could have changed.
    fn owners(&mut self, last: NaiveDate) {
        let (old, new) = (self.old, self.new);
        for (code, costcentre) in &old.costcentres {
            let after = new.catalogue.costcentres.get(code);
            let owners = costcentre.owners.iter().chain(after.iter().flat_map(|c| &c.owners));
            let days = owners.flat_map(|owner| [Some(owner.from), owner.to.map(next_day)]).flatten();
            let days: BTreeSet<NaiveDate> = days.filter(|day| *day <= last).collect();
            let changed = days.into_iter().find(|day| {
                let before = old.payer(code, *day);
                before.is_some() && before != new.catalogue.payer(code, *day)
            });
            if let Some(day) = changed {
                let place = self.place(Object::CostCentre, code, "kostnadsstallen.csv");
                self.closed(
                    &place,
                    format!("kostnadsstället {code} byter kund {day}, i en stängd månad"),
                    format!("cost centre {code} changes customer on {day}, in a closed month"),
                );
            }
        }
    }

    fn agreements(&mut self, last: NaiveDate) {
        let (before, after) = (clipped(self.old, last), clipped(&self.new.catalogue, last));
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
        for key in keys.into_iter().filter(|key| before.get(key) != after.get(key)) {
            let place = self.place(Object::Agreement, &key, "avtal.csv");
            self.closed(
                &place,
                format!("avtalet {key} ändras i en stängd månad"),
                format!("agreement {key} changes in a closed month"),
            );
        }
    }
}

/// What a meter's results rest on.
fn identity(meter: &Meter) -> (domain::usage::MeterKind, &str, Vec<(&str, bool, bool)>) {
    let keyed = |d: &&Dimension| d.rating || d.series;
    let dimensions = meter.dimensions.iter().filter(keyed).map(|d| (d.name.as_str(), d.rating, d.series));
    (meter.kind, &meter.unit, dimensions.collect())
}

/// What of a meter holds for all time, closed months included.
fn undated(meter: &Meter) -> (bool, u16, CostKind) {
    (meter.billed, meter.hold_days, meter.cost_kind)
}

/// What decides about money in a month: its value, and the key of the row that it stands in.
#[derive(Debug, PartialEq, Eq)]
struct Fact {
    value: String,
    key: String,
}

fn facts(catalogue: &Catalogue, month: Month) -> BTreeMap<(Object, String), Fact> {
    let mut facts = BTreeMap::new();
    for price in &catalogue.prices {
        let name = format!("{}/{} {}", price.service, price.meter, price.class).trim_end().to_owned();
        if catalogue.price(&price.service, &price.meter, &price.class, month) == Some(price) {
            let cost = price.cost_price.map(|cost| format!(" ({cost})")).unwrap_or_default();
            let model = if price.model.is_plain() { String::new() } else { format!(" {}", price.model) };
            let value = format!("{}{model}{cost} {}", price.price, price.decision);
            facts.insert((Object::Price, name), Fact { value, key: crate::rows::price_key(price) });
        }
    }
    if let Some(rate) = catalogue.rate(month) {
        let fact =
            Fact { value: format!("{} {}", rate.rate, rate.decision), key: rate.valid_from.to_string() };
        facts.insert((Object::Rate, String::new()), fact);
    }
    for service in catalogue.services.values() {
        if catalogue.bears_surcharge(&service.slug, month) {
            let fact = Fact { value: "etablerad".to_owned(), key: service.slug.clone() };
            facts.insert((Object::Service, service.slug.clone()), fact);
        }
    }
    // Each by what it holds for and for whom: another one beside it decides about other usage, or it is another fact too.
    for share in catalogue.joint_shares.iter().filter(|share| share.is_in_force(month)) {
        let key = crate::rows::share_key(share);
        let name = key.rsplit_once(' ').map_or(key.as_str(), |(name, _)| name).to_owned();
        let bearer = share.bearer.as_deref().unwrap_or_default();
        let value = format!("{} {} {bearer} {}", share.share, share.phase.name(), share.decision);
        facts.insert((Object::JointShare, name), Fact { value, key });
    }
    facts
}

fn file_of(object: Object) -> &'static str {
    match object {
        Object::Price => "priser.csv",
        Object::Rate => "paslag.toml",
        Object::JointShare => "finansiering.toml",
        Object::Agreement => "avtal.csv",
        Object::Source => "kallor.toml",
        Object::Csv => "csv.toml",
        Object::Scope => "omfattning.toml",
        Object::PostingPlan | Object::Posting => "kontering.toml",
        Object::Customer => "kunder.csv",
        Object::CostCentre => "kostnadsstallen.csv",
        Object::Service | Object::Meter => "tjanster/",
        Object::Organisation | Object::Closing | Object::Invoicing | Object::Product => "organisation.toml",
        Object::Decision => "beslut.csv",
        Object::Volume => "volymer.csv",
        Object::Budget | Object::Project => "budget.toml",
        Object::Entry => "objektets-konto.csv",
    }
}

/// The first month in which anything about money is valid.
fn first_month(catalogue: &Catalogue) -> Option<Month> {
    let prices = catalogue.prices.iter().map(|price| price.valid_from);
    let rates = catalogue.rates.iter().map(|rate| rate.valid_from);
    let shares = catalogue.joint_shares.iter().map(|share| share.valid_from);
    let services = catalogue.services.values().filter_map(|service| service.established_from);
    prices.chain(rates).chain(shares).chain(services).min()
}

/// The agreements that are in force on a day up to `last`, ended there when they last longer.
fn clipped(catalogue: &Catalogue, last: NaiveDate) -> BTreeMap<String, Agreement> {
    let agreements = catalogue.agreements.iter().filter(|agreement| agreement.from <= last);
    let clip =
        |agreement: &Agreement| Agreement { to: agreement.to.filter(|to| *to < last), ..agreement.clone() };
    agreements.map(|agreement| (crate::rows::agreement_key(agreement), clip(agreement))).collect()
}
