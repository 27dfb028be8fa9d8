//! A catalogue as flat rows: what is listed, exported and compared.

use std::fmt::Display;

use domain::catalogue::{
    Agreement, Catalogue, CostCentre, Customer, Dimension, JointShare, Meter, PriceRow, PriceState, Service,
    SurchargeRate,
};

use crate::finding::Language;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// Who delivers and bills.
    Organisation,
    /// An object product.
    Product,
    /// A service.
    Service,
    /// A meter of a service.
    Meter,
    /// A customer.
    Customer,
    /// A cost centre with all its owners.
    CostCentre,
    /// A row of the price list.
    Price,
    /// A surcharge rate.
    Rate,
    /// A jointly financed share.
    JointShare,
    /// An agreement.
    Agreement,
    /// A source of events.
    Source,
}

impl Object {
    /// Every kind of row, in the order that rows come.
    pub const ALL: [Object; 11] = [
        Object::Organisation,
        Object::Product,
        Object::Service,
        Object::Meter,
        Object::Customer,
        Object::CostCentre,
        Object::Price,
        Object::Rate,
        Object::JointShare,
        Object::Agreement,
        Object::Source,
    ];

    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Object::Organisation => "organisation",
            Object::Product => "product",
            Object::Service => "service",
            Object::Meter => "meter",
            Object::Customer => "customer",
            Object::CostCentre => "costcentre",
            Object::Price => "price",
            Object::Rate => "rate",
            Object::JointShare => "joint_share",
            Object::Agreement => "agreement",
            Object::Source => "source",
        }
    }

    /// Its name for people.
    pub const fn label(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::English, Object::CostCentre) => "cost centre",
            (Language::English, Object::JointShare) => "joint share",
            (Language::English, other) => other.name(),
            (Language::Swedish, Object::Organisation) => "organisation",
            (Language::Swedish, Object::Product) => "produkt",
            (Language::Swedish, Object::Service) => "tjänst",
            (Language::Swedish, Object::Meter) => "mätare",
            (Language::Swedish, Object::Customer) => "kund",
            (Language::Swedish, Object::CostCentre) => "kostnadsställe",
            (Language::Swedish, Object::Price) => "pris",
            (Language::Swedish, Object::Rate) => "påslag",
            (Language::Swedish, Object::JointShare) => "gemensam andel",
            (Language::Swedish, Object::Agreement) => "avtal",
            (Language::Swedish, Object::Source) => "källa",
        }
    }
}

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name for programs.
    pub name: &'static str,
    /// Its name in Swedish.
    pub label: &'static str,
    /// Its value as text; empty when there is none. Decimals have a point.
    pub value: String,
}

/// One object of a catalogue. Rows of the same kind have the same fields in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub object: Object,
    /// What identifies it among its kind.
    pub key: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// All of a catalogue, ordered by kind and key.
pub fn rows(catalogue: &Catalogue) -> Vec<Row> {
    let organisation = &catalogue.organisation;
    let mut rows = vec![row(
        Object::Organisation,
        "",
        [
            ("name", "namn", organisation.name.clone()),
            ("unit", "enhet", organisation.unit.clone()),
            ("number", "orgnr", organisation.number.clone()),
        ],
    )];
    rows.extend(catalogue.products.iter().map(|(code, product)| {
        let fields =
            [("name", "namn", product.name.clone()), ("name_en", "namn_en", product.name_en.clone())];
        row(Object::Product, code, fields)
    }));
    rows.extend(catalogue.services.values().map(service_row));
    let meters = catalogue.services.values().flat_map(|s| s.meters.values().map(move |meter| (s, meter)));
    rows.extend(meters.map(|(service, meter)| meter_row(service, meter)));
    rows.extend(catalogue.customers.values().map(customer_row));
    rows.extend(catalogue.costcentres.values().map(costcentre_row));
    rows.extend(catalogue.prices.iter().map(price_row));
    rows.extend(catalogue.rates.iter().map(rate_row));
    rows.extend(catalogue.joint_shares.iter().map(share_row));
    rows.extend(catalogue.agreements.iter().map(agreement_row));
    rows.extend(
        catalogue
            .sources
            .values()
            .map(|s| row(Object::Source, &s.source, [("name", "namn", s.name.clone())])),
    );
    rows
}

/// The key of a price row.
pub(crate) fn price_key(price: &PriceRow) -> String {
    let class = if price.class.is_empty() { String::new() } else { format!("[{}]", price.class) };
    let state = match price.state {
        PriceState::Decided => String::new(),
        PriceState::Draft | PriceState::Proposed => format!(" ({})", state_name(price.state)),
    };
    format!("{}/{}{class} {}{state}", price.service, price.meter, price.valid_from)
}

/// The key of a jointly financed share.
pub(crate) fn share_key(share: &JointShare) -> String {
    let meter = share.meter.as_ref().map(|meter| format!("/{meter}")).unwrap_or_default();
    format!("{}{meter} {}", share.service, share.valid_from)
}

/// The key of an agreement.
pub(crate) fn agreement_key(agreement: &Agreement) -> String {
    format!("{} {}", agreement.id, agreement.from)
}

fn row<const N: usize>(object: Object, key: &str, fields: [(&'static str, &'static str, String); N]) -> Row {
    let fields = fields.into_iter().map(|(name, label, value)| Field { name, label, value }).collect();
    Row { object, key: key.to_owned(), fields }
}

fn text(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn service_row(service: &Service) -> Row {
    row(
        Object::Service,
        &service.slug,
        [
            ("name", "namn", service.name.clone()),
            ("name_en", "namn_en", service.name_en.clone()),
            ("product", "produkt", service.product.clone()),
            ("start", "start", service.start.to_string()),
            ("established_from", "etablerad från", text(service.established_from)),
            ("monthly_measured", "månadsmätt", service.monthly_measured.to_string()),
        ],
    )
}

fn meter_row(service: &Service, meter: &Meter) -> Row {
    let dimensions = meter.dimensions.iter().map(dimension_text).collect::<Vec<_>>().join(" ");
    row(
        Object::Meter,
        &format!("{}/{}", service.slug, meter.slug),
        [
            ("name", "namn", meter.name.clone()),
            ("name_en", "namn_en", meter.name_en.clone()),
            ("kind", "slag", meter.kind.name().to_owned()),
            ("unit", "enhet", meter.unit.clone()),
            ("event_type", "händelse", text(meter.event_type.as_ref())),
            ("dimensions", "dimensioner", dimensions),
            ("billed", "debiteras", meter.billed.to_string()),
            ("negative", "negativa", meter.negative.to_string()),
            ("hold_days", "håller dagar", meter.hold_days.to_string()),
        ],
    )
}

/// `class*=staff|pupil os`: `*` rates, `~` tells series apart.
fn dimension_text(dimension: &Dimension) -> String {
    let values =
        if dimension.values.is_empty() { String::new() } else { format!("={}", dimension.values.join("|")) };
    let (rating, series) = (if dimension.rating { "*" } else { "" }, if dimension.series { "~" } else { "" });
    format!("{}{rating}{series}{values}", dimension.name)
}

fn customer_row(customer: &Customer) -> Row {
    row(
        Object::Customer,
        &customer.code,
        [
            ("name", "namn", customer.name.clone()),
            ("kind", "slag", customer.kind.name().to_owned()),
            ("number", "orgnr", text(customer.number.as_ref())),
        ],
    )
}

fn costcentre_row(costcentre: &CostCentre) -> Row {
    let owners = costcentre.owners.iter().map(|o| format!("{} {}–{}", o.customer, o.from, text(o.to)));
    row(
        Object::CostCentre,
        &costcentre.code,
        [
            ("name", "namn", costcentre.name.clone()),
            ("owners", "kunder", owners.collect::<Vec<_>>().join(", ")),
        ],
    )
}

fn state_name(state: PriceState) -> &'static str {
    match state {
        PriceState::Draft => "utkast",
        PriceState::Proposed => "föreslagen",
        PriceState::Decided => "beslutad",
    }
}

fn price_row(price: &PriceRow) -> Row {
    row(
        Object::Price,
        &price_key(price),
        [
            ("service", "tjänst", price.service.clone()),
            ("meter", "mätare", price.meter.clone()),
            ("class", "klass", price.class.clone()),
            ("valid_from", "från", price.valid_from.to_string()),
            ("valid_to", "till", text(price.valid_to)),
            ("price", "pris", price.price.to_string()),
            ("model", "modell", price.model.to_string()),
            ("cost_price", "självkostnad", text(price.cost_price)),
            ("state", "status", state_name(price.state).to_owned()),
            ("decision", "beslut", price.decision.clone()),
        ],
    )
}

fn rate_row(rate: &SurchargeRate) -> Row {
    row(
        Object::Rate,
        &rate.valid_from.to_string(),
        [
            ("rate", "sats", rate.rate.to_string()),
            ("decision", "beslut", rate.decision.clone()),
            ("decided_by", "beslutad av", rate.decided_by.clone()),
        ],
    )
}

fn share_row(share: &JointShare) -> Row {
    row(
        Object::JointShare,
        &share_key(share),
        [
            ("service", "tjänst", share.service.clone()),
            ("meter", "mätare", text(share.meter.as_ref())),
            ("valid_from", "från", share.valid_from.to_string()),
            ("valid_to", "till", text(share.valid_to)),
            ("share", "andel", share.share.to_string()),
            ("phase", "fas", share.phase.clone()),
            ("decision", "beslut", share.decision.clone()),
        ],
    )
}

fn agreement_row(agreement: &Agreement) -> Row {
    row(
        Object::Agreement,
        &agreement_key(agreement),
        [
            ("id", "id", agreement.id.clone()),
            ("service", "tjänst", agreement.service.clone()),
            ("meter", "mätare", agreement.meter.clone()),
            ("class", "klass", agreement.class.clone()),
            ("costcentre", "kostnadsställe", agreement.costcentre.clone()),
            ("quantity", "antal", agreement.quantity.to_string()),
            ("from", "från", agreement.from.to_string()),
            ("to", "till", text(agreement.to)),
        ],
    )
}
