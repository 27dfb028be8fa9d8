//! records → events: which fields say who used how much of what, under which cost centre
//!
//! What a record lacks is left empty in its event, which the intake then refuses with its reason and keeps in the quarantine:
//! nothing that a system told is dropped here but what a condition leaves out.

mod condition;
mod needs;

use std::collections::BTreeMap;

use chrono::Datelike;
use domain::Instant;
use domain::calendar::parse_day;
use domain::catalogue::{Catalogue, Meter};
use domain::quantity::{MICROS, div_half_away};
use rust_decimal::Decimal;
use serde::Deserialize;

pub use self::condition::Condition;
pub(super) use self::needs::needed;
use super::pseudonym::{KeyError, Keys};
use super::source::Record;
use crate::draft::{Draft, instant_of};

/// The cost centre of what has none: it belongs to nobody, is counted, and waits for somebody to say whose it is.
pub const NO_COSTCENTRE: &str = "SAKNAS";

/// How records become events of one meter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The service's slug.
    pub service: String,
    /// The meter's slug.
    pub meter: String,
    /// The fields that tell a record from all others of its system.
    pub id: Vec<String>,
    /// What uses the service.
    pub subject: Subject,
    /// Who pays.
    pub costcentre: Costcentre,
    /// The field with the ordering object, for services that are ordered by other objects.
    #[serde(default)]
    pub object: Option<String>,
    /// How much; 1 when nothing is said.
    #[serde(default)]
    pub quantity: Option<Amount>,
    /// The field with the time; without it, that of the turn.
    #[serde(default)]
    pub time: Option<String>,
    /// The fields with the ends of the measured interval.
    #[serde(default)]
    pub measured: Option<[String; 2]>,
    /// The field with the version: a higher one takes the place of a lower.
    #[serde(default)]
    pub seq: Option<String>,
    /// The dimensions.
    #[serde(default)]
    pub dimensions: BTreeMap<String, Dimension>,
    /// What must hold of a record; others make no event of this meter.
    #[serde(default)]
    pub only: Vec<Condition>,
}

/// What uses the service: a person or a person's thing by a pseudonym, an object by its own number.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Subject {
    /// A pseudonym of these fields.
    Pseudonym {
        /// The fields of the native id.
        pseudonym: Vec<String>,
    },
    /// An object, such as `vol:` and a number.
    Object {
        /// What it begins with.
        prefix: String,
        /// The field with the object's own number.
        field: String,
    },
}

/// Who pays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costcentre {
    /// The field that says so.
    pub field: String,
    /// What its values mean, when it is not the cost centre itself.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Whether the longest of `values` that it begins with holds, as for the paths of units. In a value that begins with `/`
    /// it must end where a part of the path does.
    #[serde(default)]
    pub by_prefix: bool,
    /// The cost centre of what has none, or one that cannot be.
    #[serde(default = "no_costcentre")]
    pub otherwise: String,
}

fn no_costcentre() -> String {
    NO_COSTCENTRE.to_owned()
}

/// A quantity of a field: times another, times a number, divided by a number, rounded once to six decimals.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// The field.
    pub field: String,
    /// A field that it is multiplied by: pages and copies.
    #[serde(default)]
    pub times: Option<String>,
    /// What it is divided by: 1000000000 for bytes in GB, 3600 for seconds in hours.
    #[serde(default)]
    pub divide_by: Option<u64>,
}

/// A dimension of a field.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// The field; without it, what `otherwise` says.
    #[serde(default)]
    pub field: Option<String>,
    /// What its values mean.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What holds for a value that is not named above; without it, the value itself.
    #[serde(default)]
    pub otherwise: Option<String>,
    /// Whether it leaves as a pseudonym.
    #[serde(default)]
    pub pseudonym: bool,
}

/// What the events of a turn are made with.
#[derive(Debug, Clone, Copy)]
pub struct Making<'m> {
    /// CloudEvents `source`.
    pub source: &'m str,
    /// The kind of system, which keeps native ids apart.
    pub kind: &'m str,
    /// The turn.
    pub at: Instant,
    /// Whether the turn is a part of what tells events apart: so it is for what is there again in each.
    pub is_state: bool,
    /// Whose units, event types and payers.
    pub catalogue: &'m Catalogue,
    /// Keys of pseudonyms and ids.
    pub keys: &'m Keys,
}

/// An event that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its subject.
    pub subject: String,
    /// It, as JSON on one line.
    pub bytes: Vec<u8>,
}

impl Mapping {
    /// The event of a record; none when a condition leaves it out.
    ///
    /// # Errors
    /// A key that is not there (any more).
    pub fn event(
        &self,
        record: &Record,
        meter: &Meter,
        making: &Making<'_>,
    ) -> Result<Option<Made>, KeyError> {
        let field = |name: &String| record.get(name).map_or("", String::as_str).trim();
        if !self.only.iter().all(|condition| condition.holds(field(&condition.field), making.at)) {
            return Ok(None);
        }
        let time = self.time.as_ref().map(field);
        let instant = time.map_or(Some(making.at), instant_of);
        let year = instant.unwrap_or(making.at).day().year();
        let native = |names: &[String]| names.iter().map(field).collect::<Vec<_>>().join("|");
        let subject = match &self.subject {
            Subject::Pseudonym { pseudonym } => {
                making.keys.pseudonym(year, making.kind, &native(pseudonym))?
            }
            Subject::Object { prefix, field: name } => format!("{prefix}{}", field(name)),
        };
        let mut dims = Vec::new();
        for (name, dimension) in &self.dimensions {
            let value = dimension.value(dimension.field.as_ref().map_or("", field));
            if dimension.pseudonym && !value.is_empty() {
                dims.push((name.as_str(), making.keys.pseudonym(year, making.kind, value)?));
            } else if !value.is_empty() {
                dims.push((name.as_str(), value.to_owned()));
            }
        }
        let costcentre = self.costcentre.of(field(&self.costcentre.field));
        let day = instant.map(Instant::day);
        let draft = Draft {
            id: self.id(record, making)?,
            source: making.source,
            meter,
            service: &self.service,
            subject: &subject,
            time: instant.map_or_else(|| time.unwrap_or_default().to_owned(), |instant| instant.to_string()),
            costcentre: &costcentre,
            object: self.object.as_ref().map(field).filter(|object| !object.is_empty()),
            quantity: self.quantity.as_ref().map_or_else(|| "1".to_owned(), |amount| amount.of(record)),
            dims,
            day: day.filter(|_| self.time.is_none() && making.is_state),
            seq: self.seq.as_ref().map(field),
            measured: self.measured.as_ref().map(|[from, to]| [field(from), field(to)]),
        };
        let bytes = draft.json(making.catalogue, day).to_string().into_bytes();
        Ok(Some(Made { subject, bytes }))
    }

    /// The same for the same record of the same turn; a record without any of its fields is told apart by all of it.
    fn id(&self, record: &Record, making: &Making<'_>) -> Result<String, KeyError> {
        let turn = if making.is_state { making.at.to_string() } else { String::new() };
        let mut parts = vec![making.kind, self.service.as_str(), self.meter.as_str(), turn.as_str()];
        if self.names(record) {
            parts.extend(self.id.iter().map(|name| record.get(name).map_or("", String::as_str)));
        } else {
            parts.extend(record.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        }
        let id = making.keys.event_id(&parts)?;
        // For people who look for a day's events.
        Ok(if making.is_state { format!("{}:{id}", making.at.day()) } else { id })
    }
}

impl Costcentre {
    fn of(&self, value: &str) -> String {
        let found = if self.values.is_empty() {
            Some(value)
        } else if self.by_prefix {
            let begins = self.values.iter().filter(|(prefix, _)| begins_with(value, prefix));
            begins.max_by_key(|(prefix, _)| prefix.len()).map(|(_, costcentre)| costcentre.as_str())
        } else {
            self.values.get(value).map(String::as_str)
        };
        found
            .filter(|costcentre| domain::event::is_costcentre(costcentre))
            .unwrap_or(&self.otherwise)
            .to_owned()
    }
}

/// Whether a value begins with a prefix. In a path, the prefix ends where one of its parts does: `/Skola 1` is no beginning
/// of `/Skola 10`.
fn begins_with(value: &str, prefix: &str) -> bool {
    let is_part = |rest: &str| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/');
    value.strip_prefix(prefix).is_some_and(|rest| !value.starts_with('/') || is_part(rest))
}

impl Dimension {
    fn value<'d>(&'d self, value: &'d str) -> &'d str {
        match (self.values.get(value), &self.otherwise) {
            (Some(meant), _) => meant,
            (None, Some(otherwise)) => otherwise,
            (None, None) => value,
        }
    }
}

impl Amount {
    /// The quantity; what is no number is left as it is, and refused with its event.
    fn of(&self, record: &Record) -> String {
        let field = |name: &String| record.get(name).map_or("", String::as_str).trim();
        let text = field(&self.field);
        self.reckon(text, self.times.as_ref().map(field)).unwrap_or_else(|| text.to_owned())
    }

    fn reckon(&self, text: &str, times: Option<&str>) -> Option<String> {
        let mut value = decimal(text)?;
        if let Some(times) = times {
            value = value.checked_mul(decimal(times)?)?;
        }
        // Whole millionths, so that the one rounding is the domain's.
        let exact = value.normalize();
        let divisor = 10_i128
            .checked_pow(exact.scale())?
            .checked_mul(self.divide_by.filter(|by| *by > 0).unwrap_or(1).into())?;
        let micros = div_half_away(exact.mantissa().checked_mul(MICROS)?, divisor);
        Some(domain::Quantity::from_micros(micros).to_decimal().to_string())
    }
}

/// A number as systems write it: with a decimal point or comma, or with an exponent.
fn decimal(text: &str) -> Option<Decimal> {
    let text = text.replace(',', ".");
    if text.contains(['e', 'E']) { Decimal::from_scientific(&text).ok() } else { text.parse().ok() }
}

/// A day, as conditions compare it.
fn day_of(text: &str) -> Option<chrono::NaiveDate> {
    parse_day(text).or_else(|| instant_of(text).map(Instant::day))
}

#[cfg(test)]
mod tests;
