//! A catalogue as flat rows: what is listed, exported and compared.

use std::fmt::Display;

use domain::catalogue::{
    Agreement, Catalogue, ClosingRules, CostCentre, CsvMapping, Dimension, Meter, PlannedVolume, PriceRow,
    PriceState, Service, SurchargeRate, ValueName,
};
use domain::coverage::{CoverageScope, MeterClasses};
use domain::financing::{JointShare, Part, Payers};

use crate::finding::Language;

mod invoicing;
mod object;
mod posting;

use invoicing::{customer_row, invoicing_row};
use object::{budget_row, entry_row, project_row};
pub(crate) use posting::posting_key;
use posting::posting_rows;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// Who delivers and bills.
    Organisation,
    /// What closing a month requires.
    Closing,
    /// How companies are invoiced.
    Invoicing,
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
    /// How rows of CSV become events.
    Csv,
    /// A decision.
    Decision,
    /// A planned volume.
    Volume,
    /// A year's budget of the object.
    Budget,
    /// A project of the object.
    Project,
    /// An entry in the object's account.
    Entry,
    /// For whom a service is mandatory.
    Scope,
    /// The ledger that lines are booked in: its accounts and dimensions.
    PostingPlan,
    /// On which accounts lines are booked.
    Posting,
}

impl Object {
    /// Every kind of row, in the order that rows come.
    pub const ALL: [Object; 22] = [
        Object::Organisation,
        Object::Closing,
        Object::Invoicing,
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
        Object::Csv,
        Object::Decision,
        Object::Volume,
        Object::Budget,
        Object::Project,
        Object::Entry,
        Object::Scope,
        Object::PostingPlan,
        Object::Posting,
    ];

    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Object::Organisation => "organisation",
            Object::Closing => "closing",
            Object::Invoicing => "invoicing",
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
            Object::Csv => "csv",
            Object::Decision => "decision",
            Object::Volume => "volume",
            Object::Budget => "budget",
            Object::Project => "project",
            Object::Entry => "entry",
            Object::Scope => "scope",
            Object::PostingPlan => "posting_plan",
            Object::Posting => "posting",
        }
    }

    /// Its name for people.
    pub const fn label(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::English, Object::CostCentre) => "cost centre",
            (Language::English, Object::JointShare) => "joint share",
            (Language::English, Object::PostingPlan) => "chart of accounts",
            (Language::English, other) => other.name(),
            (Language::Swedish, Object::Organisation) => "organisation",
            (Language::Swedish, Object::Closing) => "stängning",
            (Language::Swedish, Object::Invoicing) => "faktura",
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
            (Language::Swedish, Object::Csv) => "csv",
            (Language::Swedish, Object::Decision) => "beslut",
            (Language::Swedish, Object::Volume) => "planerad volym",
            (Language::Swedish, Object::Budget) => "budget",
            (Language::Swedish, Object::Project) => "projekt",
            (Language::Swedish, Object::Entry) => "post på objektets konto",
            (Language::Swedish, Object::Scope) => "omfattning",
            (Language::Swedish, Object::PostingPlan) => "kontoplan",
            (Language::Swedish, Object::Posting) => "kontering",
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
    rows.push(closing_row(&catalogue.closing));
    rows.push(invoicing_row(&catalogue.invoicing));
    rows.extend(catalogue.products.iter().map(|(code, product)| {
        let fields =
            [("name", "namn", product.name.clone()), ("name_en", "namn_en", product.name_en.clone())];
        row(Object::Product, code, fields)
    }));
    rows.extend(catalogue.services.values().map(|service| service_row(catalogue, service)));
    let meters = catalogue.services.values().flat_map(|s| s.meters.values().map(move |meter| (s, meter)));
    rows.extend(meters.map(|(service, meter)| meter_row(catalogue, service, meter)));
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
    rows.extend(catalogue.csv.iter().map(|(name, mapping)| csv_row(name, mapping)));
    rows.extend(catalogue.decisions.iter().map(|(reference, decision)| {
        let fields = [
            ("day", "datum", decision.day.to_string()),
            ("by", "beslutare", decision.by.clone()),
            ("about", "om", decision.about.clone()),
        ];
        row(Object::Decision, reference, fields)
    }));
    rows.extend(catalogue.volumes.iter().map(volume_row));
    rows.extend(catalogue.object.budgets.iter().map(|(year, budget)| budget_row(*year, budget)));
    rows.extend(catalogue.object.projects.values().map(project_row));
    rows.extend(catalogue.object.entries.iter().map(entry_row));
    rows.extend(catalogue.scopes.values().map(scope_row));
    rows.extend(posting_rows(&catalogue.posting));
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
    let part = match &share.part {
        Part::Service => String::new(),
        Part::CostKind(kind) => format!(" ({})", kind.name()),
        Part::Meter(meter) => format!("/{meter}"),
        Part::Class { meter, class } => format!("/{meter}[{class}]"),
    };
    let payers = payers_text(&share.payers);
    let payers = if payers.is_empty() { payers } else { format!(" {payers}") };
    format!("{}{part}{payers} {}", share.service, share.valid_from)
}

/// Whom a share holds for; empty for everybody.
fn payers_text(payers: &Payers) -> String {
    match payers {
        Payers::All => String::new(),
        Payers::Kinds(kinds) => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join("+"),
        Payers::Named(codes) => codes.iter().cloned().collect::<Vec<_>>().join("+"),
    }
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

fn closing_row(rules: &ClosingRules) -> Row {
    row(
        Object::Closing,
        "",
        [
            ("four_eyes", "fyra ögon", rules.four_eyes.to_string()),
            ("window_days", "väntetid, dagar", rules.window_days.to_string()),
            ("window_days_december", "väntetid december, dagar", rules.window_days_december.to_string()),
        ],
    )
}

fn service_row(catalogue: &Catalogue, service: &Service) -> Row {
    let focus = catalogue.focus.get(&service.slug);
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
            (
                "focus_subcategory",
                "FOCUS-underkategori",
                focus.map_or_else(String::new, |focus| focus.name().to_owned()),
            ),
        ],
    )
}

fn meter_row(catalogue: &Catalogue, service: &Service, meter: &Meter) -> Row {
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
            ("value_names", "värdenamn", value_names(catalogue, service, meter)),
            ("billed", "debiteras", meter.billed.to_string()),
            ("negative", "negativa", meter.negative.to_string()),
            ("hold_days", "håller dagar", meter.hold_days.to_string()),
            ("cost_kind", "kostnadsslag", meter.cost_kind.name().to_owned()),
        ],
    )
}

/// `staff=Personal|Staff pupil=Elev|Pupil`
fn value_names(catalogue: &Catalogue, service: &Service, meter: &Meter) -> String {
    let named = meter.dimensions.iter().flat_map(|dimension| &dimension.values).filter_map(|value| {
        let key = (service.slug.clone(), meter.slug.clone(), value.clone());
        let ValueName { name, name_en } = catalogue.value_names.get(&key)?;
        Some(format!("{value}={name}|{name_en}"))
    });
    named.collect::<Vec<_>>().join(" ")
}

/// `class*=staff|pupil os`: `*` rates, `~` tells series apart.
fn dimension_text(dimension: &Dimension) -> String {
    let values =
        if dimension.values.is_empty() { String::new() } else { format!("={}", dimension.values.join("|")) };
    let (rating, series) = (if dimension.rating { "*" } else { "" }, if dimension.series { "~" } else { "" });
    format!("{}{rating}{series}{values}", dimension.name)
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
    let (kind, meter, class) = match &share.part {
        Part::Service => ("", "", ""),
        Part::CostKind(kind) => (kind.name(), "", ""),
        Part::Meter(meter) => ("", meter.as_str(), ""),
        Part::Class { meter, class } => ("", meter.as_str(), class.as_str()),
    };
    row(
        Object::JointShare,
        &share_key(share),
        [
            ("service", "tjänst", share.service.clone()),
            ("cost_kind", "kostnadsslag", kind.to_owned()),
            ("meter", "mätare", meter.to_owned()),
            ("class", "klass", class.to_owned()),
            ("payers", "kunder", payers_text(&share.payers)),
            ("valid_from", "från", share.valid_from.to_string()),
            ("valid_to", "till", text(share.valid_to)),
            ("share", "andel", share.share.to_string()),
            ("phase", "fas", share.phase.name().to_owned()),
            ("bearer", "bärs av", text(share.bearer.as_ref())),
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

fn csv_row(name: &str, mapping: &CsvMapping) -> Row {
    let dimensions = mapping.dimensions.iter().map(|(name, from)| {
        let values = from.values.iter().map(|(from, to)| format!(" {from}→{to}")).collect::<String>();
        format!("{name}: {}{values}", from.column)
    });
    row(
        Object::Csv,
        name,
        [
            ("source", "källa", mapping.source.clone()),
            ("meter", "mätare", format!("{}/{}", mapping.service, mapping.meter)),
            ("id", "id", mapping.id.join(" + ")),
            ("time", "tid", mapping.time.clone()),
            ("subject", "subjekt", format!("{}{}", mapping.subject_prefix, mapping.subject)),
            ("costcentre", "kostnadsställe", mapping.costcentre.clone()),
            ("quantity", "antal", text(mapping.quantity.as_ref())),
            ("dimensions", "dimensioner", dimensions.collect::<Vec<_>>().join(", ")),
        ],
    )
}

fn volume_row(planned: &PlannedVolume) -> Row {
    let class = if planned.class.is_empty() { String::new() } else { format!("[{}]", planned.class) };
    row(
        Object::Volume,
        &format!("{}/{}{class}", planned.service, planned.meter),
        [("volume", "volym", planned.volume.to_string())],
    )
}

fn scope_row(scope: &CoverageScope) -> Row {
    let kinds = scope.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    row(
        Object::Scope,
        &scope.code,
        [
            ("name", "namn", scope.name.clone()),
            ("meter", "mätare", classes_text(&scope.has)),
            ("population", "befolkning", classes_text(&scope.population)),
            ("customers", "kunder", scope.customers.join(", ")),
            ("kinds", "slag", kinds),
            ("valid_from", "från", scope.valid_from.to_string()),
            ("valid_to", "till", text(scope.valid_to)),
            ("comparison", "jämförelse", scope.comparison.name().to_owned()),
            ("decision", "beslut", scope.decision.clone()),
        ],
    )
}

/// `konto/account[staff|pupil]`
fn classes_text(meter: &MeterClasses) -> String {
    let classes =
        if meter.classes.is_empty() { String::new() } else { format!("[{}]", meter.classes.join("|")) };
    format!("{}/{}{classes}", meter.service, meter.meter)
}
