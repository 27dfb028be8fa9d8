//! What was sent: an event that is right in itself, whatever the catalogue says.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};

use crate::calendar::{Instant, next_day};
use crate::identity::{EventKey, Fingerprint, first_128_bits};
use crate::personal_data;
use crate::quantity::Quantity;
use crate::rejection::{Code, Rejection};

/// The schema that `dataschema` must name.
pub const DATASCHEMA: &str = "urn:lkdata:schema:usage:1";
/// What every event type begins with.
pub const TYPE_PREFIX: &str = "se.linkoping.lkdata.usage.";
/// What every event type ends with.
pub const TYPE_SUFFIX: &str = ".v1";
/// The type of the marker that completes a snapshot.
pub const SNAPSHOT_COMPLETED: &str = "se.linkoping.lkdata.usage.snapshot.completed.v1";
/// The largest event, in bytes of JSON (V1).
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// The longest `id` (V4) and `source`.
pub const ID_CHARS_MAX: usize = 200;
/// The longest `subject` and dimension value; what is longer is a document, not a name.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// How many dimensions an event may have.
pub const DIMS_MAX: usize = 16;
/// How long a measured interval may be (V11), in microseconds: 31 days.
pub const INTERVAL_MICROS_MAX: i64 = 31 * 24 * 3_600 * 1_000_000;
/// How far ahead of the collector's clock `time` may be (V5), in microseconds: ten minutes.
pub const AHEAD_MICROS_MAX: i64 = 600 * 1_000_000;

/// An event that was checked: its envelope and what it says. Text is borrowed from what was read where it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// CloudEvents `source`.
    pub source: Cow<'a, str>,
    /// CloudEvents `id`; identity is (`source`, `id`).
    pub id: Cow<'a, str>,
    /// CloudEvents `type`, whole.
    pub event_type: Cow<'a, str>,
    /// CloudEvents `subject`: a pseudonym or an object.
    pub subject: Cow<'a, str>,
    /// CloudEvents `time`.
    pub time: Instant,
    /// What it says.
    pub body: Body<'a>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A usage.
    Usage(Usage<'a>),
    /// That a snapshot is complete.
    SnapshotCompleted(SnapshotCompleted<'a>),
}

/// A usage of one meter of one service by one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage<'a> {
    /// The service's slug.
    pub service: Cow<'a, str>,
    /// The meter's slug within the service.
    pub meter: Cow<'a, str>,
    /// How much.
    pub quantity: Quantity,
    /// Of what: must be the meter's unit.
    pub unit: Cow<'a, str>,
    /// Who, as the sender claims. The owner of the cost centre on the day pays, not this claim.
    pub customer: CustomerClaim<'a>,
    /// Dimensions, sorted by name.
    pub dims: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The Swedish day of the usage: the event's `day`, else the Swedish date of `time`.
    pub day: NaiveDate,
    /// The measured interval, when the sender gave one.
    pub measured: Option<(Instant, Instant)>,
    /// The revision; 0 is the first.
    pub seq: u32,
    /// Takes the event back.
    pub retracted: bool,
}

/// Who used it, as the sender claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerClaim<'a> {
    /// An administration, a company or an object of the municipality.
    pub kind: CustomerKind,
    /// The customer's code.
    pub code: Cow<'a, str>,
    /// The cost centre that it is counted under.
    pub costcentre: Cow<'a, str>,
    /// The ordering object (platform services are ordered by other objects).
    pub object: Option<Cow<'a, str>>,
}

/// The kinds of customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CustomerKind {
    /// An administration (förvaltning): part of the municipality, no VAT.
    Forvaltning,
    /// A municipal company (bolag): a taxable person of its own.
    Bolag,
    /// Another object (objekt) that orders a platform service.
    Objekt,
}

impl CustomerKind {
    /// Every kind.
    pub const ALL: [CustomerKind; 3] = [CustomerKind::Forvaltning, CustomerKind::Bolag, CustomerKind::Objekt];

    /// As it is written in events and the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            CustomerKind::Forvaltning => "forvaltning",
            CustomerKind::Bolag => "bolag",
            CustomerKind::Objekt => "objekt",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// "The snapshot of this meter for this day is complete and had so many observations" (V13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotCompleted<'a> {
    /// The service's slug.
    pub service: Cow<'a, str>,
    /// The meter's slug within the service.
    pub meter: Cow<'a, str>,
    /// The Swedish day that the snapshot is of.
    pub day: NaiveDate,
    /// How many observations the source made.
    pub count: u32,
    /// How many of them were refused when they were sent.
    pub refused: u32,
}

impl Event<'_> {
    /// Its identity.
    pub fn key(&self) -> EventKey {
        EventKey::of(&self.source, &self.id)
    }

    /// Its revision; a marker has only one.
    pub fn seq(&self) -> u32 {
        match &self.body {
            Body::Usage(usage) => usage.seq,
            Body::SnapshotCompleted(_) => 0,
        }
    }

    /// The service that it names.
    pub fn service(&self) -> &str {
        match &self.body {
            Body::Usage(usage) => &usage.service,
            Body::SnapshotCompleted(marker) => &marker.service,
        }
    }

    /// The meter that it names.
    pub fn meter(&self) -> &str {
        match &self.body {
            Body::Usage(usage) => &usage.meter,
            Body::SnapshotCompleted(marker) => &marker.meter,
        }
    }

    /// Its content (counting §1): everything decoded except the identity itself. Unknown extension attributes, the
    /// order of keys, the offset that an instant was written with and trailing zeros do not matter.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        let mut text = |value: &str| {
            hasher.update(&(value.len() as u64).to_be_bytes()).update(value.as_bytes());
        };
        text(&self.event_type);
        text(&self.subject);
        match &self.body {
            Body::Usage(usage) => {
                for value in [
                    &usage.service,
                    &usage.meter,
                    &usage.unit,
                    &usage.customer.code,
                    &usage.customer.costcentre,
                ] {
                    text(value);
                }
                text(usage.customer.kind.name());
                text(usage.customer.object.as_deref().unwrap_or(""));
                for (name, value) in &usage.dims {
                    text(name);
                    text(value);
                }
                hasher.update(&usage.day.num_days_from_ce().to_be_bytes());
                hasher.update(&usage.quantity.micros().to_be_bytes());
                let (from, to) = usage
                    .measured
                    .unwrap_or((Instant::from_micros(i64::MIN), Instant::from_micros(i64::MIN)));
                hasher.update(&from.micros().to_be_bytes()).update(&to.micros().to_be_bytes());
                hasher.update(&usage.seq.to_be_bytes()).update(&[u8::from(usage.retracted)]);
            }
            Body::SnapshotCompleted(marker) => {
                text(&marker.service);
                text(&marker.meter);
                hasher.update(&marker.day.num_days_from_ce().to_be_bytes());
                hasher.update(&marker.count.to_be_bytes()).update(&marker.refused.to_be_bytes());
            }
        }
        hasher.update(&self.time.micros().to_be_bytes());
        Fingerprint(first_128_bits(&hasher))
    }

    /// Checks what can be seen in the event alone: identity, subject, day, interval, dimensions and personal data.
    /// Whether the catalogue knows its meter, and whether it is too far ahead of a clock, is for the collector to say.
    pub fn check(self) -> Result<Self, Rejection> {
        check_identity(&self.source, &self.id)?;
        check_type(&self.event_type, matches!(self.body, Body::SnapshotCompleted(_)))?;
        for slug in [self.service(), self.meter()] {
            check_slug(slug)?;
        }
        match &self.body {
            Body::Usage(usage) => {
                check_subject(&self.subject)?;
                check_usage(usage)?;
                check_day(usage.day, self.time)?;
            }
            Body::SnapshotCompleted(marker) => {
                check_day(marker.day, self.time)?;
                if marker.refused > marker.count {
                    return Err(Rejection::new(
                        Code::InvalidCount,
                        format!("refused is {} but count is only {}", marker.refused, marker.count),
                    ));
                }
            }
        }
        self.check_personal_data()?;
        Ok(self)
    }

    fn check_personal_data(&self) -> Result<(), Rejection> {
        refuse_personal_data("source", &self.source)?;
        refuse_personal_data("id", &self.id)?;
        refuse_personal_data("subject", &self.subject)?;
        if let Body::Usage(usage) = &self.body {
            refuse_personal_data("customer.code", &usage.customer.code)?;
            refuse_personal_data("customer.costcentre", &usage.customer.costcentre)?;
            refuse_personal_data("customer.object", usage.customer.object.as_deref().unwrap_or(""))?;
            for (name, value) in &usage.dims {
                refuse_personal_data("dims", name)?;
                refuse_personal_data("dims", value)?;
            }
        }
        Ok(())
    }
}

/// Refuses a string that seems to hold personal data (V10), naming the field but never the value.
pub fn refuse_personal_data(field: &str, value: &str) -> Result<(), Rejection> {
    match personal_data::find(value) {
        None => Ok(()),
        Some(found) => Err(Rejection::new(
            Code::PersonalData,
            format!("{field} seems to hold {}: send a pseudonym or an object's own number", found.in_words()),
        )),
    }
}

fn check_identity(source: &str, id: &str) -> Result<(), Rejection> {
    let printable = |text: &str| {
        (1..=ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b))
    };
    if !printable(id) {
        return Err(Rejection::new(Code::InvalidId, "id must be 1 to 200 printable ASCII characters"));
    }
    // RFC 3986 §2: what a URI-reference never holds unescaped.
    let uri = |text: &str| printable(text) && !text.bytes().any(|b| b" \"<>\\^`{|}".contains(&b));
    if !uri(source) {
        return Err(Rejection::new(
            Code::InvalidSource,
            "source must be a URI-reference of 1 to 200 characters",
        ));
    }
    Ok(())
}

fn check_type(event_type: &str, marker: bool) -> Result<(), Rejection> {
    let name = event_type.strip_prefix(TYPE_PREFIX).and_then(|rest| rest.strip_suffix(TYPE_SUFFIX));
    let shaped = name.is_some_and(|n| {
        !n.is_empty()
            && n.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            })
    });
    if !shaped || marker != (event_type == SNAPSHOT_COMPLETED) {
        return Err(Rejection::new(
            Code::UnknownType,
            format!("type must be {TYPE_PREFIX}<what>.<happened>{TYPE_SUFFIX}, all in lower case"),
        ));
    }
    Ok(())
}

/// Refuses what is not a slug: 1 to 64 lower-case letters, digits, `-` and `_`.
pub fn check_slug(slug: &str) -> Result<(), Rejection> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=64).contains(&slug.len()) && slug.bytes().all(allowed) {
        return Ok(());
    }
    Err(Rejection::new(Code::InvalidSlug, "service and meter are 1 to 64 of a-z, 0-9, - and _"))
}

/// Whether a text is a cost centre's code: `[A-Z0-9]{1,20}`.
pub fn is_costcentre(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// V9: `ps_` and 26 characters of base32, or `kind:name` of an object.
fn check_subject(subject: &str) -> Result<(), Rejection> {
    let pseudonym = |rest: &str| {
        rest.len() == 26 && rest.bytes().all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
    };
    let object = |(kind, name): (&str, &str)| {
        (2..=20).contains(&kind.len())
            && kind.bytes().all(|b| b.is_ascii_lowercase())
            && !name.is_empty()
            && name.bytes().all(|b| (0x21..0x7f).contains(&b))
    };
    let valid = subject.len() <= SUBJECT_CHARS_MAX
        && (subject.strip_prefix("ps_").is_some_and(pseudonym)
            || subject.split_once(':').is_some_and(object));
    if valid {
        return Ok(());
    }
    Err(Rejection::new(
        Code::InvalidSubject,
        "subject must be ps_ and 26 characters of a-z2-7 (a pseudonym), or an object such as room:kb-101",
    ))
}

fn check_usage(usage: &Usage<'_>) -> Result<(), Rejection> {
    let plain =
        |text: &str, max: usize| !text.is_empty() && text.len() <= max && !text.chars().any(char::is_control);
    let customer = &usage.customer;
    if !plain(&customer.code, 20)
        || !customer.object.as_deref().is_none_or(|object| plain(object, SUBJECT_CHARS_MAX))
    {
        return Err(Rejection::new(
            Code::InvalidCustomer,
            "customer.code is 1 to 20 characters and customer.object, if given, 1 to 200",
        ));
    }
    if !is_costcentre(&customer.costcentre) {
        return Err(Rejection::new(Code::InvalidCostcentre, "customer.costcentre must match [A-Z0-9]{1,20}"));
    }
    let named = |name: &str| {
        plain(name, 40) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if usage.dims.len() > DIMS_MAX
        || !usage.dims.iter().all(|(name, value)| named(name) && plain(value, SUBJECT_CHARS_MAX))
    {
        return Err(Rejection::new(
            Code::InvalidDims,
            "dims has at most 16 names of a-z, 0-9 and _ with values of 1 to 200 characters",
        ));
    }
    if let Some((from, to)) = usage.measured
        && !(from <= to && to.micros() - from.micros() <= INTERVAL_MICROS_MAX)
    {
        return Err(Rejection::new(
            Code::InvalidInterval,
            "measured_to must not be before measured_from, nor more than 31 days after it",
        ));
    }
    if usage.retracted && usage.seq == 0 {
        return Err(Rejection::new(
            Code::RetractedFirst,
            "a retraction needs seq > 0: seq 0 is the event itself",
        ));
    }
    Ok(())
}

fn check_day(day: NaiveDate, time: Instant) -> Result<(), Rejection> {
    let date = time.day();
    if day == date || next_day(day) == date {
        return Ok(());
    }
    Err(Rejection::new(
        Code::InvalidDay,
        format!("day is {day} but must be the Swedish date of time, {date}, or the day before"),
    ))
}

#[cfg(test)]
mod tests;
