use super::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// What became of the decision at an offset.
fn record(control: u64, at: &str, outcome: Outcome) -> MonthRecord {
    MonthRecord {
        control,
        month: month(at),
        outcome,
        at: domain::Instant::from_micros(0),
        catalogue: "v1".to_owned(),
        rate: None,
        decided_by: String::new(),
        chain: String::new(),
        rate_decision: String::new(),
        accepted_gaps: String::new(),
        blockers: String::new(),
        lines: 0,
        totals: domain::charge::Totals::default(),

        documents: 0,
        document_last: None,
        hash: String::new(),
    }
}

#[test]
fn months_are_closed_to_the_last_one_and_preliminary_after_it_as_decided() {
    use MonthState::{Closed, Open, Preliminary};
    let ledger = Ledger::new(vec![
        record(0, "2021-03", Outcome::Preliminary),
        record(1, "2021-03", Outcome::Closed),
        record(2, "2021-05", Outcome::Refused),
        record(3, "2021-04", Outcome::Closed),
        record(4, "2021-06", Outcome::Preliminary),
        // Closed already: the first decision stands.
        record(5, "2021-03", Outcome::Closed),
        record(9, "2021-07", Outcome::Unchanged),
    ]);
    assert_eq!(
        ["2021-01", "2021-03", "2021-04", "2021-05", "2021-06", "2021-07"].map(|at| ledger.state(month(at))),
        [Closed, Closed, Closed, Open, Preliminary, Open]
    );
    assert_eq!(
        (ledger.first_closed(), ledger.last_closed()),
        (Some(month("2021-03")), Some(month("2021-04")))
    );
    let closing = |at: &str| ledger.closing(month(at)).map(|record| record.control);
    assert_eq!(["2021-02", "2021-03", "2021-04", "2021-06"].map(closing), [None, Some(1), Some(3), None]);
    assert_eq!(ledger.closings().map(|record| record.control).collect::<Vec<_>>(), [1, 3]);
    // The months before the first that was closed are empty: they bill no agreements.
    let bills = |at: &str| ledger.bills_agreements(month(at));
    assert_eq!(["2021-02", "2021-03", "2021-08"].map(bills), [false, true, true]);
    let became = |control| ledger.carried_out(control).map(|record| record.outcome);
    assert_eq!(
        [0, 2, 5, 6, 9].map(became),
        [
            Some(Outcome::Preliminary),
            Some(Outcome::Refused),
            Some(Outcome::Closed),
            None,
            Some(Outcome::Unchanged)
        ]
    );
    assert_eq!(ledger.next_control(), 10);
}

#[test]
fn before_any_decision_every_month_is_open_and_bills_its_agreements() {
    let ledger = Ledger::new(Vec::new());
    assert_eq!((ledger.state(month("2021-03")), ledger.first_closed()), (MonthState::Open, None));
    assert!(ledger.bills_agreements(month("2021-03")));
    assert_eq!(ledger.next_control(), 0);
}
