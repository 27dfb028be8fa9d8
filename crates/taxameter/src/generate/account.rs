//! The account: exactly what was generated, and what must become of it.

use std::collections::BTreeMap;

use serde::Serialize;

/// What must become of an event when events arrive in the order in which they were generated (counting §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its identity is new.
    Metered,
    /// Its `seq` is higher than what came before.
    Revised,
    /// Sent before, exactly so.
    Duplicate,
    /// The same identity and `seq`, other content.
    Conflict,
    /// A higher `seq` came before.
    Superseded,
    /// The first sight of a snapshot's marker.
    Marker,
    /// Refused at the edge, for the personal data in it.
    PersonalData,
}

/// Why an item was generated the way it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An ordinary event.
    Plain,
    /// The marker of a snapshot.
    Marker,
    /// An exact copy of an earlier one.
    Duplicate,
    /// One to ten days late, before the close.
    Late,
    /// After the close of its month.
    AfterClose,
    /// Under a cost centre that the catalogue does not know.
    UnknownCostcentre,
    /// With a personal identity number in it.
    PersonalData,
    /// A revision, or an event of which revisions are sent.
    Revision,
    /// Takes another event back, or is taken back.
    Retraction,
    /// The same identity and `seq` as another, with another quantity.
    Conflict,
    /// A negative quantity for a company.
    Credit,
}

/// How many events have which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Outcomes {
    /// Events in all, the refused ones too.
    pub events: u64,
    /// See [`Outcome::Metered`].
    pub metered: u64,
    /// See [`Outcome::Revised`].
    pub revised: u64,
    /// See [`Outcome::Duplicate`].
    pub duplicate: u64,
    /// See [`Outcome::Conflict`].
    pub conflict: u64,
    /// See [`Outcome::Superseded`].
    pub superseded: u64,
    /// See [`Outcome::Marker`].
    pub marker: u64,
    /// Refused as `personal_data`.
    pub refused: u64,
}

impl Outcomes {
    fn add(&mut self, outcome: Outcome) {
        self.events += 1;
        let count = match outcome {
            Outcome::Metered => &mut self.metered,
            Outcome::Revised => &mut self.revised,
            Outcome::Duplicate => &mut self.duplicate,
            Outcome::Conflict => &mut self.conflict,
            Outcome::Superseded => &mut self.superseded,
            Outcome::Marker => &mut self.marker,
            Outcome::PersonalData => &mut self.refused,
        };
        *count += 1;
    }
}

/// What was generated so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Account {
    /// By outcome, of all sources.
    pub total: Outcomes,
    /// By what was injected.
    pub kinds: BTreeMap<Kind, u64>,
    /// Snapshots that an outage left out, of all meters and days.
    pub missing_snapshots: u64,
    /// By source.
    pub sources: BTreeMap<String, Outcomes>,
    /// Bytes of JSON, without line ends.
    pub bytes: u64,
}

impl Account {
    pub(super) fn add(&mut self, source: &str, kind: Kind, outcome: Outcome, bytes: usize) {
        self.total.add(outcome);
        *self.kinds.entry(kind).or_default() += 1;
        if let Some(outcomes) = self.sources.get_mut(source) {
            outcomes.add(outcome);
        } else {
            self.sources.entry(source.to_owned()).or_default().add(outcome);
        }
        self.bytes += bytes as u64;
    }
}

impl Kind {
    /// For the printed account.
    pub(super) const fn in_swedish(self) -> &'static str {
        match self {
            Kind::Plain => "vanliga händelser",
            Kind::Marker => "markörer för ögonblicksbilder",
            Kind::Duplicate => "exakta dubbletter",
            Kind::Late => "sena, före stängningen",
            Kind::AfterClose => "efter månadens stängning",
            Kind::UnknownCostcentre => "med okänt ansvar",
            Kind::PersonalData => "med personnummer i (avvisas)",
            Kind::Revision => "i kedjor av ändringar",
            Kind::Retraction => "återtagna och återtaganden",
            Kind::Conflict => "konflikter: samma id, annan mängd",
            Kind::Credit => "kreditering av ett bolag",
        }
    }
}
