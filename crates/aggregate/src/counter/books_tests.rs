//! What the books say (counting §8), and what they say after a restart.

use eventlog::UnreadableHeader;
use store::counting::Sealed;

use super::tests::{MARCH, counter, event, events, give, id, place, record};
use super::*;
use crate::books::{OTHER_SOURCES, SOURCES_MAX};

/// (line, events) of the newest progress, over all sources and days.
fn books(counter: &mut Counter) -> Vec<(&'static str, u64)> {
    let (batch, _) = counter.emission();
    let newest = batch.progress.last().unwrap();
    let mut books: Vec<(&'static str, u64)> = Vec::new();
    for (_, _, line, events) in &newest.outcomes {
        match books.iter_mut().find(|(of, _)| of == line) {
            Some((_, sum)) => *sum += events,
            None => books.push((line, *events)),
        }
    }
    books.sort_unstable();
    books
}

fn of_batch(offset: u64, batch: u64, released: bool, n: u32) -> eventlog::Stored {
    let mut stored = events(offset, &[event(&id(n), "sum", MARCH, 5, "")]);
    let header = stored.header.as_mut().unwrap();
    (header.batch, header.released) = (batch, released);
    stored
}

#[test]
fn what_the_headers_say_stands_beside_what_was_found() {
    let mut counter = counter();
    let mut foreign = of_batch(4, 0, false, 8);
    foreign.header = Err(UnreadableHeader::Missing);
    give(
        &mut counter,
        &[
            of_batch(0, 7, false, 0),
            of_batch(1, 7, false, 0),
            of_batch(2, 9, true, 2),
            of_batch(3, 8, true, 2),
            foreign,
        ],
    );
    let want = [("accepted", 2), ("duplicate", 2), ("metered", 3), ("released", 1), ("resent", 2)];
    assert_eq!(books(&mut counter), want);
    assert_eq!(counter.emission().0.progress[0].batches, [("c".to_owned(), 1, 9)]);
}

#[test]
fn what_came_before_the_window_is_known_to_have_come_after_a_restart_too() {
    let mut first = counter();
    give(&mut first, &[of_batch(0, 7, false, 0), record(1, eventlog::Kind::Barrier { control: None }, &[])]);
    let (batch, _) = first.emission();
    let sealed = Sealed { upto: batch.progress[0].upto, batches: batch.progress[0].batches.clone() };
    let again = [of_batch(2, 7, false, 2), of_batch(3, 8, false, 4)];
    let want = [("accepted", 1), ("metered", 2), ("resent", 1)];
    first.acknowledged();
    give(&mut first, &again);
    assert_eq!(books(&mut first), want);
    let mut second = Counter::new(place(), &sealed, Filter::default());
    give(&mut second, &again);
    assert_eq!(books(&mut second), want);
}

#[test]
fn a_record_that_says_less_than_it_holds_makes_a_difference() {
    let mut counter = counter();
    let mut liar = events(0, &[event(&id(0), "sum", MARCH, 5, ""), event(&id(2), "sum", MARCH, 5, "")]);
    liar.header.as_mut().unwrap().sources[0].1 = 1;
    give(&mut counter, &[liar]);
    assert_eq!(books(&mut counter), [("accepted", 1), ("metered", 2)]);
}

#[test]
fn sources_that_somebody_makes_up_share_a_line_on_both_sides() {
    let mut counter = counter();
    let one =
        |n: usize| event(&format!("e{n}"), "sum", MARCH, 5, "").replace("\"/a\"", &format!("\"/a/{n}\""));
    let wanted = |n: &usize| EventKey::of(&format!("/a/{n}"), &format!("e{n}")).partition(2) == 0;
    let made_up: Vec<usize> = (0..).filter(wanted).take(SOURCES_MAX + 500).collect();
    for (offset, some) in (0..).zip(made_up.chunks(700)) {
        let mut stored = events(offset, &some.iter().map(|n| one(*n)).collect::<Vec<_>>());
        stored.header.as_mut().unwrap().sources = some.iter().map(|n| (format!("/a/{n}"), 1)).collect();
        give(&mut counter, &[stored]);
    }
    let (batch, _) = counter.emission();
    let outcomes = &batch.progress[0].outcomes;
    assert_eq!(outcomes.len(), 2 * SOURCES_MAX + 2);
    let others: Vec<_> =
        outcomes.iter().filter(|row| row.0 == OTHER_SOURCES).map(|row| (row.2, row.3)).collect();
    assert_eq!(others, [("accepted", 500), ("metered", 500)]);
}

#[test]
fn a_dictionary_that_grew_keeps_what_the_window_refers_to() {
    let mut counter = counter();
    give(&mut counter, &[events(0, &[event(&id(0), "sum", MARCH, 5, "")])]);
    for n in 0..DICTIONARY_MAX {
        counter.dictionary.symbol(&format!("made up {n}"));
    }
    counter.emission();
    counter.acknowledged();
    assert!(counter.dictionary.len() < 100, "{}", counter.dictionary.len());
    give(&mut counter, &[events(1, &[event(&id(2), "sum", MARCH, 7, "")])]);
    let (batch, dictionary) = counter.emission();
    let cell = batch.cells[0];
    let texts = [cell.service, cell.meter, cell.costcentre].map(|symbol| dictionary.text(symbol));
    assert_eq!((texts, cell.amount), (["s", "sum", "A1"], 12_000_000));
    assert_eq!(
        batch.progress[0].outcomes,
        [("/a".into(), 18_809, "accepted", 2), ("/a".into(), 18_809, "metered", 2)]
    );
}

#[test]
fn all_partitions_together_hold_no_more_than_a_few_full_batches() {
    let rows = |partitions| {
        let place = Place { partitions, ..place() };
        Counter::new(place, &Sealed::default(), Filter::default()).rows_max * partitions as usize
    };
    assert_eq!((rows(1), rows(8)), (BATCH_ROWS_MAX, 8 * BATCH_ROWS_MAX));
    assert_eq!(rows(64), 8 * BATCH_ROWS_MAX);
}
