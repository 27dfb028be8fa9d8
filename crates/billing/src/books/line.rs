//! One line of the books.

use std::ops::Deref;

use store::senders::SenderCount;
use store::usage::Books;

/// What became of a source's events that arrived on a Swedish day, and what their sender says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooksLine {
    /// What collectors took in, and what counting made of it.
    pub books: Books,
    /// What the sender says was answered as accepted; none when it has not said.
    pub sent: Option<u64>,
    /// How far `sent` is from what can be: more than was accepted (positive: something is lost), or less than what was
    /// accepted without the duplicates (negative). A sender that lost an answer sends again, and what was accepted
    /// twice is a duplicate here and one event there. None when the sender has not said, or the day is not over.
    pub sent_difference: Option<i64>,
}

impl Deref for BooksLine {
    type Target = Books;

    fn deref(&self) -> &Books {
        &self.books
    }
}

impl BooksLine {
    pub(super) fn new(books: Books) -> Self {
        Self { books, sent: None, sent_difference: None }
    }

    /// The line of a source and day of which nothing else is known.
    pub(super) fn of(count: &SenderCount) -> Self {
        Self::new(Books { source: count.source.clone(), day: count.day, ..Books::default() })
    }

    /// Compares with the sender's own count.
    pub(super) fn compare(&mut self, sent: u64, is_over: bool) {
        let most = self.accepted;
        // What was parked may have come twice as well, and nobody has told its duplicates apart yet.
        let least = most.saturating_sub(self.duplicate).saturating_sub(self.parked);
        self.sent = Some(sent);
        self.sent_difference = is_over.then(|| minus(sent, sent.clamp(least, most)));
    }

    /// Whether something is wrong.
    pub fn differs(&self) -> bool {
        self.difference() != 0 || self.sent_difference.is_some_and(|difference| difference != 0)
    }
}

/// A difference. Numbers of events are far below what an i64 holds; a sender may say anything.
fn minus(a: u64, b: u64) -> i64 {
    i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_may_have_sent_twice_what_it_counted_once() {
        let books = Books { accepted: 10, metered: 8, duplicate: 2, refused: 4, ..Books::default() };
        let cases = [(10, 0), (9, 0), (8, 0), (7, -1), (11, 1), (u64::MAX, i64::MAX)];
        for (sent, difference) in cases {
            let mut line = BooksLine::new(books.clone());
            line.compare(sent, true);
            assert_eq!((line.sent, line.sent_difference), (Some(sent), Some(difference)));
            assert_eq!(line.differs(), difference != 0);
        }
        let mut today = BooksLine::new(books);
        today.compare(99, false);
        assert_eq!((today.sent, today.sent_difference, today.differs()), (Some(99), None, false));
    }

    #[test]
    fn a_difference_of_the_collectors_is_one_without_any_sender() {
        let lost = Books { accepted: 10, metered: 8, duplicate: 1, ..Books::default() };
        assert!(BooksLine::new(lost).differs());
    }
}
