//! The generator against its own account, its plan and the contract.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::catalogue::Catalogue;
use domain::usage::MeterKind;
use domain::{Instant, Month};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use taxameter::generate::{
    Faults, Generator, GeneratorConfig, Item, Kind, Outcome, Planned, Sample, catalogue_and_plan, close_of,
};

use crate::oracle::{Outcomes, Reckoning};

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn year(sample: Sample, faults: Faults) -> GeneratorConfig {
    GeneratorConfig { seed: 1, sample, from: month("2021-01"), to: month("2021-12"), faults }
}

fn linkoping() -> (Catalogue, Vec<Planned>) {
    catalogue_and_plan(None).unwrap()
}

fn hash(items: &[Item]) -> String {
    let mut hasher = Sha256::new();
    for item in items {
        hasher.update(&item.bytes);
        hasher.update(item.arrives.micros().to_be_bytes());
    }
    format!("{:x?}", hasher.finalize())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    let (catalogue, plan) = linkoping();
    let config = GeneratorConfig { to: month("2021-02"), ..year(Sample::THOUSANDTH, Faults::ALL) };
    let made = |config: &GeneratorConfig| Generator::new(config, &catalogue, &plan).collect::<Vec<_>>();
    let first = made(&config);
    assert_eq!(hash(&first), hash(&made(&config)));
    assert_ne!(hash(&first), hash(&made(&GeneratorConfig { seed: 2, ..config.clone() })));
    assert!(first.is_sorted_by_key(|item| item.arrives), "items come in the order of arrival");
    // A month is the same whether the one before it is generated or not.
    let february = made(&GeneratorConfig { from: month("2021-02"), ..config });
    let of_february: Vec<&Item> = first.iter().filter(|item| item.month == month("2021-02")).collect();
    assert!(february.iter().eq(of_february));
}

#[test]
fn the_account_says_exactly_what_becomes_of_the_events() {
    let (catalogue, plan) = linkoping();
    let mut generator = Generator::new(&year(Sample::THOUSANDTH, Faults::ALL), &catalogue, &plan);
    let events: Vec<Vec<u8>> = generator.by_ref().map(|item| item.bytes).collect();
    let account = generator.account();
    let found = Reckoning::of(&events, &catalogue, "2021-01", "2021-12").outcomes;
    let total = account.total;
    let want = Outcomes {
        metered: total.metered,
        revised: total.revised,
        duplicate: total.duplicate,
        conflict: total.conflict,
        superseded: total.superseded,
        marker: total.marker,
        refused: total.refused,
        parked: 0,
    };
    assert_eq!(found, want);
    assert_eq!(total.events, events.len() as u64);
    assert_eq!(account.sources.values().map(|o| o.events).sum::<u64>(), total.events);
    // Every kind of fault is there, even in the least sample, and near its rate.
    let count = |kind| account.kinds.get(&kind).copied().unwrap_or(0);
    for kind in
        [Kind::AfterClose, Kind::PersonalData, Kind::Revision, Kind::Retraction, Kind::Conflict, Kind::Credit]
    {
        assert!(count(kind) > 0, "no {kind:?}");
    }
    let per_mille = |kind| count(kind) * 1_000_000 / total.events;
    assert!((4_000..6_000).contains(&per_mille(Kind::Duplicate)), "{}", per_mille(Kind::Duplicate));
    assert!((1_500..2_500).contains(&per_mille(Kind::Late)), "{}", per_mille(Kind::Late));
    assert!(
        (250..750).contains(&per_mille(Kind::UnknownCostcentre)),
        "{}",
        per_mille(Kind::UnknownCostcentre)
    );
    assert!((100..400).contains(&per_mille(Kind::AfterClose)), "{}", per_mille(Kind::AfterClose));
    assert!(account.missing_snapshots > 0, "no outage");
}

#[test]
fn what_is_late_comes_before_the_close_and_what_is_after_it_after() {
    let (catalogue, plan) = linkoping();
    for item in Generator::new(&year(Sample::THOUSANDTH, Faults::ALL), &catalogue, &plan) {
        let after = item.arrives > close_of(item.month);
        assert_eq!(
            after,
            item.kind == Kind::AfterClose,
            "{:?} of {} at {}",
            item.kind,
            item.month,
            item.arrives
        );
    }
}

#[test]
fn no_event_is_refused_but_those_that_should_be() {
    let (catalogue, plan) = linkoping();
    for item in Generator::new(&year(Sample::THOUSANDTH, Faults::ALL), &catalogue, &plan) {
        let event: serde_json::Value = serde_json::from_slice(&item.bytes).unwrap();
        let data = &event["data"];
        let refused = eventlog::wire::decode(&item.bytes).err().map(|rejection| rejection.code);
        let personal = item.outcome == Outcome::PersonalData;
        assert_eq!(refused, personal.then_some(domain::Code::PersonalData), "{event}");
        let meter =
            catalogue.meter(data["service"].as_str().unwrap(), data["meter"].as_str().unwrap()).unwrap();
        assert!(catalogue.sources.contains_key(event["source"].as_str().unwrap()), "{event}");
        let time = Instant::parse_rfc3339(event["time"].as_str().unwrap()).unwrap();
        if let Some(day) = data["day"].as_str().and_then(domain::calendar::parse_day) {
            assert!(day == time.day() || domain::calendar::next_day(day) == time.day(), "{event}");
        }
        if data["count"].is_u64() {
            continue;
        }
        assert_eq!(meter.event_type.as_deref(), event["type"].as_str());
        assert_eq!(Some(meter.unit.as_str()), data["unit"].as_str());
        let quantity = domain::Quantity::parse(data["quantity"].as_str().unwrap()).unwrap();
        assert!(quantity.micros() >= 0 || (meter.negative && item.kind == Kind::Credit), "{event}");
        let class = meter.class(|name| data["dims"][name].as_str()).unwrap();
        let priced = catalogue.price(&meter_service(data), &meter.slug, &class, item.month).is_some();
        assert_eq!(priced, meter.billed, "{event}");
        let claim = &data["customer"];
        let (code, costcentre) = (claim["code"].as_str().unwrap(), claim["costcentre"].as_str().unwrap());
        let unknown = !catalogue.costcentres.contains_key(costcentre);
        assert_eq!(unknown, item.kind == Kind::UnknownCostcentre, "{event}");
        assert!(unknown || catalogue.payer(costcentre, time.day()) == Some(code), "{event}");
    }
}

fn meter_service(data: &serde_json::Value) -> String {
    data["service"].as_str().unwrap().to_owned()
}

/// The year's turnover of established services, in kronor: what events brought, and what agreements did.
fn turnover(reckoning: &Reckoning, catalogue: &Catalogue) -> (Decimal, Decimal) {
    let (mut metered, mut fixed) = (Decimal::ZERO, Decimal::ZERO);
    for (key, usage) in &reckoning.usage {
        let service = &catalogue.services[&key.service];
        if service.established_from.is_none() {
            continue;
        }
        let sum = if service.meters[&key.meter].kind == MeterKind::Fixed { &mut fixed } else { &mut metered };
        *sum += usage.cost;
    }
    (metered, fixed)
}

/// The year at one in a hundred, faults included.
static HUNDREDTH: LazyLock<Reckoning> = LazyLock::new(|| {
    let (catalogue, plan) = linkoping();
    let events =
        Generator::new(&year(Sample::HUNDREDTH, Faults::ALL), &catalogue, &plan).map(|item| item.bytes);
    Reckoning::of(events, &catalogue, "2021-01", "2021-12")
});

#[test]
fn the_year_comes_to_the_planned_turnover() {
    let planned = Decimal::from(134_989_320);
    let (catalogue, plan) = linkoping();
    let events =
        Generator::new(&year(Sample::THOUSANDTH, Faults::ALL), &catalogue, &plan).map(|item| item.bytes);
    let thousandth = Reckoning::of(events, &catalogue, "2021-01", "2021-12");
    // The inverse of the sample, and how many thousandths it may be off.
    for (reckoning, scale, off) in [(&thousandth, 1_000, 10), (&*HUNDREDTH, 100, 3)] {
        let (metered, fixed) = turnover(reckoning, &catalogue);
        let whole = metered * Decimal::from(scale) + fixed;
        let difference = (whole - planned) * Decimal::ONE_THOUSAND / planned;
        println!("1/{scale}: {whole} kr, {difference:.3} thousandths off");
        assert!(
            difference.abs() <= Decimal::from(off),
            "1/{scale}: {whole} kr, {difference} thousandths off"
        );
    }
}

#[test]
fn every_meter_averages_its_plan_and_every_month_has_some() {
    let (catalogue, plan) = linkoping();
    let mut years: BTreeMap<(&str, &str, &str), Decimal> = BTreeMap::new();
    for (key, usage) in &HUNDREDTH.usage {
        *years.entry((&key.service, &key.meter, &key.class)).or_default() += usage.quantity;
    }
    for row in &plan {
        let meter = catalogue.meter(&row.service, &row.meter).unwrap();
        let year = years
            .get(&(row.service.as_str(), row.meter.as_str(), row.class.as_str()))
            .copied()
            .unwrap_or_default();
        let scale = if meter.kind == MeterKind::Fixed { 1 } else { 100 };
        let average = year * Decimal::from(scale) / Decimal::from(12);
        let difference = (average - row.volume.to_decimal()) * Decimal::ONE_HUNDRED / row.volume.to_decimal();
        // The faults take and give a little; a hundredth of little is so little that one rounding in a year is seen.
        println!("{difference:>7.3} % {}/{} {}", row.service, row.meter, row.class);
        assert!(
            difference.abs() <= Decimal::from(5),
            "{}/{} {}: {average} for {}",
            row.service,
            row.meter,
            row.class,
            row.volume
        );
        for number in 1..=12 {
            let key = (format!("2021-{number:02}"), row.service.clone(), row.meter.clone());
            assert!(HUNDREDTH.monthly.contains_key(&key), "{key:?} is missing");
        }
    }
}

#[test]
fn storage_has_one_series_over_both_changes_of_the_clocks() {
    let (catalogue, plan) = linkoping();
    let mut days: BTreeMap<String, u32> = BTreeMap::new();
    for item in Generator::new(&year(Sample::THOUSANDTH, Faults::NONE), &catalogue, &plan) {
        let event: serde_json::Value = serde_json::from_slice(&item.bytes).unwrap();
        if item.kind == Kind::Plain && event["data"]["service"] == "it-bastjanst-lagring" {
            *days.entry(event["subject"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(days.into_values().collect::<Vec<_>>(), [365]);
}
