//! Usage as a trend: a line for each meter, with its shape, how it changed and what is expected.

use std::collections::BTreeMap;

use domain::Month;
use domain::trend::forecast_hundredths;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::output::{Column, money, number, text};

/// What a line of the table has.
pub(super) const COLUMNS: [Column; 9] = [
    text("service", "Tjänst"),
    text("meter", "Mätare"),
    text("trend", "Trend"),
    number("quantity", "Volym"),
    text("unit", "Enhet"),
    text("change", "Ändring"),
    number("expected", "Väntat"),
    money("cost", "Kostnad"),
    text("cost_change", "Ändring"),
];

/// The heights of a sparkline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A meter's months.
#[derive(Default)]
struct Meter {
    unit: String,
    quantities: BTreeMap<Month, Decimal>,
    costs: BTreeMap<Month, Decimal>,
}

/// The trends of items of `/v1/usage`, by service and meter. The months from `running` on are not whole: they are drawn, and
/// neither compared nor a base of what is expected.
pub(super) fn trends(items: &[Value], running: Month) -> Vec<Value> {
    let mut meters: BTreeMap<(&str, &str), Meter> = BTreeMap::new();
    for item in items {
        let field = |name: &str| item[name].as_str().unwrap_or_default();
        let Ok(month) = field("month").parse::<Month>() else { continue };
        let meter = meters.entry((field("service"), field("meter"))).or_default();
        field("unit").clone_into(&mut meter.unit);
        meter.quantities.insert(month, field("quantity").parse().unwrap_or_default());
        meter.costs.insert(month, field("cost").parse().unwrap_or_default());
    }
    let all = || meters.values().flat_map(|meter| meter.quantities.keys());
    let window: Vec<Month> = match (all().min(), all().max()) {
        (Some(first), Some(last)) => first.through(*last).collect(),
        _ => Vec::new(),
    };
    // The last month that is over, or the last one where none is.
    let focus = window.iter().rev().find(|month| **month < running).or(window.last()).copied();
    let line = |((service, meter), months): (&(&str, &str), &Meter)| {
        let focus = focus?;
        let of = |values: &BTreeMap<Month, Decimal>, month: Month| values.get(&month).copied();
        let change = |values: &BTreeMap<Month, Decimal>| {
            percent(of(values, focus.previous()), of(values, focus)).unwrap_or_else(|| "–".to_owned())
        };
        let values: Vec<Option<Decimal>> =
            window.iter().map(|month| of(&months.quantities, *month)).collect();
        Some(json!({
            "service": service,
            "meter": meter,
            "trend": sparkline(&values),
            "quantity": of(&months.quantities, focus).map(|value| value.normalize().to_string()),
            "unit": months.unit,
            "change": change(&months.quantities),
            "expected": expected(&months.quantities, running).map(|value| value.normalize().to_string()),
            "cost": of(&months.costs, focus).map(|value| value.to_string()),
            "cost_change": change(&months.costs),
        }))
    };
    meters.iter().filter_map(line).collect()
}

/// What the month after the last whole one is expected to be.
fn expected(quantities: &BTreeMap<Month, Decimal>, running: Month) -> Option<Decimal> {
    let hundredths = |value: &Decimal| (*value * Decimal::ONE_HUNDRED).round().to_i128();
    let whole = quantities.range(..running);
    let history: Vec<(Month, i128)> =
        whole.filter_map(|(month, value)| Some((*month, hundredths(value)?))).collect();
    let expected = forecast_hundredths(&history, 1)?.months.first()?.mid;
    Some(Decimal::try_from_i128_with_scale(expected, 2).ok()?.normalize())
}

/// The change in per cent, with a sign; none from nothing.
fn percent(before: Option<Decimal>, after: Option<Decimal>) -> Option<String> {
    let before = before.filter(|before| *before > Decimal::ZERO)?;
    let change = ((after? - before) * Decimal::ONE_HUNDRED).checked_div(before)?.round_dp(1);
    let sign = if change > Decimal::ZERO { "+" } else { "" };
    Some(format!("{sign}{change:.1} %").replace('.', ",").replace('-', "\u{2212}"))
}

/// Months as bars from zero; a blank where nothing is known.
fn sparkline(values: &[Option<Decimal>]) -> String {
    let greatest = values.iter().flatten().max().copied().unwrap_or_default();
    let steps = Decimal::from(BARS.len() - 1);
    let bar = |value: &Option<Decimal>| match value {
        None => ' ',
        Some(value) => {
            let part = (*value * steps).checked_div(greatest).unwrap_or_default();
            let height = part.round().to_usize().unwrap_or(0);
            BARS[height.min(BARS.len() - 1)]
        }
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(month: &str, quantity: &str, cost: &str) -> Value {
        json!({"month": month, "service": "mdm", "meter": "device", "unit": "device", "quantity": quantity, "cost": cost})
    }

    #[test]
    fn a_running_month_is_drawn_and_compared_with_nothing() {
        let items = [
            item("2021-01", "100", "1700"),
            item("2021-02", "100", "1700"),
            item("2021-03", "110", "1870"),
            item("2021-04", "40", "680"),
        ];
        let trends = trends(&items, "2021-04".parse().unwrap());
        assert_eq!(trends.len(), 1);
        let trend = &trends[0];
        assert_eq!((&trend["quantity"], &trend["change"]), (&json!("110"), &json!("+10,0 %")));
        assert_eq!((&trend["cost"], &trend["cost_change"]), (&json!("1870"), &json!("+10,0 %")));
        assert_eq!(trend["trend"].as_str().unwrap().chars().count(), 4);
        assert!(trend["expected"].as_str().unwrap().parse::<Decimal>().unwrap() >= Decimal::ONE_HUNDRED);
    }

    #[test]
    fn a_sparkline_starts_at_zero_and_leaves_out_what_is_not_known() {
        let values = [Some(0), Some(50), None, Some(100)].map(|value| value.map(Decimal::from));
        assert_eq!(sparkline(&values), "▁▅ █");
        assert_eq!(sparkline(&[None]), " ");
        assert_eq!(sparkline(&[Some(Decimal::ZERO)]), "▁");
    }

    #[test]
    fn nothing_is_no_trend() {
        assert!(trends(&[], "2021-04".parse().unwrap()).is_empty());
        assert_eq!(percent(Some(Decimal::ZERO), Some(Decimal::ONE)), None);
        assert_eq!(percent(Some(Decimal::from(200)), Some(Decimal::from(199))).as_deref(), Some("−0,5 %"));
    }
}
