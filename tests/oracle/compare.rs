//! The reckoning against what the program answers.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Key, Reckoning};

/// Something that the program and the oracle do not agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Which line and field.
    pub(crate) what: String,
    /// The oracle's; none when it has no such line.
    pub(crate) want: Option<String>,
    /// The program's; none when it has no such line.
    pub(crate) got: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: oracle {}, program {}", self.what, shown(&self.want), shown(&self.got))
    }
}

/// The fields of a line by name.
type Fields = BTreeMap<&'static str, String>;

impl Reckoning {
    /// Compares with items of `/v1/usage`, grouped either by `month,service,meter` alone or by
    /// `month,service,meter,class,customer,costcentre`; all pages of all reckoned months.
    pub(crate) fn compare_usage(&self, items: &[Value]) -> Vec<Difference> {
        let fine = items.iter().any(|item| item.get("costcentre").is_some());
        let fields = |unit: &str, quantity: Decimal, cost: Decimal| {
            Fields::from([("unit", unit.to_owned()), ("quantity", number(quantity)), ("cost", number(cost))])
        };
        let want: BTreeMap<String, Fields> = if fine {
            self.usage.iter().map(|(key, u)| (key.to_string(), fields(&u.unit, u.quantity, u.cost))).collect()
        } else {
            let key =
                |(month, service, meter): &(String, String, String)| format!("{month} {service}/{meter}");
            self.monthly.iter().map(|(k, u)| (key(k), fields(&u.unit, u.quantity, u.cost))).collect()
        };
        let key = |item: &Value| {
            if fine {
                key_of(item).to_string()
            } else {
                format!("{} {}/{}", text(item, "month"), text(item, "service"), text(item, "meter"))
            }
        };
        let got = items.iter().map(|item| (key(item), read(item, &["unit"], &["quantity", "cost"])));
        differences(&want, got)
    }

    /// Compares with items of `/v1/charges` of one month: all pages. Corrections of other months are left out.
    pub(crate) fn compare_charges(&self, month: &str, items: &[Value], totals: &Value) -> Vec<Difference> {
        let charges = self.charges.iter().filter(|(key, _)| key.month == month);
        let want = charges.map(|(key, c)| {
            let fields = [
                ("quantity", c.quantity),
                ("unit_price", c.unit_price),
                ("gross", c.gross),
                ("joint", c.joint),
                ("net", c.net),
                ("surcharge", c.surcharge),
            ];
            (key.to_string(), fields.map(|(name, value)| (name, number(value))).into())
        });
        let want: BTreeMap<String, Fields> = want.collect();
        const NUMBERS: [&str; 6] = ["quantity", "unit_price", "gross", "joint", "net", "surcharge"];
        let original = items.iter().filter(|item| item.get("corrects").is_none_or(Value::is_null));
        let got = original.map(|item| (key_of(item).to_string(), read(item, &[], &NUMBERS)));
        let mut found = differences(&want, got);
        if let Some(sums) = self.totals.get(month) {
            let sums = [
                ("gross", sums.gross),
                ("joint", sums.joint),
                ("net", sums.net),
                ("surcharge", sums.surcharge),
            ];
            let want = Fields::from(sums.map(|(name, value)| (name, number(value))));
            let got = read(totals, &[], &["gross", "joint", "net", "surcharge"]);
            found.extend(differences(
                &BTreeMap::from([(format!("{month} totals"), want)]),
                [(format!("{month} totals"), got)],
            ));
        }
        found
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let customer = self.customer.as_deref().unwrap_or("-");
        write!(
            f,
            "{} {customer} {} {}/{} {:?}",
            self.month, self.costcentre, self.service, self.meter, self.class
        )
    }
}

fn key_of(item: &Value) -> Key {
    Key {
        month: text(item, "month"),
        customer: item.get("customer").and_then(Value::as_str).map(str::to_owned),
        costcentre: text(item, "costcentre"),
        service: text(item, "service"),
        meter: text(item, "meter"),
        class: text(item, "class"),
    }
}

fn text(item: &Value, name: &str) -> String {
    item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Decimals are compared as numbers, so they are written in one way here.
fn number(value: Decimal) -> String {
    value.normalize().to_string()
}

fn read(item: &Value, texts: &[&'static str], numbers: &[&'static str]) -> Fields {
    let shown = |name: &'static str| match item.get(name).and_then(Value::as_str) {
        Some(text) => text.parse::<Decimal>().map_or_else(|_| format!("{text:?}, no decimal"), number),
        None => "no decimal string".to_owned(),
    };
    let texts = texts.iter().map(|name| (*name, text(item, name)));
    texts.chain(numbers.iter().map(|name| (*name, shown(name)))).collect()
}

fn differences(
    want: &BTreeMap<String, Fields>,
    got: impl IntoIterator<Item = (String, Fields)>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, Fields> = BTreeMap::new();
    for (key, fields) in got {
        if seen.insert(key.clone(), fields).is_some() {
            found.push(Difference { what: format!("{key} is there twice"), want: None, got: None });
        }
    }
    for (key, fields) in want {
        match seen.remove(key) {
            None => {
                found.push(Difference { what: key.clone(), want: Some(format!("{fields:?}")), got: None })
            }
            Some(mine) => {
                let unlike = fields.iter().filter(|(name, value)| mine.get(*name) != Some(value));
                found.extend(unlike.map(|(name, value)| Difference {
                    what: format!("{key} {name}"),
                    want: Some(value.clone()),
                    got: mine.get(name).cloned(),
                }));
            }
        }
    }
    let more = seen.into_iter().map(|(key, fields)| Difference {
        what: key,
        want: None,
        got: Some(format!("{fields:?}")),
    });
    found.extend(more);
    found
}
