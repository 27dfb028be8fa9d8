//! JSON → events: reads them, refuses personal identity numbers, and keeps what counts of each identity.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, NaiveDate};
use domain::catalogue::{Catalogue, Meter};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Outcomes, swedish};

/// The type of a snapshot's marker.
const MARKER: &str = "se.linkoping.lkdata.usage.snapshot.completed.v1";

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    service: Cow<'a, str>,
    #[serde(borrow)]
    meter: Cow<'a, str>,
    #[serde(default)]
    quantity: serde_json::Value,
    customer: Option<Customer<'a>>,
    #[serde(borrow, default)]
    dims: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    day: Option<Cow<'a, str>>,
    #[serde(borrow)]
    measured_from: Option<Cow<'a, str>>,
    #[serde(borrow)]
    measured_to: Option<Cow<'a, str>>,
    #[serde(default)]
    seq: u32,
    #[serde(default)]
    retracted: bool,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    refused: u64,
}

#[derive(Deserialize)]
struct Customer<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow)]
    costcentre: Cow<'a, str>,
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
}

/// Texts that come again and again, each once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: BTreeMap<String, u32>,
    texts: Vec<String>,
}

impl Names {
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

/// An event, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: u32,
    pub(crate) source: u32,
    pub(crate) subject: u32,
    /// Microseconds.
    pub(crate) time: i64,
    pub(crate) day: NaiveDate,
    pub(crate) service: u32,
    pub(crate) meter: u32,
    pub(crate) seq: u32,
    pub(crate) what: What,
    /// All else that two events must have in common to be the same.
    rest: u32,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Usage {
        /// Millionths.
        quantity: i128,
        class: u32,
        series: u32,
        costcentre: u32,
        retracted: bool,
    },
    Marker {
        count: u64,
        refused: u64,
    },
}

/// All identities, each with the first event of every `seq`.
pub(crate) struct Pile<'c> {
    pub(crate) catalogue: &'c Catalogue,
    pub(crate) names: Names,
    identities: BTreeMap<(u32, u32), BTreeMap<u32, Event>>,
    pub(crate) outcomes: Outcomes,
}

impl<'c> Pile<'c> {
    pub(crate) fn new(catalogue: &'c Catalogue) -> Self {
        Self {
            catalogue,
            names: Names::default(),
            identities: BTreeMap::new(),
            outcomes: Outcomes::default(),
        }
    }

    /// Takes the next event in the order sent.
    pub(crate) fn add(&mut self, json: &[u8]) {
        let wire: Wire<'_> = serde_json::from_slice(json).expect("the oracle reads only well-formed events");
        let texts = [&wire.id, &wire.source, &wire.subject].into_iter().chain(wire.data.dims.values());
        if texts.into_iter().any(|text| holds_identity_number(text)) {
            self.outcomes.refused += 1;
            return;
        }
        let catalogue = self.catalogue;
        let service = catalogue.services.get(wire.data.service.as_ref());
        let Some(meter) = service.and_then(|service| service.meters.get(wire.data.meter.as_ref())) else {
            self.outcomes.parked += 1;
            return;
        };
        let event = decode(&wire, meter, &mut self.names);
        let outcomes = &mut self.outcomes;
        let revisions = self.identities.entry((event.source, event.id)).or_default();
        let highest = revisions.keys().next_back().copied();
        let outcome = match revisions.entry(event.seq) {
            Entry::Occupied(first) if *first.get() == event => &mut outcomes.duplicate,
            Entry::Occupied(_) => &mut outcomes.conflict,
            Entry::Vacant(place) => {
                let outcome = match (highest, &event.what) {
                    (Some(seq), _) if event.seq < seq => &mut outcomes.superseded,
                    (Some(_), _) => &mut outcomes.revised,
                    (None, What::Marker { .. }) => &mut outcomes.marker,
                    (None, What::Usage { .. }) => &mut outcomes.metered,
                };
                place.insert(event);
                outcome
            }
        };
        *outcome += 1;
    }

    /// The highest revision of every identity.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Event> {
        self.identities.values().filter_map(|revisions| revisions.values().next_back())
    }
}

fn decode(wire: &Wire<'_>, meter: &Meter, names: &mut Names) -> Event {
    let data = &wire.data;
    let time = DateTime::parse_from_rfc3339(&wire.time).expect("time is RFC 3339").timestamp_micros();
    let parsed = |day: &str| NaiveDate::parse_from_str(day, "%Y-%m-%d").expect("a day such as 2021-03-31");
    let values = |wanted: fn(&domain::catalogue::Dimension) -> bool| -> String {
        let named = meter.dimensions.iter().filter(|dimension| wanted(dimension));
        named
            .map(|d| data.dims.get(d.name.as_str()).map_or("", |value| value.as_ref()))
            .collect::<Vec<_>>()
            .join("/")
    };
    let instant = |text: &Option<Cow<'_, str>>| {
        text.as_ref().map(|t| DateTime::parse_from_rfc3339(t).expect("an instant").timestamp_micros())
    };
    let mut rest = format!(
        "{}|{:?}",
        wire.event_type,
        (instant(&data.measured_from), instant(&data.measured_to), &data.dims)
    );
    let what = if wire.event_type == MARKER {
        What::Marker { count: data.count, refused: data.refused }
    } else {
        let customer = data.customer.as_ref().expect("a usage has a customer");
        rest.push_str(&format!("|{}|{}|{:?}", customer.kind, customer.code, customer.object));
        What::Usage {
            quantity: millionths(&data.quantity),
            class: names.number(&values(|dimension| dimension.rating)),
            series: names.number(&values(|dimension| dimension.series)),
            costcentre: names.number(&customer.costcentre),
            retracted: data.retracted,
        }
    };
    Event {
        id: names.number(&wire.id),
        source: names.number(&wire.source),
        subject: names.number(&wire.subject),
        time,
        day: data.day.as_ref().map_or_else(|| swedish::day_of(time), |day| parsed(day)),
        service: names.number(&data.service),
        meter: names.number(&data.meter),
        seq: data.seq,
        what,
        rest: names.number(&rest),
    }
}

fn millionths(value: &serde_json::Value) -> i128 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut decimal =
        Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).expect("a decimal");
    decimal.rescale(6);
    decimal.mantissa()
}

/// Whether a word of a text is a personal identity number: six or eight digits of a date, perhaps a sign, and four more
/// of which the last checks the nine before it.
fn holds_identity_number(text: &str) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '+'));
    words.into_iter().any(|word| {
        let digits: Vec<u32> = word.chars().filter_map(|c| c.to_digit(10)).collect();
        let signs = word.chars().filter(|c| matches!(c, '-' | '+')).count();
        let placed = signs == 0
            || (signs == 1 && word.len() > 5 && matches!(word.as_bytes()[word.len() - 5], b'-' | b'+'));
        if !matches!(digits.len(), 10 | 12) || digits.len() + signs != word.len() || !placed {
            return false;
        }
        let ten = &digits[digits.len() - 10..];
        let (month, day) = (ten[2] * 10 + ten[3], ten[4] * 10 + ten[5]);
        let check: u32 = ten
            .iter()
            .enumerate()
            .map(|(n, d)| if n % 2 == 0 { [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][*d as usize] } else { *d })
            .sum();
        (1..=12).contains(&month) && (1..=31).contains(&(day % 60)) && check.is_multiple_of(10)
    })
}
