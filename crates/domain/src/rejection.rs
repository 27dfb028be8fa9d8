//! Why an event is refused, parked or quarantined: a closed list of reasons with stable codes.

use std::fmt;

/// A reason with a stable code. Senders, metrics, the quarantine and the invalid examples in `schemas/` all name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The bytes are not one JSON object.
    InvalidJson,
    /// An object has the same key twice, so readers could disagree about it.
    DuplicateKey,
    /// The event is larger than 64 KiB (V1).
    EventTooLarge,
    /// Objects and arrays are nested more than 32 deep.
    TooDeep,
    /// A required attribute or field is missing.
    MissingField,
    /// A field has the wrong JSON type.
    WrongType,
    /// A field that the contract does not know, or an attribute name that CloudEvents 1.0 §3.1 does not allow.
    UnknownField,
    /// `specversion` is not `1.0`.
    UnsupportedSpecversion,
    /// `id` is not 1 to 200 printable ASCII characters (V4).
    InvalidId,
    /// `source` is not a URI-reference of 1 to 200 characters.
    InvalidSource,
    /// `type` is not one that the contract knows (V2).
    UnknownType,
    /// `dataschema` is not `urn:lkdata:schema:usage:1` (V2).
    UnsupportedDataschema,
    /// `datacontenttype` is not JSON.
    UnsupportedContentType,
    /// `time` is not RFC 3339 with an offset (V5).
    InvalidTime,
    /// `time` is more than ten minutes ahead of the collector's clock (V5).
    TimeInFuture,
    /// `time` is before the service began (V5).
    BeforeServiceStart,
    /// `subject` is neither a pseudonym nor an allowed object (V9).
    InvalidSubject,
    /// `service` or `meter` is not a slug.
    InvalidSlug,
    /// `unit` is not the meter's unit (V6).
    WrongUnit,
    /// `quantity` is not a decimal of at most 15 + 6 digits within ±10¹⁵ (V7).
    InvalidQuantity,
    /// `quantity` is negative and the meter does not take that (V7).
    NegativeQuantity,
    /// `customer` has an unknown kind or an ill-formed code or object.
    InvalidCustomer,
    /// `costcentre` does not match `[A-Z0-9]{1,20}`.
    InvalidCostcentre,
    /// `dims` has an ill-formed name or value, or too many of them.
    InvalidDims,
    /// A dimension that the price depends on is missing.
    MissingDimension,
    /// A dimension that the price depends on has a value that the catalogue does not know.
    UnknownDimensionValue,
    /// `day` is neither the Swedish date of `time` nor the day before.
    InvalidDay,
    /// `measured_from` and `measured_to` do not make an interval of at most 31 days (V11).
    InvalidInterval,
    /// `seq` is not a whole number from 0 to 4294967295.
    InvalidSeq,
    /// `retracted` is true at `seq` 0, where there is nothing to take back.
    RetractedFirst,
    /// `count` or `refused` of a snapshot marker is not a whole number from 0 to 10⁹.
    InvalidCount,
    /// The event's type does not belong to the meter that it names.
    TypeNotOfMeter,
    /// The meter is billed from the catalogue's agreements and takes no events.
    MeterTakesNoEvents,
    /// A string holds a personal identity number, an e-mail address, a phone number or an IP address (V10).
    PersonalData,
    /// The sender's key is not registered for this `source` (V3).
    SourceNotAllowed,
    /// Parked: the catalogue has no such service yet.
    UnknownService,
    /// Parked: the service has no such meter yet.
    UnknownMeter,
    /// Quarantined: the same identity and `seq` with other content was counted before.
    Conflict,
    /// Quarantined: older than the identity horizon when it was received.
    TooOld,
    /// Quarantined: found in a partition that is not its own.
    Misrouted,
    /// Quarantined: a record that cannot be read.
    Undecodable,
}

impl Code {
    /// Every code, in the order of the list above.
    pub const ALL: [Code; 41] = [
        Code::InvalidJson,
        Code::DuplicateKey,
        Code::EventTooLarge,
        Code::TooDeep,
        Code::MissingField,
        Code::WrongType,
        Code::UnknownField,
        Code::UnsupportedSpecversion,
        Code::InvalidId,
        Code::InvalidSource,
        Code::UnknownType,
        Code::UnsupportedDataschema,
        Code::UnsupportedContentType,
        Code::InvalidTime,
        Code::TimeInFuture,
        Code::BeforeServiceStart,
        Code::InvalidSubject,
        Code::InvalidSlug,
        Code::WrongUnit,
        Code::InvalidQuantity,
        Code::NegativeQuantity,
        Code::InvalidCustomer,
        Code::InvalidCostcentre,
        Code::InvalidDims,
        Code::MissingDimension,
        Code::UnknownDimensionValue,
        Code::InvalidDay,
        Code::InvalidInterval,
        Code::InvalidSeq,
        Code::RetractedFirst,
        Code::InvalidCount,
        Code::TypeNotOfMeter,
        Code::MeterTakesNoEvents,
        Code::PersonalData,
        Code::SourceNotAllowed,
        Code::UnknownService,
        Code::UnknownMeter,
        Code::Conflict,
        Code::TooOld,
        Code::Misrouted,
        Code::Undecodable,
    ];

    /// The stable name, as in answers, metrics and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Code::InvalidJson => "invalid_json",
            Code::DuplicateKey => "duplicate_key",
            Code::EventTooLarge => "event_too_large",
            Code::TooDeep => "too_deep",
            Code::MissingField => "missing_field",
            Code::WrongType => "wrong_type",
            Code::UnknownField => "unknown_field",
            Code::UnsupportedSpecversion => "unsupported_specversion",
            Code::InvalidId => "invalid_id",
            Code::InvalidSource => "invalid_source",
            Code::UnknownType => "unknown_type",
            Code::UnsupportedDataschema => "unsupported_dataschema",
            Code::UnsupportedContentType => "unsupported_content_type",
            Code::InvalidTime => "invalid_time",
            Code::TimeInFuture => "time_in_future",
            Code::BeforeServiceStart => "before_service_start",
            Code::InvalidSubject => "invalid_subject",
            Code::InvalidSlug => "invalid_slug",
            Code::WrongUnit => "wrong_unit",
            Code::InvalidQuantity => "invalid_quantity",
            Code::NegativeQuantity => "negative_quantity",
            Code::InvalidCustomer => "invalid_customer",
            Code::InvalidCostcentre => "invalid_costcentre",
            Code::InvalidDims => "invalid_dims",
            Code::MissingDimension => "missing_dimension",
            Code::UnknownDimensionValue => "unknown_dimension_value",
            Code::InvalidDay => "invalid_day",
            Code::InvalidInterval => "invalid_interval",
            Code::InvalidSeq => "invalid_seq",
            Code::RetractedFirst => "retracted_first",
            Code::InvalidCount => "invalid_count",
            Code::TypeNotOfMeter => "type_not_of_meter",
            Code::MeterTakesNoEvents => "meter_takes_no_events",
            Code::PersonalData => "personal_data",
            Code::SourceNotAllowed => "source_not_allowed",
            Code::UnknownService => "unknown_service",
            Code::UnknownMeter => "unknown_meter",
            Code::Conflict => "conflict",
            Code::TooOld => "too_old",
            Code::Misrouted => "misrouted",
            Code::Undecodable => "undecodable",
        }
    }

    /// The code with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Whether the event is right in itself and only waits for the catalogue (design §4, "parked").
    pub const fn is_parked(self) -> bool {
        matches!(self, Code::UnknownService | Code::UnknownMeter)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An event that cannot be taken as it is: the reason, and what exactly is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
#[must_use = "a rejection must reach the sender or the quarantine"]
pub struct Rejection {
    /// The stable reason.
    pub code: Code,
    /// The field, what it holds and what it should hold. Never repeats a value that may be personal data.
    pub detail: String,
}

impl Rejection {
    /// A rejection with its explanation.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(code));
        }
    }
}
