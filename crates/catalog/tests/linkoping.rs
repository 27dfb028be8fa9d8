//! Linköping's catalogue is what the object plan and the budget say.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::fmt::Write as _;
use std::path::PathBuf;

use catalog::{Checked, Code, Files, check, linkoping};
use domain::Month;
use domain::catalogue::{Catalogue, Meter, Service};
use domain::usage::MeterKind;
use expect_test::expect_file;

fn checked() -> Checked {
    check(&linkoping()).unwrap_or_else(|findings| {
        panic!("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/catalog/linkoping")
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

#[test]
fn what_is_built_in_is_what_lies_in_the_directory() {
    assert_eq!(linkoping(), Files::read_dir(directory()).unwrap());
}

#[test]
fn only_the_companies_whose_number_is_not_known_give_warnings() {
    let warnings = checked().warnings;
    let kinds: Vec<_> = warnings.iter().map(|w| (w.code, w.line)).collect();
    let lines = [16, 17, 18, 19].map(|line| (Code::CompanyWithoutNumber, Some(line)));
    assert_eq!(kinds, lines, "{warnings:#?}");
}

#[test]
fn it_has_all_services_payers_and_cost_centres() {
    let catalogue = checked().catalogue;
    let of = |product: &str, established: bool| {
        let services = catalogue.services.values();
        services.filter(|s| s.product == product && s.established_from.is_some() == established).count()
    };
    assert_eq!((of("U", true), of("P", true), of("U", false), of("P", false)), (20, 10, 1, 3));
    let kinds = |kind: &str| catalogue.customers.values().filter(|c| c.kind.name() == kind).count();
    assert_eq!((kinds("forvaltning"), kinds("bolag")), (7, 7));
    assert_eq!(catalogue.costcentres.len(), 1100);
    let payer = |code: &str, day: &str| catalogue.payer(code, day.parse().unwrap()).map(str::to_owned);
    for (code, customer) in
        [("110200", "KLF"), ("110300", "KLF"), ("441001", "UAF"), ("520310", "SOF"), ("B0100", "LEJON")]
    {
        assert_eq!(payer(code, "2020-12-31").as_deref(), Some(customer), "{code}");
    }
    let counts =
        [("UAF", 420), ("LEAN", 380), ("SOF", 60), ("VSS", 50), ("KLF", 35), ("MSF", 50), ("KFF", 75)];
    for (customer, count) in counts {
        let owned =
            catalogue.costcentres.keys().filter(|c| payer(c, "2021-01-01").as_deref() == Some(customer));
        assert_eq!(owned.count(), count, "{customer}");
    }
}

#[test]
fn three_cost_centres_change_hands_in_september() {
    let catalogue = checked().catalogue;
    let moved = catalogue.costcentres.values().filter(|c| c.owners.len() > 1);
    let moved: Vec<_> = moved
        .map(|c| {
            (
                c.code.as_str(),
                catalogue.payer_of_month(&c.code, month("2021-08")),
                catalogue.payer_of_month(&c.code, month("2021-09")),
            )
        })
        .collect();
    let from_to = |code| (code, Ok(Some("LEAN")), Ok(Some("SOF")));
    assert_eq!(moved, ["603010", "603020", "603030"].map(from_to));
}

#[test]
fn the_names_that_others_rely_on_are_there() {
    let catalogue = checked().catalogue;
    let cases = [
        ("e-moten", "participant_hour", "h", MeterKind::Sum, "meeting.participation", ""),
        ("mdm", "device", "device", MeterKind::AvgDaily, "device.snapshot", ""),
        (
            "it-bastjanst-konto",
            "account",
            "account",
            MeterKind::AvgDaily,
            "account.snapshot",
            "staff|pupil|external",
        ),
        ("it-bastjanst-lagring", "storage_gb", "GB", MeterKind::TimeWeighted, "storage.snapshot", ""),
    ];
    for (service, meter, unit, kind, event, classes) in cases {
        let found = catalogue.meter(service, meter).unwrap();
        let rating =
            found.dimensions.iter().find(|d| d.rating).map(|d| d.values.join("|")).unwrap_or_default();
        let event = format!("se.linkoping.lkdata.usage.{event}.v1");
        assert_eq!(
            (found.unit.as_str(), found.kind, rating.as_str()),
            (unit, kind, classes),
            "{service}/{meter}"
        );
        assert_eq!(found.event_type.as_deref(), Some(event.as_str()));
    }
}

/// Σ volume × price × 12, in kronor, with the average of the two half-years where the price changes in July.
fn turnover(catalogue: &Catalogue, established: bool) -> String {
    let volumes = checked().catalogue.volumes;
    let mut half_years = rust_decimal::Decimal::ZERO;
    for planned in volumes {
        let service = &catalogue.services[&planned.service];
        if service.established_from.is_some() != established || !service.meters[&planned.meter].billed {
            continue;
        }
        for half in ["2021-01", "2021-07"] {
            let price =
                catalogue.price(&planned.service, &planned.meter, &planned.class, month(half)).unwrap();
            half_years += planned.volume.to_decimal() * price.price.kronor() * rust_decimal::Decimal::from(6);
        }
    }
    half_years.normalize().to_string()
}

#[test]
fn the_planned_year_comes_to_the_object_plans_turnover() {
    let catalogue = checked().catalogue;
    assert_eq!(turnover(&catalogue, true), "134989320");
    assert_eq!(turnover(&catalogue, false), "2251200");
}

/// R1, R3, R5b: 4.7 M over the planned turnover, less the months in which the monitoring is financed jointly (R12).
#[test]
fn the_budget_would_take_three_and_a_half_percent() {
    let catalogue = checked().catalogue;
    let basis = domain::object::planned(&catalogue, 2021);
    let months = 3 * 1_450 * 38;
    assert_eq!(basis.turnover.to_string(), format!("{}.00", 134_989_320 - months));
    assert_eq!((basis.budget.to_string(), basis.required()), ("4700000.00".to_owned(), basis.budget));
    assert_eq!(basis.required_rate().unwrap().to_string(), "0.03486");
    // The dearer tablet holds for all of 2022: 88,800 kr more.
    let of_2022 = domain::object::planned(&catalogue, 2022);
    assert_eq!(of_2022.required_rate().unwrap().to_string(), "0.034943");
}

#[test]
fn every_billed_meter_has_a_planned_volume_but_handsets() {
    let checked = checked();
    let planned = |service: &Service, meter: &Meter| {
        checked.catalogue.volumes.iter().any(|v| v.service == service.slug && v.meter == meter.slug)
    };
    let meters = checked.catalogue.services.values().flat_map(|s| s.meters.values().map(move |m| (s, m)));
    let unplanned: Vec<_> =
        meters.filter(|(s, m)| !planned(s, m)).map(|(s, m)| format!("{}/{}", s.slug, m.slug)).collect();
    assert_eq!(unplanned, ["mobiltelefon/handset"]);
}

#[test]
fn the_agreements_in_force_are_the_planned_volumes_in_every_month() {
    let checked = checked();
    for planned in &checked.catalogue.volumes {
        let meter = checked.catalogue.meter(&planned.service, &planned.meter).unwrap();
        if meter.kind != MeterKind::Fixed {
            continue;
        }
        for month in month("2021-01").through(month("2021-12")) {
            let active = |day| {
                let agreements = checked.catalogue.agreements.iter().filter(|a| {
                    a.service == planned.service && a.meter == planned.meter && a.class == planned.class
                });
                let active = agreements.filter(|a| a.from <= day && a.to.is_none_or(|to| day <= to));
                active.map(|a| a.quantity.micros()).sum::<i128>()
            };
            assert!(month.days().all(|day| active(day) == planned.volume.micros()), "{planned:?} {month}");
        }
    }
}

#[test]
fn rates_prices_and_shares_change_when_they_were_decided_to() {
    let catalogue = checked().catalogue;
    let rate = |at: &str| catalogue.rate(month(at)).unwrap().rate.to_string();
    assert_eq!(["2020-12", "2021-01", "2021-12", "2022-01"].map(rate), ["0", "0.03", "0.03", "0.0348"]);
    let price = |at: &str| catalogue.price("pekplatta", "device", "", month(at)).unwrap().price.to_string();
    assert_eq!(["2020-01", "2021-06", "2021-07", "2024-02"].map(price), ["48.00", "48.00", "50.00", "50.00"]);
    let share = |service: &str, meter: &str, at: &str| {
        let measured = catalogue.meter(service, meter).unwrap();
        let share = catalogue.joint_share(service, measured, "", None, month(at));
        share.map(|share| (share.share.to_string(), share.phase.name().to_owned()))
    };
    let walk =
        ["2020-06", "2021-03", "2021-08", "2023-01"].map(|at| share("rpa-tjanst", "central", at).unwrap());
    let phase = |share: &str, phase: &str| (share.to_owned(), phase.to_owned());
    assert_eq!(
        walk,
        [
            phase("1", "etablering"),
            phase("0.5", "utveckling"),
            phase("1", "initialt underhåll"),
            phase("0", "långsiktigt underhåll")
        ]
    );
    assert_eq!(share("rpa-tjanst", "robot", "2021-08"), None);
    let joint =
        ["2021-03", "2021-04", "2021-06", "2021-07"].map(|at| share("overvakning", "object", at).is_some());
    assert_eq!(joint, [false, true, true, false]);
}

#[test]
fn the_readme_lists_every_meter() {
    expect_file![directory().join("README.md")].assert_eq(&readme(&checked().catalogue));
}

fn readme(catalogue: &Catalogue) -> String {
    let mut text = include_str!("linkoping/readme_head.md").to_owned();
    for (product, entry) in &catalogue.products {
        writeln!(text, "\n### {} ({product})\n", entry.name).unwrap();
        text.push_str(
            "| Tjänst | slug | mätare | enhet | slag | prisklass | händelsetyp | pris 2021-12, kr |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|---|\n");
        for service in catalogue.services.values().filter(|s| &s.product == product) {
            for meter in service.meters.values() {
                let name = if service.established_from.is_some() {
                    service.name.clone()
                } else {
                    format!("{} (under utveckling)", service.name)
                };
                let rating: Vec<_> = meter
                    .dimensions
                    .iter()
                    .filter(|d| d.rating)
                    .map(|d| format!("`{}`: {}", d.name, d.values.join(", ")))
                    .collect();
                let event = meter.event_type.as_ref().map(|e| format!("`{e}`")).unwrap_or_default();
                let prices =
                    catalogue.prices.iter().filter(|p| p.service == service.slug && p.meter == meter.slug);
                let prices = prices
                    .filter(|p| catalogue.price(&p.service, &p.meter, &p.class, month("2021-12")) == Some(p));
                let prices: Vec<_> = prices
                    .map(|p| {
                        if p.class.is_empty() {
                            p.price.to_string()
                        } else {
                            format!("{}: {}", p.class, p.price)
                        }
                    })
                    .collect();
                let price = if meter.billed { prices.join("<br>") } else { "trend".to_owned() };
                writeln!(
                    text,
                    "| {name} | `{}` | `{}` | `{}` | `{}` | {} | {event} | {price} |",
                    service.slug,
                    meter.slug,
                    meter.unit,
                    meter.kind.name(),
                    rating.join("<br>")
                )
                .unwrap();
            }
        }
    }
    text.push_str(include_str!("linkoping/readme_units.md"));
    for unit in catalog::UNITS {
        writeln!(text, "| `{}` | {} | {} |", unit.code, unit.name, unit.name_en).unwrap();
    }
    text
}
