//! What an event is at its position: exactly one of counting §3.

use domain::{Fingerprint, Instant};
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
    /// The [`Position::place`] of the first revision of its life: an identity that was forgotten begins another.
    pub life: u64,
    /// The later one of its `time` and its record's `received`.
    pub latest: Instant,
    /// What the caller knows it by.
    pub row: R,
}

/// An event that is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Where it lies: the generation, and the position in its partition.
    pub place: (u16, Position),
    /// Its revision number.
    pub seq: u32,
    /// Its content.
    pub fingerprint: Fingerprint,
    /// Whether it completes a snapshot.
    pub is_marker: bool,
    /// The identity horizon before its record's `received`: an identity whose revisions are all older is forgotten.
    pub oldest: Instant,
}

/// An event's outcome, and the earlier revision that it concerns: the one to subtract, or the one it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement<R> {
    /// The outcome.
    pub outcome: Outcome,
    /// The highest earlier revision; of a duplicate or conflict the same one.
    pub earlier: Option<Earlier<R>>,
    /// The life that the event belongs to.
    pub life: u64,
}

/// Judges an event by all that may be known of its identity, in any order. What does not lie before its place is left out: a
/// store may hold the results of an owner that was further ahead. So is what was forgotten by then, whole (counting §5):
/// that depends on the records' own `received`, so it is the same whenever it is judged, and whatever was deleted of it. The
/// same revision is judged first, then the order.
pub fn judge<R: Copy, I: Iterator<Item = Earlier<R>>>(
    known: impl Fn() -> I,
    candidate: &Candidate,
) -> Judgement<R> {
    let before = || known().filter(|earlier| earlier.place < candidate.place);
    let anew = candidate.place.1.place(candidate.place.0);
    let current = before().max_by_key(|earlier| (earlier.place, earlier.life)).map(|newest| newest.life);
    let of_life = |life| move |earlier: &Earlier<R>| earlier.life == life;
    let latest = current.and_then(|life| before().filter(of_life(life)).map(|earlier| earlier.latest).max());
    let Some(life) = current.filter(|_| latest.is_some_and(|latest| latest >= candidate.oldest)) else {
        let outcome = if candidate.is_marker { Outcome::Marker } else { Outcome::Metered };
        return Judgement { outcome, earlier: None, life: anew };
    };
    let mut highest: Option<Earlier<R>> = None;
    for earlier in before().filter(of_life(life)) {
        if earlier.seq == candidate.seq {
            let same = earlier.fingerprint == candidate.fingerprint;
            let outcome = if same { Outcome::Duplicate } else { Outcome::Conflict };
            return Judgement { outcome, earlier: Some(earlier), life };
        }
        if highest.is_none_or(|highest| earlier.seq > highest.seq) {
            highest = Some(earlier);
        }
    }
    let is_behind = highest.is_some_and(|highest| candidate.seq < highest.seq);
    let outcome = if is_behind { Outcome::Superseded } else { Outcome::Revised };
    Judgement { outcome, earlier: highest, life }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of the first life, seen at its offset, which is also its instant.
    fn earlier(seq: u32, content: u128, offset: u64) -> Earlier<u32> {
        let latest = Instant::from_micros(offset.cast_signed());
        let life = Position::new(1, 0).place(1);
        Earlier {
            seq,
            fingerprint: Fingerprint(content),
            place: (1, Position::new(offset, 0)),
            life,
            latest,
            row: seq,
        }
    }

    fn candidate(seq: u32, content: u128) -> Candidate {
        Candidate {
            place: (1, Position::new(100, 0)),
            seq,
            fingerprint: Fingerprint(content),
            is_marker: false,
            oldest: Instant::from_micros(i64::MIN),
        }
    }

    fn outcome(known: &[Earlier<u32>], seq: u32, content: u128) -> (Outcome, Option<u32>) {
        let judged = judge(|| known.iter().copied(), &candidate(seq, content));
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
        let judged = |known: &[Earlier<u32>]| {
            judge(|| known.iter().copied(), &Candidate { is_marker: true, ..candidate(0, 1) }).outcome
        };
        assert_eq!(judged(&[]), Outcome::Marker);
        assert_eq!(judged(&[earlier(0, 1, 5)]), Outcome::Duplicate);
        assert_eq!(judged(&[earlier(0, 2, 5)]), Outcome::Conflict);
        assert_eq!(judged(&[earlier(1, 2, 5)]), Outcome::Superseded);
    }

    #[test]
    fn an_identity_is_forgotten_whole_when_its_latest_revision_is_older_than_the_horizon() {
        // Revision 0 at instant 10, revision 1 at instant 20.
        let known = [earlier(0, 7, 10), earlier(1, 8, 20)];
        let judged = |oldest, seq, content| {
            let oldest = Instant::from_micros(oldest);
            let judged = judge(|| known.iter().copied(), &Candidate { oldest, ..candidate(seq, content) });
            (judged.outcome, judged.life)
        };
        let (old, anew) = (Position::new(1, 0).place(1), Position::new(100, 0).place(1));
        assert_eq!(judged(20, 0, 7), (Outcome::Duplicate, old));
        assert_eq!(judged(21, 0, 7), (Outcome::Metered, anew));
        assert_eq!(judged(21, 2, 9), (Outcome::Metered, anew));
    }

    #[test]
    fn another_life_knows_nothing_of_the_one_before() {
        let life = Position::new(50, 0).place(1);
        let again = Earlier { life, ..earlier(0, 7, 50) };
        let known = [earlier(3, 8, 2), again];
        assert_eq!(outcome(&known, 3, 8), (Outcome::Revised, Some(0)));
        assert_eq!(outcome(&known, 0, 7), (Outcome::Duplicate, Some(0)));
        let judged = judge(|| known.iter().copied(), &candidate(1, 1));
        assert_eq!(judged.life, life);
    }
}
