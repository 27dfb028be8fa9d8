//! The fields of one JSON object, unparsed, and the readers of `data`.

use std::borrow::Cow;
use std::fmt;

use domain::event::{Body, CustomerClaim, CustomerKind, SnapshotCompleted, Usage};
use domain::rejection::{Code, Rejection};
use domain::{Instant, Quantity, calendar};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{instant, shortened};

/// How many fields an object may have; the largest right one, with extensions, has far fewer.
const FIELDS_MAX: usize = 64;

/// One object's fields in the order they were written; no name occurs twice.
pub(super) struct Fields<'a> {
    entries: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// What stands before a field's name in messages: `data.` within `data`.
    prefix: &'static str,
}

impl<'a> Fields<'a> {
    /// Reads an object; refuses what is none, and one that has a name twice.
    pub(super) fn read(text: &'a str, prefix: &'static str) -> Result<Self, Rejection> {
        let place = if prefix.is_empty() { "the event" } else { prefix.trim_end_matches('.') };
        if !text.trim_start().starts_with('{') {
            return Err(Rejection::new(
                if prefix.is_empty() { Code::InvalidJson } else { Code::WrongType },
                format!("{place} must be a JSON object"),
            ));
        }
        let Entries(entries) = serde_json::from_str(text).map_err(|e| {
            Rejection::new(
                Code::InvalidJson,
                format!("{place} is not JSON (line {}, column {})", e.line(), e.column()),
            )
        })?;
        if entries.len() > FIELDS_MAX {
            return Err(Rejection::new(
                Code::UnknownField,
                format!("{place} has more than {FIELDS_MAX} fields"),
            ));
        }
        for (n, (name, _)) in entries.iter().enumerate() {
            if entries[..n].iter().any(|(earlier, _)| earlier == name) {
                return Err(Rejection::new(
                    Code::DuplicateKey,
                    format!("{prefix}{} is there twice", shortened(name)),
                ));
            }
        }
        Ok(Self { entries, prefix })
    }

    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.entries.iter().find(|(field, _)| field == name)?;
        // CloudEvents JSON §2.2: null is the same as not there.
        Some(value.get()).filter(|value| *value != "null")
    }

    /// A required field as it was written.
    pub(super) fn raw(&self, name: &str) -> Result<&'a str, Rejection> {
        self.find(name)
            .ok_or_else(|| Rejection::new(Code::MissingField, format!("{} is missing", self.path(name))))
    }

    /// A required string.
    pub(super) fn text(&self, name: &str) -> Result<Cow<'a, str>, Rejection> {
        string(|| self.path(name), self.raw(name)?)
    }

    /// A string that may be missing.
    pub(super) fn text_if_any(&self, name: &str) -> Result<Option<Cow<'a, str>>, Rejection> {
        self.find(name).map(|raw| string(|| self.path(name), raw)).transpose()
    }

    /// The fields that are not in `known`.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = (&str, &'a str)> {
        self.entries
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_ref()))
            .map(|(name, raw)| (name.as_ref(), raw.get()))
    }

    fn refuse_others(&self, known: &[&str]) -> Result<(), Rejection> {
        match self.others(known).next() {
            None => Ok(()),
            Some((name, _)) => Err(Rejection::new(
                Code::UnknownField,
                format!("{}{} is not known; known are {}", self.prefix, shortened(name), known.join(", ")),
            )),
        }
    }

    fn whole(&self, name: &str, code: Code, max: u64) -> Result<Option<u64>, Rejection> {
        let Some(raw) = self.find(name) else { return Ok(None) };
        raw.parse().ok().filter(|number| *number <= max).map(Some).ok_or_else(|| {
            Rejection::new(code, format!("{} must be a whole number from 0 to {max}", self.path(name)))
        })
    }

    fn truth(&self, name: &str) -> Result<bool, Rejection> {
        match self.find(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                Err(Rejection::new(Code::WrongType, format!("{} must be true or false", self.path(name))))
            }
        }
    }

    fn day(&self) -> Result<Option<chrono::NaiveDate>, Rejection> {
        let Some(text) = self.text_if_any("day")? else { return Ok(None) };
        calendar::parse_day(&text).map(Some).ok_or_else(|| {
            Rejection::new(
                Code::InvalidDay,
                format!("{} must be a date such as 2021-01-15", self.path("day")),
            )
        })
    }
}

/// A JSON string's text, borrowed unless it holds an escape. Its path is only asked for when it is wrong.
pub(super) fn string<'a>(path: impl Fn() -> String, raw: &'a str) -> Result<Cow<'a, str>, Rejection> {
    let wrong = || Rejection::new(Code::WrongType, format!("{} must be a string", shortened(&path())));
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(wrong)?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).map(Cow::Owned).map_err(|_| {
        let detail = format!("{} holds an escape that is no character", shortened(&path()));
        Rejection::new(Code::InvalidJson, detail)
    })
}

const USAGE_FIELDS: [&str; 11] = [
    "service",
    "meter",
    "quantity",
    "unit",
    "customer",
    "dims",
    "day",
    "measured_from",
    "measured_to",
    "seq",
    "retracted",
];

/// `data` of a usage (contract, "Event").
pub(super) fn usage<'a>(data: &Fields<'a>, time: Instant) -> Result<Body<'a>, Rejection> {
    data.refuse_others(&USAGE_FIELDS)?;
    let measured = match (interval_end(data, "measured_from")?, interval_end(data, "measured_to")?) {
        (None, None) => None,
        (Some(from), Some(to)) => Some((from, to)),
        (Some(_), None) | (None, Some(_)) => {
            return Err(Rejection::new(
                Code::InvalidInterval,
                "data.measured_from and data.measured_to belong together",
            ));
        }
    };
    let seq = data.whole("seq", Code::InvalidSeq, u64::from(u32::MAX))?.unwrap_or(0);
    Ok(Body::Usage(Usage {
        service: data.text("service")?,
        meter: data.text("meter")?,
        quantity: quantity(data.raw("quantity")?)?,
        unit: data.text("unit")?,
        customer: customer(data.raw("customer")?)?,
        dims: dims(data)?,
        day: data.day()?.unwrap_or_else(|| time.day()),
        measured,
        seq: u32::try_from(seq).unwrap_or(u32::MAX),
        retracted: data.truth("retracted")?,
    }))
}

fn interval_end(data: &Fields<'_>, name: &str) -> Result<Option<Instant>, Rejection> {
    instant(data, name).map_err(|rejection| Rejection::new(Code::InvalidInterval, rejection.detail))
}

/// The greatest count of a snapshot: far above any source, and what a marker's column holds.
const COUNT_MAX: u64 = 1_000_000_000;

/// `data` of a `snapshot.completed` marker.
pub(super) fn marker<'a>(data: &Fields<'a>, time: Instant) -> Result<Body<'a>, Rejection> {
    data.refuse_others(&["service", "meter", "day", "count", "refused"])?;
    let count = data
        .whole("count", Code::InvalidCount, COUNT_MAX)?
        .ok_or_else(|| Rejection::new(Code::MissingField, "data.count is missing"))?;
    let refused = data.whole("refused", Code::InvalidCount, COUNT_MAX)?.unwrap_or(0);
    Ok(Body::SnapshotCompleted(SnapshotCompleted {
        service: data.text("service")?,
        meter: data.text("meter")?,
        day: data.day()?.unwrap_or_else(|| time.day()),
        count: u32::try_from(count).unwrap_or(u32::MAX),
        refused: u32::try_from(refused).unwrap_or(u32::MAX),
    }))
}

/// V7: a decimal string of at most 15 + 6 digits, or a JSON number of that value.
fn quantity(raw: &str) -> Result<Quantity, Rejection> {
    let refuse = |why: &str| Err(Rejection::new(Code::InvalidQuantity, format!("data.quantity {why}")));
    let parsed = match raw.as_bytes().first() {
        Some(b'"') => {
            let text = string(|| "data.quantity".to_owned(), raw)?;
            if text.contains(['e', 'E'])
                || text.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 6)
            {
                return refuse("as a string has at most 6 decimals and no exponent");
            }
            Quantity::parse(&text)
        }
        Some(b'-' | b'0'..=b'9') => Quantity::parse(raw),
        _ => {
            return Err(Rejection::new(
                Code::WrongType,
                "data.quantity must be a decimal string or a number",
            ));
        }
    };
    parsed.or_else(|why| refuse(&format!("is {why}; it takes -?\\d{{1,15}}(\\.\\d{{1,6}})?")))
}

fn customer(raw: &str) -> Result<CustomerClaim<'_>, Rejection> {
    let customer = Fields::read(raw, "data.customer.")?;
    customer.refuse_others(&["kind", "code", "costcentre", "object"])?;
    let kind = CustomerKind::from_name(&customer.text("kind")?).ok_or_else(|| {
        Rejection::new(Code::InvalidCustomer, "data.customer.kind must be forvaltning, bolag or objekt")
    })?;
    Ok(CustomerClaim {
        kind,
        code: customer.text("code")?,
        costcentre: customer.text("costcentre")?,
        object: customer.text_if_any("object")?,
    })
}

/// Dimensions: name and value.
type Dims<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

fn dims<'a>(data: &Fields<'a>) -> Result<Dims<'a>, Rejection> {
    let Some(raw) = data.find("dims") else { return Ok(Vec::new()) };
    let fields = Fields::read(raw, "data.dims.")?;
    let mut dims = Vec::with_capacity(fields.entries.len());
    for (name, value) in &fields.entries {
        let value = string(|| fields.path(&shortened(name)), value.get())?;
        dims.push((name.clone(), value));
    }
    dims.sort_unstable();
    Ok(dims)
}

/// An object's fields as serde reads them: names that borrow where they can, values unparsed, repetitions kept.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(12);
                while let Some((Name(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Object).map(Entries)
    }
}

/// A field's name; serde's own `Cow` would always copy it.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Name)
    }
}
