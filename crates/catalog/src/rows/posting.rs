//! How finance books, as flat rows.

use std::collections::BTreeMap;

use domain::posting::{DimensionValue, PostingMap, PostingRule};

use super::{Object, Row, payers_text, row, text};

/// The chart of accounts and the rules; nothing where the catalogue does not say how to book.
pub(super) fn posting_rows(map: &PostingMap) -> Vec<Row> {
    if map.is_empty() {
        return Vec::new();
    }
    let accounts = map.accounts.iter().map(|(number, name)| format!("{number} {name}"));
    let dimensions = map.dimensions.iter().map(|(number, dimension)| {
        let side = |value: &Option<DimensionValue>| value.as_ref().map_or("–", word).to_owned();
        let codes =
            dimension.codes.iter().map(|(ours, theirs)| format!(" {ours}={theirs}")).collect::<String>();
        format!("{number} {} {}/{}{codes}", dimension.name, side(&dimension.debit), side(&dimension.credit))
    });
    let objects = map.objects.iter().map(|((number, code), name)| format!("{number}:{code} {name}"));
    let plan = row(
        Object::PostingPlan,
        &map.series,
        [
            ("accounts", "konton", accounts.collect::<Vec<_>>().join(", ")),
            ("dimensions", "dimensioner", dimensions.collect::<Vec<_>>().join(", ")),
            ("objects", "objekt", objects.collect::<Vec<_>>().join(", ")),
        ],
    );
    std::iter::once(plan).chain(map.rules.iter().map(posting_row)).collect()
}

/// The key of a rule.
pub(crate) fn posting_key(rule: &PostingRule) -> String {
    let payers = payers_text(&rule.payers);
    let words = [rule.kind.name(), rule.service.as_deref().unwrap_or_default(), &payers];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn posting_row(rule: &PostingRule) -> Row {
    row(
        Object::Posting,
        &posting_key(rule),
        [
            ("service", "tjänst", text(rule.service.as_ref())),
            ("payers", "betalare", payers_text(&rule.payers)),
            ("debit_account", "debetkonto", rule.debit_account.clone()),
            ("credit_account", "kreditkonto", rule.credit_account.clone()),
            ("debit", "debet", overrides_text(&rule.debit)),
            ("credit", "kredit", overrides_text(&rule.credit)),
        ],
    )
}

fn overrides_text(values: &BTreeMap<u16, DimensionValue>) -> String {
    values.iter().map(|(number, value)| format!("{number} {}", word(value))).collect::<Vec<_>>().join(", ")
}

/// As the catalogue writes it.
fn word(value: &DimensionValue) -> &str {
    match value {
        DimensionValue::CostCentre => "kostnadsställe",
        DimensionValue::Service => "tjänst",
        DimensionValue::Customer => "kund",
        DimensionValue::Product => "produkt",
        DimensionValue::Fixed(code) => code,
    }
}
