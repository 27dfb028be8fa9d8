use proptest::prelude::*;

use super::*;
use crate::catalogue::{Catalogue, CostCentre};
use crate::rating::rate;
use crate::rating::tests::{catalogue, used};
use crate::usage::MonthlyUsage;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn charges_of(catalogue: &Catalogue, at: &str, usage: &[MonthlyUsage]) -> Vec<Charge> {
    charges(&rate(catalogue, month(at), usage, &[]), rate_of(catalogue, at))
}

fn rate_of(catalogue: &Catalogue, at: &str) -> Option<Rate> {
    catalogue.rate(month(at)).map(|rate| rate.rate)
}

/// `id quantity gross joint net + surcharge`
fn shown(charges: &[Charge]) -> Vec<String> {
    let line =
        |c: &Charge| format!("{} {} {} {} {} + {}", c.id(), c.quantity, c.gross, c.joint, c.net, c.surcharge);
    charges.iter().map(line).collect()
}

#[test]
fn r4_r5_r6_the_surcharge_is_reckoned_on_what_established_services_invoice_companies_too() {
    // r = 3 %. KLF: e-moten 1000 h × 0.48 = 480.00 and 2.5 h = 1.20; rpa (under development) 100 min × 2.50 = 250.00.
    //   P = öre(0.03 × 481.20) = 14.436 → 14.44; claims 14.40 and 0.036: the öre that is left goes to the second.
    // LEJON, a company: 10 rooms the whole month × 500 = 5000.00; P = 150.00.
    let usage = [
        used("2021-03", "e-moten", "participant_hour", "110200", "", 1_000_000_000),
        used("2021-03", "e-moten", "participant_hour", "441002", "", 0),
        used(
            "2021-03",
            "lagring",
            "storage_gb",
            "110200",
            "",
            1_043_478 * i128::from(month("2021-03").micros()),
        ),
        used("2021-03", "rpa", "minute", "110200", "", 100_000_000),
        used("2021-03", "e-moten", "room", "B0100", "", 310_000_000),
        used("2021-03", "e-moten", "participant_hour", "999999", "", 5_000_000),
    ];
    assert_eq!(
        shown(&charges_of(&catalogue(), "2021-03", &usage)),
        [
            "2021-03.KLF.110200.e-moten.participant_hour.- 1000 480.00 0.00 480.00 + 14.40",
            "2021-03.KLF.110200.lagring.storage_gb.- 1.043478 1.20 0.00 1.20 + 0.04",
            "2021-03.KLF.110200.rpa.minute.- 100 250.00 0.00 250.00 + 0.00",
            "2021-03.LEJON.B0100.e-moten.room.- 10 5000.00 0.00 5000.00 + 150.00",
        ]
    );
    // R7: no rate is in force before 2021.
    let earlier = [used("2020-12", "e-moten", "participant_hour", "110200", "", 1_000_000_000)];
    assert_eq!(
        shown(&charges_of(&catalogue(), "2020-12", &earlier)),
        ["2020-12.KLF.110200.e-moten.participant_hour.- 1000 480.00 0.00 480.00 + 0.00",]
    );
}

#[test]
fn r5_three_per_cent_of_the_year_is_0_65_msek_short_of_the_budget() {
    let rate: Rate = "0.03".parse().unwrap();
    assert_eq!(rate.of(Money::from_ore(13_498_932_000)), Money::from_ore(404_967_960));
    assert_eq!(
        Money::from_ore(470_000_000) - rate.of(Money::from_ore(13_500_000_000)),
        Money::from_ore(65_000_000)
    );
}

#[test]
fn late_usage_becomes_differences_on_the_terms_of_its_own_month() {
    // March was billed 10 h × 0.48 = 4.80, P = öre(0.144) = 0.14. Half an hour more, found in July when the price is 0.52:
    // 10.5 × 0.48 = 5.04, P = öre(0.1512) = 0.15: the correction is 0.5 h, 0.24 kr, 0.01 kr.
    let catalogue = catalogue();
    let at = |hours: i128| {
        let usage = [
            used("2021-03", "e-moten", "participant_hour", "110200", "", hours),
            used("2021-03", "e-moten", "room", "441001", "", 31_000_000),
        ];
        charges_of(&catalogue, "2021-03", &usage)
    };
    let (booked, fresh) = (at(10_000_000), at(10_500_000));
    let rate = rate_of(&catalogue, "2021-03");
    let lines = corrections(month("2021-07"), month("2021-03"), rate, &fresh, &booked);
    assert_eq!(
        shown(&lines),
        ["2021-07.2021-03.KLF.110200.e-moten.participant_hour.- 0.5 0.24 0.00 0.24 + 0.01",]
    );
    assert_eq!(
        (lines[0].billed_before, lines[0].unit_price().unwrap().to_string()),
        (Quantity::from_micros(10_000_000), "0.48".to_owned())
    );
    // Booked as it is, nothing is left to correct; taken back wholly, everything returns, in two lines' worth of öre.
    let all: Vec<Charge> = booked.iter().chain(&lines).cloned().collect();
    assert_eq!(corrections(month("2021-08"), month("2021-03"), rate, &fresh, &all), []);
    let gone =
        charges_of(&catalogue, "2021-03", &[used("2021-03", "e-moten", "room", "441001", "", 31_000_000)]);
    assert_eq!(
        shown(&corrections(month("2021-08"), month("2021-03"), rate, &gone, &all)),
        ["2021-08.2021-03.KLF.110200.e-moten.participant_hour.- -10.5 -5.04 0.00 -5.04 + -0.15",]
    );
}

#[test]
fn usage_that_gets_an_owner_after_the_close_is_charged_as_a_correction() {
    let mut catalogue = catalogue();
    let usage = [used("2021-03", "e-moten", "participant_hour", "999999", "", 100_000_000)];
    let booked = charges_of(&catalogue, "2021-03", &usage);
    let mut owned = catalogue.costcentres["110200"].clone();
    owned.code = "999999".to_owned();
    catalogue.costcentres.insert("999999".to_owned(), owned);
    let fresh = charges_of(&catalogue, "2021-03", &usage);
    let lines =
        corrections(month("2021-04"), month("2021-03"), rate_of(&catalogue, "2021-03"), &fresh, &booked);
    assert_eq!(
        shown(&lines),
        ["2021-04.2021-03.KLF.999999.e-moten.participant_hour.- 100 48.00 0.00 48.00 + 1.44"]
    );
}

/// `key quantity gross reason` of the corrections between two states of March.
fn reasons(before: (&Catalogue, &[MonthlyUsage]), after: (&Catalogue, &[MonthlyUsage])) -> Vec<String> {
    let booked = charges_of(before.0, "2021-03", before.1);
    let fresh = charges_of(after.0, "2021-03", after.1);
    let lines = corrections(month("2021-04"), month("2021-03"), None, &fresh, &booked);
    let line = |c: &Charge| {
        let (customer, costcentre, _, meter, _) = c.key();
        format!("{customer} {costcentre} {meter} {} {} {}", c.quantity, c.gross, c.reason.unwrap().name())
    };
    lines.iter().map(line).collect()
}

fn hours(costcentre: &str, hours: i128) -> MonthlyUsage {
    used("2021-03", "e-moten", "participant_hour", costcentre, "", hours * 1_000_000)
}

/// The catalogue with another cost centre of KLF's, and the hours priced in another way.
fn priced(model: &str) -> Catalogue {
    let mut catalogue = catalogue();
    for row in catalogue.prices.iter_mut().filter(|row| row.meter == "participant_hour") {
        row.model = model.parse().unwrap();
    }
    let owners = catalogue.costcentres["110200"].owners.clone();
    let more = CostCentre { code: "110300".to_owned(), name: "110300".to_owned(), owners };
    catalogue.costcentres.insert(more.code.clone(), more);
    catalogue
}

/// The same catalogue, with a cost centre that is another customer's.
fn given_to(mut catalogue: Catalogue, costcentre: &str, customer: &str) -> Catalogue {
    catalogue.costcentres.get_mut(costcentre).unwrap().owners[0].customer = customer.to_owned();
    catalogue
}

#[test]
fn a_correction_says_whether_it_is_for_usage_payer_spread_or_terms() {
    let plain = priced("");
    let ten = [hours("110200", 10)];
    // 2 h × 0.48 came late; 3 h were taken back.
    assert_eq!(
        reasons((&plain, &ten), (&plain, &[hours("110200", 12)])),
        ["KLF 110200 participant_hour 2 0.96 usage"]
    );
    assert_eq!(
        reasons((&plain, &ten), (&plain, &[hours("110200", 7)])),
        ["KLF 110200 participant_hour -3 -1.44 usage"]
    );
    // The cost centre was UAF's all the time.
    let moved = given_to(plain.clone(), "110200", "UAF");
    assert_eq!(
        reasons((&plain, &ten), (&moved, &ten)),
        ["KLF 110200 participant_hour -10 -4.80 payer", "UAF 110200 participant_hour 10 4.80 payer"]
    );
    // It was UAF's, and used an hour more: that is usage, of both lines.
    assert_eq!(
        reasons((&plain, &ten), (&moved, &[hours("110200", 11)])),
        ["KLF 110200 participant_hour -10 -4.80 usage", "UAF 110200 participant_hour 11 5.28 usage"]
    );
    // Steps, 0.48 up to 20 h and 0.10 beyond: 10 + 10 h are 9.60, half each. With 20 h more on 110300 they are
    // 9.60 + 20 × 0.10 = 11.60, spread 10 : 30: 2.90 and 8.70.
    let steps = priced("trappa 20:0.1");
    let (before, after) =
        ([hours("110200", 10), hours("110300", 10)], [hours("110200", 10), hours("110300", 30)]);
    assert_eq!(
        reasons((&steps, &before), (&steps, &after)),
        ["KLF 110200 participant_hour 0 -1.90 spread", "KLF 110300 participant_hour 20 3.90 usage"]
    );
    // Somebody changed the price of a closed month by hand: 10 × 0.50 − 10 × 0.48.
    let mut dearer = plain.clone();
    for row in dearer.prices.iter_mut().filter(|row| row.meter == "participant_hour") {
        row.price = "0.5".parse().unwrap();
    }
    assert_eq!(reasons((&plain, &ten), (&dearer, &ten)), ["KLF 110200 participant_hour 0 0.20 terms"]);
}

#[test]
fn averages_that_change_hands_are_no_other_usage_for_their_roundings() {
    // 100 room-days in March are 100/31 = 3.225806. Of two payers' 62.7 and 37.3: 2.022581 + 1.203226 = 3.225807.
    let catalogue = catalogue();
    let line = |customer: &str, days: &str| {
        let micros = (days.parse::<rust_decimal::Decimal>().unwrap()
            * rust_decimal::Decimal::from(1_000_000))
        .try_into()
        .unwrap_or(0_i128);
        let mut made =
            charges_of(&catalogue, "2021-03", &[used("2021-03", "e-moten", "room", "B0100", "", micros)])
                .remove(0);
        Arc::make_mut(&mut made.customer).code = customer.to_owned();
        made
    };
    let booked = [line("LEJON", "100")];
    let fresh = [line("LEJON", "62.7"), line("TVAB", "37.3")];
    let sum: i128 = fresh.iter().map(|line| line.quantity.micros()).sum();
    assert_eq!(sum, booked[0].quantity.micros() + 1, "the roundings add up to a millionth");
    let reasons = |fresh: &[Charge]| -> Vec<&str> {
        let lines = corrections(month("2021-04"), month("2021-03"), None, fresh, &booked);
        lines.iter().map(|line| line.reason.unwrap().name()).collect()
    };
    assert_eq!(reasons(&fresh), ["payer", "payer"]);
    assert_eq!(reasons(&[line("LEJON", "62.7"), line("TVAB", "37.4")]), ["usage", "usage"]);
    for reason in [Reason::Usage, Reason::Payer, Reason::Spread, Reason::Terms] {
        assert_eq!(Reason::from_name(reason.name()), Some(reason));
    }
}

#[test]
fn the_handing_out_of_ore_is_told_as_it_was_done() {
    // As in the first test here: P = 14.44, claims 14.40 and 0.036, floors 14.40 and 0.03, one öre left for the second.
    let usage = [
        hours("110200", 1_000),
        used(
            "2021-03",
            "lagring",
            "storage_gb",
            "110200",
            "",
            1_043_478 * i128::from(month("2021-03").micros()),
        ),
        used("2021-03", "rpa", "minute", "110200", "", 100_000_000),
    ];
    let charges = charges_of(&catalogue(), "2021-03", &usage);
    let lines: Vec<&Charge> = charges.iter().collect();
    let rate = rate_of(&catalogue(), "2021-03").unwrap();
    let told = |at: usize| {
        handout(&lines, lines[at], rate).map(|made| {
            (made.floor.to_string(), made.left.to_string(), made.rank, made.claims, made.part.to_string())
        })
    };
    assert_eq!(told(0), Some(("14.40".to_owned(), "0.01".to_owned(), 2, 2, "14.40".to_owned())));
    assert_eq!(told(1), Some(("0.03".to_owned(), "0.01".to_owned(), 1, 2, "0.04".to_owned())));
    assert_eq!(told(2), None, "rpa bears none");
    let mut other = charges[0].clone();
    other.surcharge = Money::from_ore(1);
    assert_eq!(
        handout(&[&other, &charges[1]], &other, rate).map(|made| made.part),
        None,
        "not how it was made"
    );
}

#[test]
fn an_id_is_safe_in_a_url_and_tells_classes_apart() {
    let mut line =
        charges_of(&catalogue(), "2021-03", &[used("2021-03", "e-moten", "room", "B0100", "", 31)]).remove(0);
    let mut ids = Vec::new();
    for class in ["", "-", "a/b", "a~b", "2.5 G", "å"] {
        Arc::make_mut(&mut line.tariff).class = class.to_owned();
        ids.push(line.id().split_off("2021-03.LEJON.B0100.e-moten.room.".len()));
    }
    assert_eq!(ids, ["-", "~~2D", "a~b", "a~~7Eb", "2~~2E5~~20G", "~~C3~~A5"]);
}

/// Rows of usage over payers, services that bear the surcharge and one that does not, and both signs.
fn usages() -> impl Strategy<Value = Vec<MonthlyUsage>> {
    let meters =
        [("e-moten", "participant_hour"), ("e-moten", "room"), ("lagring", "storage_gb"), ("rpa", "minute")];
    let row = (
        0..4_usize,
        prop::sample::select(vec!["110200", "110300", "441001", "441009", "B0100", "B0200", "999999"]),
        -2_000_000_000_i128..9_000_000_000,
    );
    prop::collection::vec(row, 0..40).prop_map(move |rows| {
        let scaled =
            |meter: &str, amount| if meter == "storage_gb" { amount * 3_600_000_000 } else { amount };
        rows.into_iter()
            .map(|(at, costcentre, amount)| {
                let (service, meter) = meters[at];
                used("2021-03", service, meter, costcentre, "", scaled(meter, amount))
            })
            .collect()
    })
}

/// The catalogue, with some way of pricing the hours and the storage: each payer has two cost centres to spread over.
fn catalogues() -> impl Strategy<Value = Catalogue> {
    let models =
        vec!["", "trappa 100:0.4 2000:0.3", "volym 1000:0.25", "paket 7", "fast", "fritt 300", "minst 99.99"];
    (prop::sample::select(models.clone()), prop::sample::select(models)).prop_map(|(hours, storage)| {
        let mut catalogue = catalogue();
        for row in &mut catalogue.prices {
            match row.meter.as_str() {
                "participant_hour" => row.model = hours.parse().unwrap(),
                "storage_gb" => row.model = storage.parse().unwrap(),
                _ => {}
            }
        }
        for (code, owner) in [("110300", "110200"), ("441009", "441001"), ("B0200", "B0100")] {
            let owners = catalogue.costcentres[owner].owners.clone();
            let more = CostCentre { code: code.to_owned(), name: code.to_owned(), owners };
            catalogue.costcentres.insert(code.to_owned(), more);
        }
        catalogue
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn lines_add_up_to_payers_and_payers_to_the_total(catalogue in catalogues(), usage in usages()) {
        let charges = charges_of(&catalogue, "2021-03", &usage);
        let mut payers = Totals::default();
        for payer in charges.chunk_by(|a, b| a.customer.code == b.customer.code) {
            let totals: Totals = payer.iter().collect();
            let base = payer.iter().filter(|c| c.tariff.bears_surcharge).map(|c| c.net).sum();
            prop_assert_eq!(totals.surcharge, "0.03".parse::<Rate>().unwrap().of(base));
            payers += totals;
        }
        prop_assert_eq!(payers, charges.iter().collect::<Totals>());
        prop_assert!(charges.iter().all(|c| c.net == c.gross - c.joint));
        prop_assert!(charges.windows(2).all(|pair| pair[0].key() < pair[1].key()));
    }

    #[test]
    fn a_month_and_its_corrections_equal_a_fresh_reckoning(
        catalogue in catalogues(),
        steps in prop::collection::vec(usages(), 1..5),
    ) {
        let rate = rate_of(&catalogue, "2021-03");
        let mut usage = Vec::new();
        let mut booked: Vec<Charge> = Vec::new();
        for (n, step) in (0..).zip(steps) {
            usage.extend(step);
            let fresh = charges_of(&catalogue, "2021-03", &usage);
            if n == 0 {
                booked = fresh;
                continue;
            }
            let lines = corrections(month("2021-03").plus(n), month("2021-03"), rate, &fresh, &booked);
            booked.extend(lines);
            for payer in ["KLF", "UAF", "LEJON"] {
                let totals = |charges: &[Charge]| charges.iter().filter(|c| c.customer.code == payer).collect::<Totals>();
                prop_assert_eq!(totals(&booked), totals(&fresh));
            }
            for line in &fresh {
                let sum = booked.iter().filter(|c| c.key() == line.key());
                prop_assert_eq!(sum.clone().map(|c| c.quantity.micros()).sum::<i128>(), line.quantity.micros());
                prop_assert_eq!(sum.map(|c| c.net).sum::<Money>(), line.net);
            }
        }
    }
}
