//! What an event is at its position: exactly one of counting §3.

use domain::Fingerprint;
use store::rows::Position;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its identity was never seen: it adds its contribution.
    Metered,
    /// Its revision is higher than every earlier one: theirs is subtracted, its own added.
    Revised,
    /// The same revision with the same content came earlier.
    Duplicate,
    /// The same revision with other content came earlier.
    Conflict,
    /// A higher revision came earlier.
    Superseded,
    /// The first sight of a marker.
    Marker,
    /// Too old, misrouted or undecodable. It claims no identity.
    Quarantined,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 7] = [
        Outcome::Metered,
        Outcome::Revised,
        Outcome::Duplicate,
        Outcome::Conflict,
        Outcome::Superseded,
        Outcome::Marker,
        Outcome::Quarantined,
    ];

    /// As it stands in the books.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Metered => "metered",
            Outcome::Revised => "revised",
            Outcome::Duplicate => "duplicate",
            Outcome::Conflict => "conflict",
            Outcome::Superseded => "superseded",
            Outcome::Marker => "marker",
            Outcome::Quarantined => "quarantined",
        }
    }
}

/// An earlier revision of an event's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier<R> {
    /// Its revision number.
    pub seq: u32,
    /// Its content.
    pub fingerprint: Fingerprint,
    /// Where it was first seen.
    pub place: (u16, Position),
    /// What the caller knows it by.
    pub row: R,
}

/// An event's outcome, and the earlier revision that it concerns: the one to subtract, or the one it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement<R> {
    /// The outcome.
    pub outcome: Outcome,
    /// The highest earlier revision; of a duplicate or conflict the same one.
    pub earlier: Option<Earlier<R>>,
}

/// Judges an event by all that may be known of its identity. What does not lie before `place` is left out: a store may
/// hold the results of an owner that was further ahead. The same revision is judged first, then the order.
pub fn judge<R: Copy>(
    known: impl Iterator<Item = Earlier<R>>,
    place: (u16, Position),
    seq: u32,
    fingerprint: Fingerprint,
    is_marker: bool,
) -> Judgement<R> {
    let mut highest: Option<Earlier<R>> = None;
    for earlier in known.filter(|earlier| earlier.place < place) {
        if earlier.seq == seq {
            let outcome =
                if earlier.fingerprint == fingerprint { Outcome::Duplicate } else { Outcome::Conflict };
            return Judgement { outcome, earlier: Some(earlier) };
        }
        if highest.is_none_or(|highest| earlier.seq > highest.seq) {
            highest = Some(earlier);
        }
    }
    let outcome = match highest {
        None if is_marker => Outcome::Marker,
        None => Outcome::Metered,
        Some(highest) if seq < highest.seq => Outcome::Superseded,
        Some(_) => Outcome::Revised,
    };
    Judgement { outcome, earlier: highest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier(seq: u32, content: u128, offset: u64) -> Earlier<u32> {
        Earlier { seq, fingerprint: Fingerprint(content), place: (1, Position::new(offset, 0)), row: seq }
    }

    fn outcome(known: &[Earlier<u32>], seq: u32, content: u128) -> (Outcome, Option<u32>) {
        let place = (1, Position::new(100, 0));
        let judged = judge(known.iter().copied(), place, seq, Fingerprint(content), false);
        (judged.outcome, judged.earlier.map(|earlier| earlier.row))
    }

    #[test]
    fn an_event_is_exactly_one_of_the_outcomes() {
        let known = [earlier(0, 7, 1), earlier(3, 8, 2)];
        assert_eq!(outcome(&[], 0, 7), (Outcome::Metered, None));
        assert_eq!(outcome(&[], 5, 7), (Outcome::Metered, None));
        assert_eq!(outcome(&known, 0, 7), (Outcome::Duplicate, Some(0)));
        assert_eq!(outcome(&known, 0, 9), (Outcome::Conflict, Some(0)));
        assert_eq!(outcome(&known, 1, 7), (Outcome::Superseded, Some(3)));
        assert_eq!(outcome(&known, 3, 8), (Outcome::Duplicate, Some(3)));
        assert_eq!(outcome(&known, 4, 7), (Outcome::Revised, Some(3)));
    }

    #[test]
    fn what_lies_at_or_behind_the_position_is_not_known_yet() {
        assert_eq!(outcome(&[earlier(0, 7, 100)], 0, 7), (Outcome::Metered, None));
        assert_eq!(outcome(&[earlier(0, 7, 101), earlier(0, 7, 99)], 0, 7), (Outcome::Duplicate, Some(0)));
    }

    #[test]
    fn an_earlier_generation_is_known_whatever_its_position() {
        let old = Earlier { place: (0, Position::new(9_999, 0)), ..earlier(2, 7, 0) };
        assert_eq!(outcome(&[old], 2, 7), (Outcome::Duplicate, Some(2)));
    }

    #[test]
    fn only_the_first_sight_of_a_marker_is_one() {
        let place = (1, Position::new(100, 0));
        let judged =
            |known: &[Earlier<u32>]| judge(known.iter().copied(), place, 0, Fingerprint(1), true).outcome;
        assert_eq!(judged(&[]), Outcome::Marker);
        assert_eq!(judged(&[earlier(0, 1, 5)]), Outcome::Duplicate);
        assert_eq!(judged(&[earlier(0, 2, 5)]), Outcome::Conflict);
        assert_eq!(judged(&[earlier(1, 2, 5)]), Outcome::Superseded);
    }
}
