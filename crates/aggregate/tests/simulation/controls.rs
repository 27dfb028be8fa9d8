//! The wrong variants of the executable model, by its names, and some more: each breaks one rule on purpose and must be
//! noticed.
//!
//! All seventeen of the model apply to the real core. Each is broken outside of it, where what the core writes is stored, where what it
//! asks is answered, or in what an owner, a roll-up or a close does around it; the core has no switches.

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Control {
    PlainInserts,
    NoPositionBound,
    BoundAtRestart,
    FilterBeforeProgress,
    ZeroCellsSkipped,
    CloseWithoutWaiting,
    ProgressFirst,
    AnyObservation,
    CarryNotListed,
    MonthsNotCumulative,
    SupersededNotStored,
    EmissionInsideRecord,
    VersionUptoOnly,
    RollupReadsProgressLast,
    OutcomesNotCumulative,
    PreviewNamedByAsOf,
    NewestBarrierOfClose,
    EarlierGenerationsIgnored,
    BatchesNotCarried,
    IdentitiesDeletedEarly,
}

/// Every control: the model's with their names there, then some more; and what is wrong where.
pub(crate) const CONTROLS: [(Control, &str, &str); 20] = [
    (Control::PlainInserts, "plain_inserts", "the store adds up every row of a cell that was ever inserted"),
    (
        Control::NoPositionBound,
        "no_position_bound",
        "the store answers look-ups with rows placed before everything",
    ),
    (
        Control::BoundAtRestart,
        "bound_at_restart",
        "the store answers look-ups as of where the owner began, though what it remembers is only a cache",
    ),
    (
        Control::FilterBeforeProgress,
        "filter_before_progress",
        "the owner builds its filter, and reads progress later",
    ),
    (Control::ZeroCellsSkipped, "zero_cells_skipped", "the owner does not write a touched cell that is zero"),
    (
        Control::CloseWithoutWaiting,
        "close_without_waiting",
        "the store says that a cut is ready when its barriers are on the log, sealed or not",
    ),
    (Control::ProgressFirst, "progress_first", "the owner writes progress before the rows"),
    (
        Control::AnyObservation,
        "any_observation",
        "the store gives the positive rows of a key in any order, as if positions did not matter",
    ),
    (
        Control::CarryNotListed,
        "carry_not_listed",
        "readings and markers list only their own month as touched",
    ),
    (
        Control::MonthsNotCumulative,
        "months_not_cumulative",
        "progress lists only the months since the progress before it",
    ),
    (Control::SupersededNotStored, "superseded_not_stored", "a superseded event leaves no identity row"),
    (
        Control::EmissionInsideRecord,
        "emission_inside_record",
        "an owner counts half of a record and emits it as the whole; the counter itself takes whole records only",
    ),
    (
        Control::VersionUptoOnly,
        "version_upto_only",
        "the store versions progress by its offset alone, sealed or not",
    ),
    (
        Control::RollupReadsProgressLast,
        "rollup_reads_progress_last",
        "cells and observations are as of a round's beginning, progress as of when it is asked",
    ),
    (
        Control::OutcomesNotCumulative,
        "outcomes_not_cumulative",
        "progress has only the outcomes since the progress before it",
    ),
    (
        Control::PreviewNamedByAsOf,
        "preview_named_by_as_of",
        "previews are stored under a name made of their prefix alone",
    ),
    (
        Control::NewestBarrierOfClose,
        "newest_barrier_of_close",
        "a cut ends at the newest barrier of its close instead of the first",
    ),
    // What is not in the model: generations, the collectors' own counts, the horizon.
    (
        Control::EarlierGenerationsIgnored,
        "earlier_generations_ignored",
        "the store answers look-ups with rows of the generation that is counted alone",
    ),
    (
        Control::BatchesNotCarried,
        "batches_not_carried",
        "an owner begins without the batch numbers that progress has",
    ),
    (
        Control::IdentitiesDeletedEarly,
        "identities_deleted_early",
        "identities are deleted as soon as time has passed them by",
    ),
];

impl Control {
    pub(crate) fn named(name: &str) -> Option<Self> {
        CONTROLS.iter().find(|(_, of, _)| *of == name).map(|(control, ..)| *control)
    }
}
