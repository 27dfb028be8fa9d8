//! The rows of the price list: what holds in a month, what comes after it, and what was decided about either.

use std::collections::BTreeMap;

use domain::access::{Permission, Viewer};
use domain::catalogue::{PriceRow, PriceState, SurchargeRate};
use domain::rating::Tariff;
use domain::{Month, UnitPrice};

use super::Words;
use crate::numbers;
use crate::pages::named::{DecisionText, Named};
use crate::pages::words;

/// An object product and its services.
pub(super) struct ProductPart {
    pub(super) name: String,
    pub(super) services: Vec<ServicePart>,
}

/// A service and its prices.
pub(super) struct ServicePart {
    pub(super) slug: String,
    pub(super) name: String,
    /// Whether it bears the surcharge in the month (R4).
    pub(super) bears_surcharge: bool,
    pub(super) rows: Vec<Row>,
}

/// A row of the price list.
pub(super) struct Row {
    pub(super) what: String,
    pub(super) price: String,
    pub(super) unit: String,
    pub(super) model: String,
    pub(super) validity: String,
    /// That it is not in force yet, or will not be for ever.
    pub(super) mark: Option<String>,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) decision: DecisionText,
    pub(super) cost_price: String,
    pub(super) joint: String,
    /// The form that tries another price.
    /// Where to try another price, for those who may.
    pub(super) try_it: Option<String>,
}

/// A surcharge rate (R7).
pub(super) struct RateRow {
    pub(super) from: Month,
    pub(super) rate: String,
    pub(super) mark: &'static str,
    pub(super) class: &'static str,
    pub(super) by: String,
    pub(super) decision: DecisionText,
}

/// Whose prices, in which month, for whom.
pub(super) struct Listed<'c> {
    pub(super) named: Named<'c>,
    pub(super) w: &'static Words,
    pub(super) month: Month,
    pub(super) viewer: &'c Viewer,
}

impl Listed<'_> {
    pub(super) fn sees_object(&self) -> bool {
        self.viewer.may(Permission::Object)
    }

    /// The rows that hold in the month or later and are asked for, by product and service. Who does not see the object sees
    /// what is decided.
    pub(super) fn products(&self, is_asked: impl Fn(&PriceRow) -> bool) -> Vec<ProductPart> {
        let mut services: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
        for row in self.named.catalogue.prices.iter().filter(|row| self.shows(row) && is_asked(row)) {
            services.entry(&row.service).or_default().push(self.row(row));
        }
        let mut products: BTreeMap<&str, Vec<ServicePart>> = BTreeMap::new();
        for (slug, rows) in services {
            let product = self.named.catalogue.services.get(slug).map_or("", |service| &service.product);
            products.entry(product).or_default().push(ServicePart {
                slug: slug.to_owned(),
                name: self.named.service(slug).to_owned(),
                bears_surcharge: self.named.catalogue.bears_surcharge(slug, self.month),
                rows,
            });
        }
        let part = |(code, mut services): (&str, Vec<ServicePart>)| {
            services.sort_by_key(|service| service.name.to_lowercase());
            ProductPart { name: self.named.product(code).to_owned(), services }
        };
        // User services first, as the object plan lists them.
        products.into_iter().rev().map(part).collect()
    }

    fn shows(&self, row: &PriceRow) -> bool {
        row.valid_to.is_none_or(|to| self.month <= to)
            && (self.sees_object() || row.state == PriceState::Decided)
    }

    fn row(&self, row: &PriceRow) -> Row {
        let language = self.named.language;
        let kronor = |price: UnitPrice| numbers::unit_price(language, price);
        let meter = self.named.catalogue.meter(&row.service, &row.meter);
        let to = row.valid_to.map_or_else(|| self.w.until_further.to_owned(), |to| to.to_string());
        let cost_price = row.cost_price.filter(|_| self.sees_object());
        Row {
            what: self.named.class(&row.service, &row.meter, &row.class),
            price: kronor(row.price),
            unit: meter.map_or_else(String::new, |meter| words::unit_name(language, &meter.unit)),
            model: row.model.to_string(),
            validity: format!("{} – {to}", row.valid_from),
            mark: self.mark(row),
            state: words::price_state(language, row.state),
            class: match row.state {
                PriceState::Decided => "good",
                PriceState::Proposed => "warn",
                PriceState::Draft => "info",
            },
            decision: self.named.decision(&row.decision),
            cost_price: cost_price.map_or_else(|| "–".to_owned(), kronor),
            joint: self.joint(row),
            try_it: self.viewer.sees_service(&row.service).then(|| self.try_it(row)),
        }
    }

    /// That a row is not in force yet; that the one in force has a decided successor; or that it ends.
    fn mark(&self, row: &PriceRow) -> Option<String> {
        if row.valid_from > self.month {
            return Some(format!("{} {}", self.w.coming, row.valid_from));
        }
        if row.state != PriceState::Decided {
            return None;
        }
        let same = |other: &&PriceRow| {
            (&other.service, &other.meter, &other.class) == (&row.service, &row.meter, &row.class)
        };
        let later = self
            .named
            .catalogue
            .prices
            .iter()
            .filter(same)
            .filter(|other| other.state == PriceState::Decided && other.valid_from > row.valid_from);
        match (later.map(|other| other.valid_from).min(), row.valid_to) {
            (Some(next), _) => Some(format!("{} {next}", self.w.changes)),
            (None, Some(to)) => Some(format!("{} {} {to}", self.w.ends, self.w.after)),
            (None, None) => None,
        }
    }

    /// What of the row's cost is financed jointly for all payers, in its first month or the shown one.
    fn joint(&self, row: &PriceRow) -> String {
        let key = (row.service.as_str(), row.meter.as_str(), row.class.as_str());
        let tariff = Tariff::of(self.named.catalogue, key, None, self.month.max(row.valid_from));
        tariff.and_then(|tariff| tariff.joint).map_or_else(
            || "–".to_owned(),
            |terms| {
                let share = numbers::percent(self.named.language, terms.share);
                format!("{share}, {}", words::phase(self.named.language, terms.phase))
            },
        )
    }

    fn try_it(&self, row: &PriceRow) -> String {
        let of = super::super::simulate::selection(&row.service, Some(&row.meter), Some(&row.class));
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("of", &of).finish();
        format!("/simulate?{query}")
    }

    /// The surcharge rates, the newest first.
    pub(super) fn rates(&self) -> Vec<RateRow> {
        let in_force = self.named.catalogue.rate(self.month);
        let row = |rate: &SurchargeRate| {
            let (mark, class) = if Some(rate) == in_force {
                (self.w.in_force, "good")
            } else if rate.valid_from > self.month {
                (self.w.coming, "warn")
            } else {
                (self.w.earlier, "info")
            };
            RateRow {
                from: rate.valid_from,
                rate: numbers::percent(self.named.language, rate.rate),
                mark,
                class,
                by: rate.decided_by.clone(),
                decision: self.named.decision(&rate.decision),
            }
        };
        self.named.catalogue.rates.iter().rev().map(row).collect()
    }
}
