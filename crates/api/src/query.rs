//! Query strings: every parameter is known, given once and well-formed, or the request is refused and told the nearest.

use axum::extract::Query;
use axum::http::Uri;
use chrono::NaiveDate;
use domain::{Month, calendar};
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// How many items a page has when nothing is said.
pub(crate) const LIMIT_DEFAULT: usize = 1_000;

/// How many items a page may have: an answer of this size still fits a few megabytes.
pub(crate) const LIMIT_MAX: usize = 10_000;

/// How many months one question covers: ten years, as long as a bill may be asked about.
const MONTHS_MAX: i32 = 120;

/// A year in a path.
pub(crate) fn year(text: &str) -> Result<i32, Problem> {
    let year = text.parse().ok().filter(|year| text.len() == 4 && (1970..=9999).contains(year));
    year.ok_or_else(|| {
        Problem::invalid_parameter("year", "ska vara ett år som 2021", "must be a year like 2021")
    })
}

/// The parameters of a request.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads the query string of a request that takes the parameters in `known`.
    pub(crate) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        Self::of(pairs(uri)?, known)
    }

    /// Reads the query string of a form, which sends its empty fields too: they count as not given.
    pub(crate) fn read_form(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let mut pairs = pairs(uri)?;
        pairs.retain(|(name, value)| !value.trim().is_empty() || !known.contains(&name.as_str()));
        Self::of(pairs, known)
    }

    fn of(mut pairs: Vec<(String, String)>, known: &[&str]) -> Result<Self, Problem> {
        if let Some((name, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            return Err(unknown(name, known));
        }
        pairs.sort();
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Problem::invalid_parameter(
                &pair[0].0,
                "anges mer än en gång",
                "is given more than once",
            ));
        }
        if let Some((name, _)) = pairs.iter().find(|(_, value)| value.is_empty()) {
            return Err(Problem::invalid_parameter(name, "saknar värde", "has no value"));
        }
        Ok(Self { pairs })
    }

    /// A parameter's text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A parameter's text, owned.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A parameter's words, which commas separate.
    pub(crate) fn words(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|text| text.split(',').collect())
    }

    /// A month.
    pub(crate) fn month(&self, name: &str) -> Result<Option<Month>, Problem> {
        self.get(name).map(|text| month(name, text)).transpose()
    }

    /// A month that must be given.
    pub(crate) fn required_month(&self, name: &str) -> Result<Month, Problem> {
        self.month(name)?.ok_or_else(|| {
            Problem::invalid_parameter(
                name,
                "måste anges, till exempel 2021-03",
                "is required, for example 2021-03",
            )
        })
    }

    /// The range of months from `from` through `to`, both of which must be given.
    pub(crate) fn months(&self) -> Result<(Month, Month), Problem> {
        let (from, to) = (self.required_month("from")?, self.required_month("to")?);
        if from > to || to.index() - from.index() >= MONTHS_MAX {
            return Err(Problem::invalid_parameter(
                "to",
                "ska vara samma månad som from eller senare, högst 120 månader",
                "must be the same month as from or later, at most 120 months",
            ));
        }
        Ok((from, to))
    }

    /// A day that must be given.
    pub(crate) fn required_day(&self, name: &str) -> Result<NaiveDate, Problem> {
        self.get(name).and_then(calendar::parse_day).ok_or_else(|| {
            Problem::invalid_parameter(
                name,
                "ska vara en dag som 2021-03-31",
                "must be a day like 2021-03-31",
            )
        })
    }

    /// `true` or `false`; false when it is not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.one_of(name, &["false", "true"])? == Some("true"))
    }

    /// One of a few words.
    pub(crate) fn one_of(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = words.iter().find(|word| **word == text).copied();
        let list = words.join(", ");
        let wrong = || {
            Problem::invalid_parameter(
                name,
                &format!("ska vara ett av {list}"),
                &format!("must be one of {list}"),
            )
        };
        found.map(Some).ok_or_else(wrong)
    }

    /// The page's greatest number of items.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT_DEFAULT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| {
            Problem::invalid_parameter(
                "limit",
                "ska vara ett heltal från 1 till 10000",
                "must be a number from 1 to 10000",
            )
        })
    }

    /// A path with these parameters but one.
    pub(crate) fn path(&self, path: &str, without: &str) -> String {
        let pairs = self.pairs.iter().filter(|(name, _)| name != without);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(pairs).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// What tells one list from another: every parameter but the page's own, in a fixed order.
    pub(crate) fn identity(&self) -> String {
        const PAGES: [&str; 4] = ["limit", "cursor", "format", "lang"];
        let own = self.pairs.iter().filter(|(name, _)| !PAGES.contains(&name.as_str()));
        own.map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let Query(pairs) = Query::try_from_uri(uri).map_err(|_| {
        Problem::new(Kind::InvalidParameter)
            .detail("frågesträngen kan inte läsas", "the query string is unreadable")
    })?;
    Ok(pairs)
}

/// Reads a month from a path or a query.
pub(crate) fn month(name: &str, text: &str) -> Result<Month, Problem> {
    let wrong =
        || Problem::invalid_parameter(name, "ska vara en månad som 2021-03", "must be a month like 2021-03");
    text.parse().map_err(|_| wrong())
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let shown: String = name.chars().take(40).collect();
    let problem = Problem::new(Kind::UnknownParameter).with("parameter", Value::from(shown.as_str()));
    match nearest(name, known) {
        Some(near) => problem
            .detail(
                format!("{shown} finns inte; menades {near}?"),
                format!("there is no {shown}; did you mean {near}?"),
            )
            .with("nearest", Value::from(near)),
        None => {
            let list = known.join(", ");
            let none = (format!("{shown} finns inte här"), format!("there is no {shown} here"));
            let some = (
                format!("{shown} finns inte; här finns {list}"),
                format!("there is no {shown}; known are {list}"),
            );
            let (sv, en) = if known.is_empty() { none } else { some };
            problem.detail(sv, en)
        }
    }
}

/// The name that is fewest edits away, when that is few enough to be a slip.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|candidate| (distance(name, candidate), *candidate)).min()?;
    (near.0 <= near.1.len().div_ceil(3).max(2)).then_some(near.1)
}

/// Levenshtein's distance, over bytes; names are ASCII. Long names are not worth comparing.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_four_digits() {
        assert_eq!(year("2021"), Ok(2021));
        for wrong in ["21", "02021", "1969", "-100", "+202", "2021-01", ""] {
            assert!(year(wrong).is_err(), "{wrong}");
        }
    }

    fn read(query: &str) -> Result<Params, Problem> {
        Params::read(
            &format!("/v1/usage?{query}").parse().unwrap(),
            &["from", "to", "group_by", "service", "limit", "cursor"],
        )
    }

    #[test]
    fn a_misspelt_parameter_is_told_the_nearest() {
        let nearest = |name| super::nearest(name, &["from", "to", "group_by", "costcentre", "customer"]);
        assert_eq!(nearest("groupby"), Some("group_by"));
        assert_eq!(nearest("form"), Some("from"));
        assert_eq!(nearest("cost_centre"), Some("costcentre"));
        assert_eq!(nearest("something_else"), None);
        let problem = read("groupby=month").unwrap_err();
        assert_eq!(
            problem,
            Problem::new(Kind::UnknownParameter)
                .with("parameter", "groupby".into())
                .detail(
                    "groupby finns inte; menades group_by?",
                    "there is no groupby; did you mean group_by?"
                )
                .with("nearest", "group_by".into())
        );
    }

    #[test]
    fn a_parameter_is_given_once_and_has_a_value() {
        assert!(read("from=2021-01&from=2021-02").is_err());
        assert!(read("service=").is_err());
        assert!(read("").is_ok());
    }

    #[test]
    fn an_empty_field_of_a_form_is_not_given() {
        let form = |query: &str| Params::read_form(&format!("/prices?{query}").parse().unwrap(), &["state"]);
        assert_eq!(form("state=").unwrap().get("state"), None);
        assert_eq!(form("state=draft").unwrap().get("state"), Some("draft"));
        assert!(form("other=").is_err() && form("state=a&state=b").is_err());
    }

    #[test]
    fn a_limit_is_between_one_and_ten_thousand() {
        assert_eq!(read("").unwrap().limit(), Ok(1_000));
        assert_eq!(read("limit=10000").unwrap().limit(), Ok(10_000));
        for wrong in ["0", "10001", "-1", "x", "1e3", "99999999999999999999"] {
            assert!(read(&format!("limit={wrong}")).unwrap().limit().is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_decoded_and_the_identity_ignores_order_and_page() {
        let one = read("service=e-moten&from=2021%2D01&limit=5").unwrap();
        let other = read("from=2021-01&cursor=abc&service=e-moten").unwrap();
        assert_eq!(one.identity(), other.identity());
        assert_eq!(one.month("from"), Ok(Some("2021-01".parse().unwrap())));
    }
}
