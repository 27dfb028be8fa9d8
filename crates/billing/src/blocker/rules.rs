//! What the closing rules say about a decision: a function of the decision and of what was decided before it.

use chrono::NaiveDate;
use domain::Month;
use domain::catalogue::ClosingRules;

use super::{Blocker, BlockerCode};
use crate::signature::Signature;

/// How a month was announced for review, as far as the rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announcement<'a> {
    /// It was not.
    Missing,
    /// It was, and by whom; empty when nobody signed it. The latest announcement counts.
    By(&'a str),
}

/// A month that is not over, or whose late usage is still waited for, on a Swedish day.
pub(crate) fn of_time(rules: &ClosingRules, month: Month, day: NaiveDate) -> Option<Blocker> {
    let first = rules.first_day_to_close(month);
    if day <= month.last_day() {
        let detail = format!("{month} är inte slut: månaden kan stängas från och med {first}");
        return Some(blocker(BlockerCode::MonthNotOver, detail));
    }
    (day < first).then(|| {
        let days = rules.window_days(month);
        let detail = format!(
            "sen användning inväntas i {days} dagar efter {month}: månaden kan stängas från och med {first}"
        );
        blocker(BlockerCode::WindowOpen, detail)
    })
}

/// A month that one alone would announce and close.
pub(crate) fn of_four_eyes(
    rules: &ClosingRules,
    month: Month,
    announcement: Announcement<'_>,
    by: Option<&Signature>,
) -> Option<Blocker> {
    if !rules.four_eyes {
        return None;
    }
    let detail = match (announcement, by) {
        (Announcement::Missing, _) => return of_unannounced(rules, month, announcement),
        (Announcement::By(""), _) => {
            format!("{month} gjordes preliminär utan signatur: gör den preliminär igen, med en")
        }
        (Announcement::By(_), None) => format!("beslutet att stänga {month} saknar signatur"),
        (Announcement::By(other), Some(by)) if by.is_of(other) => {
            format!("{other} gjorde {month} preliminär: någon annan ska stänga den")
        }
        (Announcement::By(_), Some(_)) => return None,
    };
    Some(blocker(BlockerCode::FourEyes, detail))
}

/// The part of the four eyes that is known before anybody decides to close.
pub(crate) fn of_unannounced(
    rules: &ClosingRules,
    month: Month,
    announcement: Announcement<'_>,
) -> Option<Blocker> {
    (rules.four_eyes && announcement == Announcement::Missing).then(|| {
        let detail =
            format!("{month} är inte preliminär: någon annan än den som stänger ska först göra den det");
        blocker(BlockerCode::FourEyes, detail)
    })
}

fn blocker(code: BlockerCode, detail: String) -> Blocker {
    Blocker { code, service: None, meter: None, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: ClosingRules = ClosingRules { four_eyes: true, window_days: 5, window_days_december: 20 };

    fn at_time(month: &str, day: &str) -> Option<BlockerCode> {
        let day = domain::calendar::parse_day(day).unwrap();
        of_time(&RULES, month.parse().unwrap(), day).map(|blocker| blocker.code)
    }

    #[test]
    fn a_month_is_over_then_its_window_is() {
        assert_eq!(at_time("2021-03", "2021-03-31"), Some(BlockerCode::MonthNotOver));
        assert_eq!(at_time("2021-03", "2021-04-01"), Some(BlockerCode::WindowOpen));
        assert_eq!(at_time("2021-03", "2021-04-05"), Some(BlockerCode::WindowOpen));
        assert_eq!(at_time("2021-03", "2021-04-06"), None);
        assert_eq!(at_time("2021-12", "2022-01-20"), Some(BlockerCode::WindowOpen));
        assert_eq!(at_time("2021-12", "2022-01-21"), None);
    }

    #[test]
    fn four_eyes_are_two_signatures() {
        let signed = |text: &str| Signature::try_from(text.to_owned()).unwrap();
        let month = "2021-03".parse().unwrap();
        let stands = |announcement, by: Option<&str>| {
            of_four_eyes(&RULES, month, announcement, by.map(signed).as_ref()).is_some()
        };
        assert!(stands(Announcement::Missing, Some("B")));
        assert!(stands(Announcement::By(""), Some("B")));
        assert!(stands(Announcement::By("A"), None));
        assert!(stands(Announcement::By("A"), Some("a")));
        assert!(!stands(Announcement::By("A"), Some("B")));
        let alone = ClosingRules { four_eyes: false, ..RULES };
        assert_eq!(of_four_eyes(&alone, month, Announcement::Missing, None), None);
        assert_eq!(of_unannounced(&alone, month, Announcement::Missing), None);
        assert!(of_unannounced(&RULES, month, Announcement::Missing).is_some());
        assert_eq!(of_unannounced(&RULES, month, Announcement::By("")), None);
    }
}
