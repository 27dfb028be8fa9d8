//! What was accepted against what the programs say of it: every event once, to the last decimal.

use std::collections::BTreeMap;

use domain::catalogue::Catalogue;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::api::Api;
use crate::event::source;
use crate::load::Account;
use crate::oracle::Reckoning;

/// Events are of the first quarter. What readings leave behind beyond it makes no month.
const MONTHS: (&str, &str) = ("2020-12", "2021-03");
/// The months that are closed: one while things happen, and the next when all is over.
pub(crate) const CLOSED: [&str; 2] = ["2021-01", "2021-02"];
const AMOUNTS: [&str; 5] = ["quantity", "gross", "joint", "net", "surcharge"];

/// What the programs say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    /// Volume and cost by month, service and meter.
    pub(crate) coarse: Vec<Value>,
    /// The same by class, customer and cost centre too.
    pub(crate) fine: Vec<Value>,
    /// What became of every event.
    pub(crate) books: Vec<Value>,
}

impl Answers {
    pub(crate) fn ask(api: &Api) -> Result<Self, String> {
        let usage = |groups: &str| {
            let (from, to) = MONTHS;
            api.list(&format!("/v1/usage?from={from}&to={to}&group_by=month,service,meter{groups}"))
        };
        let (coarse, fine) = (usage("")?, usage(",class,customer,costcentre")?);
        Ok(Self { coarse, fine, books: books(api, None)? })
    }
}

/// The lines of the books since the run began.
pub(crate) fn books(api: &Api, of: Option<&str>) -> Result<Vec<Value>, String> {
    let today = taxameter::serve::now().day();
    // A run may go on over midnight, for hours.
    let (from, to) = (today - chrono::Days::new(2), domain::calendar::next_day(today));
    let of = of.map(|source| format!("&source={source}")).unwrap_or_default();
    api.list(&format!("/v1/reconciliation?from={from}&to={to}{of}"))
}

/// How many different events of these lines were counted.
pub(crate) fn counted(lines: &[Value]) -> u64 {
    ["metered", "revised", "superseded", "marker"].iter().map(|outcome| sum(lines, outcome)).sum()
}

fn sum(lines: &[Value], column: &str) -> u64 {
    lines.iter().filter_map(|line| line[column].as_u64()).sum()
}

/// What is wrong, and how many events it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) lost: u64,
    pub(crate) twice: u64,
    pub(crate) differences: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_right(&self) -> bool {
        *self == Self::default()
    }
}

/// What the accepted events come to.
pub(crate) fn reckon(acknowledged: &[Vec<u8>], catalogue: &Catalogue) -> Reckoning {
    Reckoning::of(acknowledged, catalogue, MONTHS.0, MONTHS.1)
}

/// Judges the programs' answers.
pub(crate) fn judge(reckoning: &Reckoning, accounts: &[Account], answers: &Answers) -> Verdict {
    let mut verdict = Verdict::default();
    for (number, account) in accounts.iter().enumerate() {
        let source = source(number);
        let of_source = |line: &&Value| line["source"] == source.as_str();
        let lines: Vec<Value> = answers.books.iter().filter(of_source).cloned().collect();
        let counted = counted(&lines);
        verdict.lost += account.new.saturating_sub(counted);
        verdict.twice += counted.saturating_sub(account.new);
        if counted != account.new {
            verdict.differences.push(format!("{source}: {} events sent, {counted} counted", account.new));
        }
        for outcome in ["conflict", "quarantined", "refused", "parked", "difference"] {
            let found = lines.iter().filter_map(|line| line[outcome].as_i64()).sum::<i64>();
            if found != 0 {
                verdict.differences.push(format!("{source}: {outcome} is {found}, not 0"));
            }
        }
    }
    let outcomes = &reckoning.outcomes;
    let all = [
        ("metered", outcomes.metered, sum(&answers.books, "metered")),
        ("marker", outcomes.marker, sum(&answers.books, "marker")),
        (
            "revised and superseded",
            outcomes.revised + outcomes.superseded,
            sum(&answers.books, "revised") + sum(&answers.books, "superseded"),
        ),
    ];
    for (what, want, got) in all.into_iter().filter(|(_, want, got)| want != got) {
        verdict.differences.push(format!("{what}: accepted {want}, counted {got}"));
    }
    // An event that is sent or logged again is one more duplicate, never one less.
    let duplicates = sum(&answers.books, "duplicate");
    if duplicates < outcomes.duplicate {
        verdict.differences.push(format!("{duplicates} duplicates, at least {} sent", outcomes.duplicate));
    }
    for items in [&answers.coarse, &answers.fine] {
        verdict.differences.extend(reckoning.compare_usage(items).iter().map(ToString::to_string));
    }
    verdict
}

/// A month's charges and their total, as they are answered: all pages.
pub(crate) fn charges(api: &Api, month: &str) -> Result<Vec<Value>, String> {
    api.list(&format!("/v1/charges?month={month}"))
}

/// What of a month was charged, in the month itself and as corrections of a later one, against its fresh reckoning: every
/// amount of every line, and the surcharge of every payer. (A correction spreads the difference of a payer's surcharge over
/// the lines that changed, so those of single lines may be an öre off.)
pub(crate) fn judge_charges(
    reckoning: &Reckoning,
    month: &str,
    own: &[Value],
    later: &[Value],
) -> Vec<String> {
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let mut lines: BTreeMap<Vec<String>, Value> = BTreeMap::new();
    let corrections = later.iter().filter(|item| item["corrects"] == month);
    for item in own.iter().filter(|item| item["corrects"].is_null()).chain(corrections) {
        let key =
            ["customer", "costcentre", "service", "meter", "class"].map(|name| text(item, name)).to_vec();
        let line = lines.entry(key).or_insert_with(|| {
            let mut line = item.clone();
            (line["month"], line["corrects"]) = (month.into(), Value::Null);
            AMOUNTS.iter().for_each(|name| line[*name] = "0".into());
            line
        });
        for name in AMOUNTS {
            line[name] = (decimal(&line[name]) + decimal(&item[name])).to_string().into();
        }
    }
    lines.retain(|_, line| AMOUNTS.iter().any(|name| !decimal(&line[*name]).is_zero()));
    let lines: Vec<Value> = lines.into_values().collect();
    let mut totals = serde_json::Map::new();
    for name in &AMOUNTS[1..] {
        let total: Decimal = lines.iter().map(|line| decimal(&line[*name])).sum();
        totals.insert((*name).to_owned(), total.to_string().into());
    }
    let found = reckoning.compare_charges(month, &lines, &Value::Object(totals));
    let found = found.iter().filter(|difference| !difference.what.ends_with("\" surcharge"));
    let mut found: Vec<String> =
        found.map(|difference| format!("with its corrections, {difference}")).collect();
    let mut surcharges: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    for (key, charge) in reckoning.charges.iter().filter(|(key, _)| key.month == month) {
        surcharges.entry(key.customer.clone().unwrap_or_default()).or_default().0 += charge.surcharge;
    }
    for line in &lines {
        surcharges.entry(text(line, "customer")).or_default().1 += decimal(&line["surcharge"]);
    }
    for (payer, (want, got)) in surcharges.into_iter().filter(|(_, (want, got))| want != got) {
        found.push(format!(
            "{month} surcharge of {payer}, with its corrections: oracle {want}, program {got}"
        ));
    }
    found
}

fn decimal(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
