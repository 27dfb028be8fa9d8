//! What stands in the way of closing a month.

mod rules;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::catalogue::Catalogue;
use domain::rating::{Finding, Line};
use domain::{Instant, Month, Quantity};
use serde::{Deserialize, Serialize};
use store::usage::{Gap, GapKind};

use crate::bill::Bill;

pub(crate) use rules::{Announcement, of_four_eyes, of_time, of_unannounced};

/// Why a month cannot be closed: a closed list of reasons with stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockerCode {
    /// Months close in order.
    EarlierMonthOpen,
    /// Nothing was used in the month, nor in any month up to it that is open.
    NoUsage,
    /// The month is not over yet.
    MonthNotOver,
    /// The month is over, but late usage is still waited for.
    WindowOpen,
    /// Two persons must have looked at the month, and have not.
    FourEyes,
    /// Days of a meter are missing, and nobody has decided about them.
    Gaps,
    /// Nobody pays for some of the usage.
    Unattributed,
    /// The books of counting §8 differ, or usage does not add up.
    BooksDiffer,
    /// A collector has not said that all it acknowledged is on the log (counting §7).
    CollectorSilent,
    /// A billed meter was used without a price.
    Unpriced,
    /// The catalogue that the decision named is not stored any more.
    CatalogueUnknown,
    /// Another catalogue was applied between the decision and its place in the control log.
    CatalogueChanged,
}

impl BlockerCode {
    /// The stable name, as in answers.
    pub const fn name(self) -> &'static str {
        match self {
            BlockerCode::EarlierMonthOpen => "earlier_month_open",
            BlockerCode::NoUsage => "no_usage",
            BlockerCode::MonthNotOver => "month_not_over",
            BlockerCode::WindowOpen => "window_open",
            BlockerCode::FourEyes => "four_eyes",
            BlockerCode::Gaps => "gaps",
            BlockerCode::Unattributed => "unattributed",
            BlockerCode::BooksDiffer => "books_differ",
            BlockerCode::CollectorSilent => "collector_silent",
            BlockerCode::Unpriced => "unpriced",
            BlockerCode::CatalogueUnknown => "catalogue_unknown",
            BlockerCode::CatalogueChanged => "catalogue_changed",
        }
    }
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Blocker {
    /// The reason.
    pub code: BlockerCode,
    /// The service that it is about.
    pub service: Option<String>,
    /// The meter that it is about.
    pub meter: Option<String>,
    /// What exactly, in Swedish.
    pub detail: String,
}

impl Blocker {
    /// The whole of it in a line: what it is about, and what exactly.
    pub(crate) fn swedish(&self) -> String {
        let about: Vec<&str> =
            [&self.service, &self.meter].into_iter().flatten().map(String::as_str).collect();
        if about.is_empty() { self.detail.clone() } else { format!("{}: {}", about.join("/"), self.detail) }
    }

    pub(crate) fn earlier_month_open(earlier: Month) -> Self {
        let detail = format!("{earlier} är inte stängd: månader stängs i ordning");
        Self { code: BlockerCode::EarlierMonthOpen, service: None, meter: None, detail }
    }

    pub(crate) fn no_usage(month: Month) -> Self {
        let detail = format!("{month} har ingen användning att stänga");
        Self { code: BlockerCode::NoUsage, service: None, meter: None, detail }
    }

    pub(crate) fn catalogue_unknown(version: &str) -> Self {
        let detail = format!("katalogversionen {version} som beslutet avsåg finns inte kvar");
        Self { code: BlockerCode::CatalogueUnknown, service: None, meter: None, detail }
    }

    pub(crate) fn catalogue_changed(version: &str) -> Self {
        let detail = format!(
            "en annan katalog hann tillämpas före beslutet, som avsåg {version}: granska och försök igen"
        );
        Self { code: BlockerCode::CatalogueChanged, service: None, meter: None, detail }
    }

    pub(crate) fn collector_silent(collector: &str, until: Instant) -> Self {
        let detail = format!(
            "insamlaren {collector} har inte bekräftat att allt den kvitterat ligger i loggen (senast {until}); starta den, eller avskriv den med taxameter collectors retire"
        );
        Self { code: BlockerCode::CollectorSilent, service: None, meter: None, detail }
    }
}

/// What of a month's usage stands in the way, ordered.
pub(crate) fn of_bill(bill: &Bill) -> Vec<Blocker> {
    let mut blockers: Vec<Blocker> =
        bill.findings.iter().map(|(month, finding)| of_finding(*month, finding)).collect();
    let mut unattributed: BTreeMap<(Month, &str, &str, &str), i128> = BTreeMap::new();
    for line in &bill.unattributed {
        let Line { month, costcentre, tariff, quantity, .. } = line;
        *unattributed.entry((*month, &tariff.service, &tariff.meter, costcentre)).or_default() +=
            quantity.micros();
    }
    for ((month, service, meter, costcentre), micros) in unattributed {
        let quantity = Quantity::from_micros(micros);
        blockers.push(Blocker {
            code: BlockerCode::Unattributed,
            service: Some(service.to_owned()),
            meter: Some(meter.to_owned()),
            detail: format!(
                "kostnadsställe {costcentre} saknar betalare i {month} (kvantitet {}): lägg till det i kostnadsstallen.csv och kör taxameter catalog apply",
                quantity.to_string().replace('.', ",")
            ),
        });
    }
    blockers.sort();
    blockers
}

fn of_finding(month: Month, finding: &Finding) -> Blocker {
    let (code, service, meter, detail) = match finding {
        Finding::UnknownMeter { service, meter } => (
            BlockerCode::Unpriced,
            service,
            meter,
            format!("mätaren finns inte i katalogen men har användning i {month}"),
        ),
        Finding::Unpriced { service, meter, class, quantity } => {
            let class = if class.is_empty() { String::new() } else { format!(" för klass {class}") };
            (
                BlockerCode::Unpriced,
                service,
                meter,
                format!("beslutat pris saknas{class} i {month} (kvantitet {quantity})"),
            )
        }
        Finding::TooLarge { service, meter, costcentre, .. } => (
            BlockerCode::BooksDiffer,
            service,
            meter,
            format!("kostnadsställe {costcentre} har i {month} en mängd som är orimligt stor"),
        ),
        Finding::DaysDiffer { service, meter, costcentre, .. } => (
            BlockerCode::BooksDiffer,
            service,
            meter,
            format!(
                "kostnadsställe {costcentre} byter betalare i {month}, men dagarna summerar inte till månaden"
            ),
        ),
    };
    Blocker { code, service: Some(service.clone()), meter: Some(meter.clone()), detail }
}

/// Whether a gap needs a decision: missing days of services that are measured monthly do (R18).
pub(crate) fn needs_decision(catalogue: &Catalogue, gap: &Gap) -> bool {
    gap.kind == GapKind::Missing
        && catalogue.services.get(&gap.service).is_none_or(|service| service.monthly_measured)
}

/// The gaps that need a decision; days in a row are one.
pub(crate) fn of_gaps(catalogue: &Catalogue, gaps: &[Gap]) -> Vec<Blocker> {
    let of = |gap: &Gap| {
        let Gap { service, meter, kind, source, subject, series, .. } = gap.clone();
        (service, meter, source, subject, series, kind)
    };
    let mut gaps: Vec<&Gap> = gaps.iter().filter(|gap| needs_decision(catalogue, gap)).collect();
    gaps.sort_by_cached_key(|gap| (of(gap), gap.first_day));
    let mut spans: Vec<(&Gap, NaiveDate)> = Vec::new();
    for gap in gaps {
        if let Some((first, last)) = spans.last_mut()
            && of(first) == of(gap)
            && last.succ_opt() == Some(gap.first_day)
        {
            *last = gap.last_day;
        } else {
            spans.push((gap, gap.last_day));
        }
    }
    spans
        .into_iter()
        .map(|(gap, last_day)| {
            let object = if gap.subject.is_empty() { String::new() } else { format!(", {}", gap.subject) };
            let days = if gap.first_day == last_day {
                gap.first_day.to_string()
            } else {
                format!("{}–{last_day}", gap.first_day)
            };
            Blocker {
                code: BlockerCode::Gaps,
                service: Some(gap.service.clone()),
                meter: Some(gap.meter.clone()),
                detail: format!("data saknas {days} från {}{object}", gap.source),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They stand in answers and in months that were refused for them: none is ever called otherwise.
    #[test]
    fn a_code_is_called_what_it_always_was() {
        for (code, name) in [
            (BlockerCode::EarlierMonthOpen, "earlier_month_open"),
            (BlockerCode::NoUsage, "no_usage"),
            (BlockerCode::MonthNotOver, "month_not_over"),
            (BlockerCode::WindowOpen, "window_open"),
            (BlockerCode::FourEyes, "four_eyes"),
            (BlockerCode::Gaps, "gaps"),
            (BlockerCode::Unattributed, "unattributed"),
            (BlockerCode::BooksDiffer, "books_differ"),
            (BlockerCode::CollectorSilent, "collector_silent"),
            (BlockerCode::Unpriced, "unpriced"),
            (BlockerCode::CatalogueUnknown, "catalogue_unknown"),
            (BlockerCode::CatalogueChanged, "catalogue_changed"),
        ] {
            assert_eq!(code.name(), name);
            assert_eq!(serde_json::to_value(code).unwrap(), name);
        }
    }

    #[test]
    fn a_gap_names_its_days_its_source_and_its_object() {
        let day = |text: &str| text.parse().unwrap();
        let gap = |subject: &str, first: &str, last: &str| Gap {
            month: "2021-03".parse().unwrap(),
            service: "mdm".to_owned(),
            meter: "device".to_owned(),
            kind: GapKind::Missing,
            source: "/lkdata/mdm".to_owned(),
            subject: subject.to_owned(),
            series: String::new(),
            first_day: day(first),
            last_day: day(last),
            count: 1,
        };
        // Days in a row are told once, in whatever order they come.
        let gaps = [
            gap("vol-1", "2021-03-04", "2021-03-09"),
            gap("", "2021-03-30", "2021-03-30"),
            gap("", "2021-03-06", "2021-03-06"),
            gap("", "2021-03-04", "2021-03-04"),
            gap("", "2021-03-05", "2021-03-05"),
        ];
        let details: Vec<_> =
            of_gaps(&Catalogue::default(), &gaps).into_iter().map(|blocker| blocker.detail).collect();
        assert_eq!(
            details,
            [
                "data saknas 2021-03-04–2021-03-06 från /lkdata/mdm",
                "data saknas 2021-03-30 från /lkdata/mdm",
                "data saknas 2021-03-04–2021-03-09 från /lkdata/mdm, vol-1",
            ]
        );
    }
}
