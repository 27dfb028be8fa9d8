//! The form as the page shows it: what was filled in, what is in force, what is wrong and what may be chosen.

use std::collections::BTreeMap;

use domain::Month;
use domain::access::Viewer;
use domain::financing::Phase;
use domain::rating::Tariff;

use super::form::{Form, Refused, selection};
use super::{Fields, Words};
use crate::language::Language;
use crate::numbers;
use crate::pages::named::Named;
use crate::pages::prices::Choice;
use crate::pages::words;

/// A field as the page shows it.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) hint: String,
    pub(super) error: Option<String>,
}

/// A service and what of it may be chosen.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) choices: Vec<Choice>,
}

impl Form {
    /// The fields as they were filled in, with what is in force now and what is wrong.
    pub(super) fn fields(
        &self,
        named: Named<'_>,
        now: Month,
        refused: &[Refused],
        w: &'static Words,
    ) -> Fields {
        let field = |name: &'static str, label: &'static str, hint: &str, in_force: Option<String>| {
            let error = refused.iter().find(|refused| refused.field == name);
            let in_force = in_force.map(|value| format!("{} {value}", w.now));
            let hint =
                [in_force, Some(hint.to_owned())].into_iter().flatten().filter(|hint| !hint.is_empty());
            Field {
                name,
                label,
                value: self.get(name).unwrap_or_default().to_owned(),
                hint: hint.collect::<Vec<_>>().join(", "),
                error: error.map(|refused| refused.text.clone()),
            }
        };
        let first = self.get("from").and_then(|text| text.parse().ok()).unwrap_or(now);
        let rate = named.catalogue.rate(first).map(|rate| numbers::percent(named.language, rate.rate));
        let (price, share) = self.in_force(named, first);
        Fields {
            months: vec![field("from", w.from, w.month_hint, None), field("to", w.to, w.month_hint, None)],
            rate: field("rate", w.rate, w.hint_percent, rate),
            of: field("of", w.of, "", None),
            values: vec![
                field("price", w.price, w.hint_price, price),
                field("price_percent", w.price_percent, w.hint_change, None),
                field("joint", w.joint, w.hint_percent, share),
                field("volume_percent", w.volume, w.hint_change, None),
            ],
            phase: field("phase", w.phase, "", None),
        }
    }

    /// The price and the joint share of what is chosen in a month, where it is one class of one meter.
    fn in_force(&self, named: Named<'_>, month: Month) -> (Option<String>, Option<String>) {
        let (Some(service), Some(meter), class) = self.of() else { return (None, None) };
        let key = (service.as_str(), meter.as_str(), class.as_deref().unwrap_or_default());
        let Some(tariff) = Tariff::of(named.catalogue, key, None, month) else { return (None, None) };
        let price = tariff.price.map(|terms| numbers::unit_price(named.language, terms.price));
        (price, tariff.joint.map(|terms| numbers::percent(named.language, terms.share)))
    }

    /// What somebody may choose: each service, and each priced class of its meters.
    pub(super) fn groups(&self, named: Named<'_>, viewer: &Viewer, w: &'static Words) -> Vec<Group> {
        let chosen = self.get("of").unwrap_or_default();
        let choice = |value: String, label: String| {
            let is_chosen = value == chosen;
            Choice { value, label, is_chosen }
        };
        let mut services: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for row in named.catalogue.prices.iter().filter(|row| viewer.sees_service(&row.service)) {
            let value = selection(&row.service, Some(&row.meter), Some(&row.class));
            let label = named.class(&row.service, &row.meter, &row.class);
            services.entry(&row.service).or_default().insert(value, label);
        }
        let group = |(slug, rows): (&str, BTreeMap<String, String>)| {
            let name = named.service(slug).to_owned();
            let whole = choice(selection(slug, None, None), format!("{name}, {}", w.whole));
            let rows = rows.into_iter().map(|(value, label)| choice(value, format!("{name}, {label}")));
            Group { choices: std::iter::once(whole).chain(rows).collect(), name }
        };
        let mut groups: Vec<Group> = services.into_iter().map(group).collect();
        groups.sort_by_key(|group| group.name.to_lowercase());
        groups
    }

    /// The phases of joint financing; development where nothing is said, as programs have it.
    pub(super) fn phases(&self, language: Language) -> Vec<Choice> {
        let chosen = self.get("phase").and_then(Phase::from_name).unwrap_or(Phase::Development);
        let choice = |phase: Phase| Choice {
            value: phase.name().to_owned(),
            label: words::phase(language, phase).to_owned(),
            is_chosen: phase == chosen,
        };
        Phase::ALL.into_iter().map(choice).collect()
    }
}
