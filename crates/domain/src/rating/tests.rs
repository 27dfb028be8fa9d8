use chrono::NaiveDate;

use super::*;
use crate::catalogue::*;
use crate::event::CustomerKind;
use crate::financing::{CostKind, JointShare, Part as CostPart, Payers, Phase};
use crate::price::PriceModel;
use crate::usage::MeterKind;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    crate::calendar::parse_day(text).unwrap()
}

pub(crate) fn meter(slug: &str, kind: MeterKind, unit: &str, billed: bool) -> (String, Meter) {
    let meter = Meter {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        name_en: slug.to_owned(),
        kind,
        unit: unit.to_owned(),
        event_type: None,
        dimensions: Vec::new(),
        billed,
        negative: false,
        hold_days: 31,
        cost_kind: CostKind::Running,
    };
    (slug.to_owned(), meter)
}

pub(crate) fn service(
    slug: &str,
    established: Option<&str>,
    meters: impl IntoIterator<Item = (String, Meter)>,
) -> (String, Service) {
    let service = Service {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        name_en: slug.to_owned(),
        product: "U".to_owned(),
        start: day("2020-01-01"),
        established_from: established.map(month),
        monthly_measured: true,
        meters: meters.into_iter().collect(),
    };
    (slug.to_owned(), service)
}

pub(crate) fn price(
    service: &str,
    meter: &str,
    class: &str,
    from: &str,
    to: Option<&str>,
    price: &str,
) -> PriceRow {
    PriceRow {
        service: service.to_owned(),
        meter: meter.to_owned(),
        class: class.to_owned(),
        valid_from: month(from),
        valid_to: to.map(month),
        price: price.parse().unwrap(),
        model: PriceModel::default(),
        cost_price: None,
        state: PriceState::Decided,
        decision: format!("KS {from}"),
    }
}

pub(crate) fn owned(code: &str, owners: &[(&str, &str, Option<&str>)]) -> (String, CostCentre) {
    let owners = owners
        .iter()
        .map(|(customer, from, to)| Ownership {
            customer: (*customer).to_owned(),
            from: day(from),
            to: to.map(day),
        })
        .collect();
    (code.to_owned(), CostCentre { code: code.to_owned(), name: code.to_owned(), owners })
}

/// A small catalogue with every kind that rating treats differently. 441002 goes from UAF to KLF on 11 March 2021.
pub(crate) fn catalogue() -> Catalogue {
    let customer = |code: &str, kind| {
        (
            code.to_owned(),
            Customer {
                code: code.to_owned(),
                name: format!("{code} namn"),
                kind,
                number: None,
                reference: None,
                address: None,
            },
        )
    };
    let mut catalogue = Catalogue {
        version: "v1".to_owned(),
        customers: [
            customer("KLF", CustomerKind::Forvaltning),
            customer("UAF", CustomerKind::Forvaltning),
            customer("LEJON", CustomerKind::Bolag),
        ]
        .into(),
        costcentres: [
            owned("110200", &[("KLF", "2020-01-01", None)]),
            owned("441001", &[("UAF", "2020-01-01", None)]),
            owned("441002", &[("UAF", "2020-01-01", Some("2021-03-10")), ("KLF", "2021-03-11", None)]),
            owned("441003", &[("UAF", "2021-03-21", None)]),
            owned("B0100", &[("LEJON", "2020-01-01", None)]),
        ]
        .into(),
        services: [
            service(
                "e-moten",
                Some("2020-01"),
                [
                    meter("participant_hour", MeterKind::Sum, "h", true),
                    meter("room", MeterKind::AvgDaily, "room", true),
                    meter("user", MeterKind::Unique, "user", false),
                ],
            ),
            service("lagring", Some("2020-01"), [meter("storage_gb", MeterKind::TimeWeighted, "GB", true)]),
            service("driftavtal", Some("2020-01"), [meter("agreement", MeterKind::Fixed, "avtal", true)]),
            service("rpa", None, [meter("minute", MeterKind::Sum, "min", true)]),
        ]
        .into(),
        prices: vec![
            price("driftavtal", "agreement", "A", "2020-01", None, "3500"),
            price("e-moten", "participant_hour", "", "2020-01", Some("2021-06"), "0.48"),
            price("e-moten", "participant_hour", "", "2021-07", None, "0.52"),
            price("e-moten", "room", "", "2020-01", None, "500"),
            price("lagring", "storage_gb", "", "2020-01", None, "1.15"),
            price("rpa", "minute", "", "2020-01", None, "2.50"),
        ],
        rates: vec![SurchargeRate {
            valid_from: month("2021-01"),
            rate: "0.03".parse().unwrap(),
            decision: "KS 2020-123".to_owned(),
            decided_by: "objektägare".to_owned(),
        }],
        ..Catalogue::default()
    };
    catalogue.prices.sort_by(|a, b| {
        (&a.service, &a.meter, &a.class, a.valid_from).cmp(&(&b.service, &b.meter, &b.class, b.valid_from))
    });
    catalogue
}

pub(crate) fn used(
    at: &str,
    service: &str,
    meter: &str,
    costcentre: &str,
    class: &str,
    amount: i128,
) -> MonthlyUsage {
    MonthlyUsage {
        month: month(at),
        service: service.to_owned(),
        meter: meter.to_owned(),
        costcentre: costcentre.to_owned(),
        class: class.to_owned(),
        amount,
    }
}

pub(crate) fn used_on(
    at: &str,
    service: &str,
    meter: &str,
    costcentre: &str,
    class: &str,
    amount: i128,
) -> DailyUsage {
    DailyUsage {
        day: day(at),
        service: service.to_owned(),
        meter: meter.to_owned(),
        costcentre: costcentre.to_owned(),
        class: class.to_owned(),
        amount,
    }
}

/// `customer costcentre service/meter/class quantity × price = gross − joint = net`
pub(crate) fn shown(line: &Line) -> String {
    let (customer, costcentre, service, meter, class) = line.key();
    let price = line.unit_price().map_or_else(|| "-".to_owned(), |p| p.to_string());
    format!(
        "{} {costcentre} {service}/{meter}/{class} {} × {price} = {} − {} = {}",
        customer.unwrap_or("-"),
        line.quantity,
        line.gross,
        line.joint,
        line.net
    )
}

fn lines(rated: &Rated) -> Vec<String> {
    rated.lines.iter().map(shown).collect()
}

#[test]
fn a_line_is_divided_once_and_rounded_once() {
    // §2.6. Sum: 0.954167 h × 0.48 = 0.45800016 → 0.46. Average: 10 rooms on 30 of 31 days = 300/31 = 9.677419 (rounded),
    // × 500 = 4838.7095 → 4838.71. Negative: −2.5 h × 0.48 = −1.20; −0.03125 h × 0.48 = −0.015 → −0.02 (half away).
    let usage = [
        used("2021-03", "e-moten", "participant_hour", "110200", "", 954_167),
        used("2021-03", "e-moten", "room", "110200", "", 300_000_000),
        used("2021-03", "e-moten", "participant_hour", "441001", "", -2_500_000),
        used("2021-03", "e-moten", "participant_hour", "B0100", "", -31_250),
    ];
    let rated = rate(&catalogue(), month("2021-03"), &usage, &[]);
    assert_eq!(
        lines(&rated),
        [
            "KLF 110200 e-moten/participant_hour/ 0.954167 × 0.48 = 0.46 − 0.00 = 0.46",
            "KLF 110200 e-moten/room/ 9.677419 × 500.00 = 4838.71 − 0.00 = 4838.71",
            "LEJON B0100 e-moten/participant_hour/ -0.03125 × 0.48 = -0.02 − 0.00 = -0.02",
            "UAF 441001 e-moten/participant_hour/ -2.5 × 0.48 = -1.20 − 0.00 = -1.20",
        ]
    );
    assert_eq!(rated.findings, []);
}

#[test]
fn an_average_over_time_is_divided_by_the_hours_of_the_swedish_month() {
    // 100 GB for exactly 371.5 hours: half of March (743 h), 371.5/745 of October, 371.5/744 of January.
    let amount = 100_000_000 * 743 * 1_800_000_000;
    let quantity = |at: &str| {
        let rated =
            rate(&catalogue(), month(at), &[used(at, "lagring", "storage_gb", "110200", "", amount)], &[]);
        rated.lines[0].quantity.to_string()
    };
    assert_eq!(["2021-03", "2021-10", "2021-01"].map(quantity), ["50", "49.865772", "49.932796"]);
}

#[test]
fn r11_the_joint_part_is_rounded_once_and_the_payer_gets_the_rest() {
    // G = öre(1.03125 × 0.48) = öre(0.495) = 0.50; J = öre(0.35 × 0.50) = öre(0.175) = 0.18; N = 0.32.
    // Negative: G = −0.50, J = −0.18, N = −0.32. A share for the meter wins over one for the service.
    let mut catalogue = catalogue();
    let share = |meter: Option<&str>, share: &str, to: Option<&str>| JointShare {
        service: "e-moten".to_owned(),
        part: meter.map_or(CostPart::Service, |meter| CostPart::Meter(meter.to_owned())),
        payers: Payers::All,
        valid_from: month("2021-03"),
        valid_to: to.map(month),
        share: share.parse().unwrap(),
        phase: Phase::InitialMaintenance,
        bearer: None,
        decision: "KS 2021-7".to_owned(),
    };
    catalogue.joint_shares =
        vec![share(None, "1", None), share(Some("participant_hour"), "0.35", Some("2021-03"))];
    let usage = |at: &str| {
        [
            used(at, "e-moten", "participant_hour", "110200", "", 1_031_250),
            used(at, "e-moten", "participant_hour", "441001", "", -1_031_250),
        ]
    };
    assert_eq!(
        lines(&rate(&catalogue, month("2021-03"), &usage("2021-03"), &[])),
        [
            "KLF 110200 e-moten/participant_hour/ 1.03125 × 0.48 = 0.50 − 0.18 = 0.32",
            "UAF 441001 e-moten/participant_hour/ -1.03125 × 0.48 = -0.50 − -0.18 = -0.32",
        ]
    );
    // R15: from April all of it is joint: still a line with its volume and gross, nothing to invoice.
    assert_eq!(
        lines(&rate(&catalogue, month("2021-04"), &usage("2021-04"), &[]))[0],
        "KLF 110200 e-moten/participant_hour/ 1.03125 × 0.48 = 0.50 − 0.50 = 0.00"
    );
    // R12: before it, none.
    assert_eq!(
        lines(&rate(&catalogue, month("2021-02"), &usage("2021-02"), &[]))[0],
        "KLF 110200 e-moten/participant_hour/ 1.03125 × 0.48 = 0.50 − 0.00 = 0.50"
    );
}

#[test]
fn r11_a_share_may_hold_for_some_payers_alone_and_the_days_still_decide_who_pays() {
    // Administrations have half of it financed jointly, whoever owns the cost centre on the day; nobody's usage has not.
    let mut catalogue = catalogue();
    catalogue.joint_shares = vec![JointShare {
        service: "e-moten".to_owned(),
        part: CostPart::Service,
        payers: Payers::Kinds([CustomerKind::Forvaltning].into()),
        valid_from: month("2021-03"),
        valid_to: None,
        share: "0.5".parse().unwrap(),
        phase: Phase::Development,
        bearer: None,
        decision: "KS 2021-7".to_owned(),
    }];
    let usage = [
        used("2021-03", "e-moten", "participant_hour", "110200", "", 100_000_000),
        used("2021-03", "e-moten", "participant_hour", "441003", "", 7_000_000),
        used("2021-03", "e-moten", "participant_hour", "B0100", "", 100_000_000),
        used("2021-03", "driftavtal", "agreement", "110200", "A", 31_000_000),
    ];
    let days = [
        used_on("2021-03-20", "e-moten", "participant_hour", "441003", "", 3_000_000),
        used_on("2021-03-21", "e-moten", "participant_hour", "441003", "", 4_000_000),
    ];
    let rated = rate(&catalogue, month("2021-03"), &usage, &days);
    assert_eq!(
        lines(&rated),
        [
            "- 441003 e-moten/participant_hour/ 3 × 0.48 = 1.44 − 0.00 = 1.44",
            "KLF 110200 driftavtal/agreement/A 1 × 3500.00 = 3500.00 − 0.00 = 3500.00",
            "KLF 110200 e-moten/participant_hour/ 100 × 0.48 = 48.00 − 24.00 = 24.00",
            "LEJON B0100 e-moten/participant_hour/ 100 × 0.48 = 48.00 − 0.00 = 48.00",
            "UAF 441003 e-moten/participant_hour/ 4 × 0.48 = 1.92 − 0.96 = 0.96",
        ]
    );
    assert_eq!(rated.findings, []);
}

#[test]
fn a_price_is_the_one_in_force_in_the_month_of_the_usage() {
    let price = |at: &str| {
        let rated = rate(
            &catalogue(),
            month(at),
            &[used(at, "e-moten", "participant_hour", "110200", "", 1_000_000)],
            &[],
        );
        rated.lines[0].unit_price().unwrap().to_string()
    };
    assert_eq!(["2021-06", "2021-07"].map(price), ["0.48", "0.52"]);
}

#[test]
fn the_owner_on_the_day_pays_when_a_cost_centre_changes_hands() {
    // 441002 is UAF's to 10 March and KLF's from the 11th. 441003 is nobody's before the 21st.
    let usage = [
        used("2021-03", "e-moten", "participant_hour", "441002", "", 100_000_000),
        used("2021-03", "e-moten", "participant_hour", "441003", "", 7_000_000),
        used("2021-03", "e-moten", "participant_hour", "110200", "", 1_000_000),
    ];
    let days = [
        used_on("2021-03-11", "e-moten", "participant_hour", "441002", "", 50_000_000),
        used_on("2021-03-10", "e-moten", "participant_hour", "441002", "", 30_000_000),
        used_on("2021-03-01", "e-moten", "participant_hour", "441002", "", 20_000_000),
        used_on("2021-03-20", "e-moten", "participant_hour", "441003", "", 3_000_000),
        used_on("2021-03-21", "e-moten", "participant_hour", "441003", "", 4_000_000),
        // The days of a cost centre with one owner are not needed, and not counted twice.
        used_on("2021-03-21", "e-moten", "participant_hour", "110200", "", 1_000_000),
        // Nor are days of other months.
        used_on("2021-04-01", "e-moten", "participant_hour", "441002", "", 9_000_000),
    ];
    let rated = rate(&catalogue(), month("2021-03"), &usage, &days);
    assert_eq!(
        lines(&rated),
        [
            "- 441003 e-moten/participant_hour/ 3 × 0.48 = 1.44 − 0.00 = 1.44",
            "KLF 110200 e-moten/participant_hour/ 1 × 0.48 = 0.48 − 0.00 = 0.48",
            "KLF 441002 e-moten/participant_hour/ 50 × 0.48 = 24.00 − 0.00 = 24.00",
            "UAF 441002 e-moten/participant_hour/ 50 × 0.48 = 24.00 − 0.00 = 24.00",
            "UAF 441003 e-moten/participant_hour/ 4 × 0.48 = 1.92 − 0.00 = 1.92",
        ]
    );
    assert_eq!(rated.findings, []);
    assert_eq!(rated.unattributed().count(), 1);

    let short = rate(&catalogue(), month("2021-03"), &usage, &days[1..]);
    assert_eq!(
        short.findings,
        [Finding::DaysDiffer {
            service: "e-moten".to_owned(),
            meter: "participant_hour".to_owned(),
            class: String::new(),
            costcentre: "441002".to_owned(),
        }]
    );
}

#[test]
fn agreements_are_pro_rata_by_days_and_follow_the_owner() {
    // March 2021 has 31 days: from the 22nd 10 days, 10/31 = 0.322581 × 3500 = 1129.03; two of them the whole month.
    // 441002 changes hands: 10 days UAF, 21 days KLF.
    let mut catalogue = catalogue();
    let agreement = |id: &str, costcentre: &str, quantity: &str, from: &str, to: Option<&str>| Agreement {
        id: id.to_owned(),
        service: "driftavtal".to_owned(),
        meter: "agreement".to_owned(),
        class: "A".to_owned(),
        costcentre: costcentre.to_owned(),
        quantity: Quantity::parse(quantity).unwrap(),
        from: day(from),
        to: to.map(day),
    };
    catalogue.agreements = vec![
        agreement("a1", "110200", "1", "2021-03-22", None),
        agreement("a2", "441001", "2", "2020-01-01", None),
        agreement("a3", "441002", "1", "2020-01-01", None),
        agreement("a4", "441001", "1", "2020-01-01", Some("2021-02-28")),
        agreement("a5", "441001", "1", "2021-04-01", None),
    ];
    let (usage, days) = agreement_usage(&catalogue, month("2021-03"));
    assert_eq!(
        lines(&rate(&catalogue, month("2021-03"), &usage, &days)),
        [
            "KLF 110200 driftavtal/agreement/A 0.322581 × 3500.00 = 1129.03 − 0.00 = 1129.03",
            "KLF 441002 driftavtal/agreement/A 0.677419 × 3500.00 = 2370.97 − 0.00 = 2370.97",
            "UAF 441001 driftavtal/agreement/A 2 × 3500.00 = 7000.00 − 0.00 = 7000.00",
            "UAF 441002 driftavtal/agreement/A 0.322581 × 3500.00 = 1129.03 − 0.00 = 1129.03",
        ]
    );
    // The last day counts, the day before the first does not: February has a4's 28 of 28 days, April a5's 30 of 30.
    for (at, quantity) in [("2021-02", "3"), ("2021-04", "3")] {
        let (usage, days) = agreement_usage(&catalogue, month(at));
        let rated = rate(&catalogue, month(at), &usage, &days);
        let line = rated.lines.iter().find(|line| &*line.costcentre == "441001").unwrap();
        assert_eq!(line.quantity.to_string(), quantity, "{at}");
    }
}

#[test]
fn usage_that_cannot_be_billed_is_found_and_never_billed_as_nothing() {
    let huge = 1_000_000_000_000_000 * 1_000_000;
    let usage = [
        used("2021-03", "driftavtal", "agreement", "110200", "Z", 31_000_000),
        used("2021-03", "driftavtal", "agreement", "441001", "Z", 62_000_000),
        used("2021-03", "e-moten", "user", "110200", "", 5_000_000),
        used("2021-03", "okänd", "x", "110200", "", 1),
        used("2021-03", "rpa", "minute", "110200", "", huge),
        used("2021-03", "e-moten", "participant_hour", "999999", "", 2_000_000),
        used("2021-03", "e-moten", "room", "110200", "", 0),
        used("2021-04", "e-moten", "room", "110200", "", 1_000_000),
    ];
    let rated = rate(&catalogue(), month("2021-03"), &usage, &[]);
    assert_eq!(lines(&rated), ["- 999999 e-moten/participant_hour/ 2 × 0.48 = 0.96 − 0.00 = 0.96"]);
    // A trend and usage without a price are shown, at no cost.
    assert_eq!(
        rated.unpriced.iter().map(shown).collect::<Vec<_>>(),
        [
            "KLF 110200 driftavtal/agreement/Z 1 × - = 0.00 − 0.00 = 0.00",
            "KLF 110200 e-moten/user/ 5 × - = 0.00 − 0.00 = 0.00",
            "UAF 441001 driftavtal/agreement/Z 2 × - = 0.00 − 0.00 = 0.00",
        ]
    );
    let text = str::to_owned;
    assert_eq!(
        rated.findings,
        [
            Finding::UnknownMeter { service: text("okänd"), meter: text("x") },
            Finding::Unpriced {
                service: text("driftavtal"),
                meter: text("agreement"),
                class: text("Z"),
                quantity: Quantity::from_micros(3_000_000),
            },
            Finding::TooLarge {
                service: text("rpa"),
                meter: text("minute"),
                class: String::new(),
                costcentre: text("110200"),
            },
        ]
    );
}

#[test]
fn what_cancels_out_is_no_line_and_what_does_not_fit_is_found() {
    let greatest = 1_000_000_000_000_000_000_000_000_000;
    let usage = [
        used("2021-03", "e-moten", "participant_hour", "110200", "", 5_000_000),
        used("2021-03", "e-moten", "participant_hour", "110200", "", -5_000_000),
        used("2021-03", "e-moten", "user", "110200", "", greatest),
        used("2021-03", "e-moten", "user", "441001", "", -greatest),
        used("2021-03", "e-moten", "user", "B0100", "", greatest + 1),
    ];
    let rated = rate(&catalogue(), month("2021-03"), &usage, &[]);
    assert_eq!(lines(&rated), [""; 0]);
    let unpriced: Vec<_> = rated.unpriced.iter().map(|line| (&*line.costcentre, line.amount)).collect();
    assert_eq!(unpriced, [("110200", greatest), ("441001", -greatest)]);
    let found = Finding::TooLarge {
        service: "e-moten".to_owned(),
        meter: "user".to_owned(),
        class: String::new(),
        costcentre: "B0100".to_owned(),
    };
    assert_eq!(rated.findings, [found]);
}

#[test]
fn neither_the_order_of_the_rows_nor_how_they_are_split_changes_a_line() {
    let whole = [
        used("2021-03", "e-moten", "participant_hour", "110200", "", 954_167),
        used("2021-03", "e-moten", "room", "441001", "", 300_000_001),
        used("2021-03", "lagring", "storage_gb", "B0100", "", 5_555_555_555_555_555),
    ];
    let mut split: Vec<MonthlyUsage> = Vec::new();
    for row in whole.iter().rev() {
        for part in [row.amount / 3, row.amount - row.amount / 3 + 7, -7] {
            split.push(MonthlyUsage { amount: part, ..row.clone() });
        }
    }
    assert_eq!(
        rate(&catalogue(), month("2021-03"), &split, &[]),
        rate(&catalogue(), month("2021-03"), &whole, &[])
    );
}

/// Design §6: steps, allowance and minimum hold for the payer; what they come to is spread by largest remainder.
#[test]
fn a_payers_price_is_reckoned_once_and_spread_over_its_cost_centres() {
    let mut catalogue = catalogue();
    catalogue.costcentres.extend([owned("110300", &[("KLF", "2020-01-01", None)])]);
    let row = catalogue.prices.iter_mut().find(|row| row.meter == "participant_hour").unwrap();
    (row.price, row.model) = ("1".parse().unwrap(), "trappa 10:0.5 fritt 1 minst 3".parse().unwrap());
    let rated = |tenths: &[(&str, i128)]| {
        let hours = |(costcentre, tenths): &(&str, i128)| {
            used("2021-03", "e-moten", "participant_hour", costcentre, "", tenths * 100_000)
        };
        rate(&catalogue, month("2021-03"), &tenths.iter().map(hours).collect::<Vec<_>>(), &[])
    };
    let grosses = |rated: &Rated| {
        let line = |line: &Line| (line.costcentre.to_string(), line.gross.to_string(), line.net.to_string());
        rated.lines.iter().map(line).collect::<Vec<_>>()
    };
    let text = |rows: &[(&str, &str)]| -> Vec<(String, String, String)> {
        rows.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned(), (*b).to_owned())).collect()
    };
    // 15.6 − 1 = 14.6 → 10 × 1 + 4.6 × 0.5 = 12.30, of which 5.2 / 15.6 to each.
    let even = rated(&[("110200", 52), ("110300", 104)]);
    assert_eq!(grosses(&even), text(&[("110200", "4.10"), ("110300", "8.20")]));
    assert_eq!(even.lines[0].unit_price(), None);
    // The minimum of 3.00 in thirds.
    assert_eq!(
        grosses(&rated(&[("110200", 10), ("110300", 20)])),
        text(&[("110200", "1.00"), ("110300", "2.00")])
    );
    // Beyond what a line may be: found, not billed.
    let beyond = rated(&[("110200", 300_000_000_000_000_000)]);
    assert_eq!((beyond.lines.len(), beyond.findings.len()), (0, 1), "{:?}", beyond.findings);
}
