use billing::{Accept, Closing};
use domain::Instant;
use domain::access::Viewer;
use domain::charge::{Charge, Reason, Totals};

use crate::catalogue::{month, owned};
use crate::closing::{close, count_march, shown};
use crate::world::{World, in_world};

/// What is booked for a month: its own charges and every correction of it.
async fn booked(world: &World, of: &str, through: &str) -> Vec<Charge> {
    let mut booked = Vec::new();
    for at in month(of).through(month(through)) {
        let bill = world.biller.charges(at).await.unwrap();
        booked.extend(bill.charges.iter().filter(|line| line.usage_month() == month(of)).cloned());
    }
    booked
}

async fn assert_ties_out(world: &World, of: &str, through: &str) {
    let fresh = world.biller.preview(month(of)).await.unwrap();
    let own: Totals = fresh.own().iter().collect();
    let booked = booked(world, of, through).await;
    assert_eq!(booked.iter().collect::<Totals>(), own, "{of}");
    for payer in ["KLF", "LEJON", "UAF"] {
        let of_payer =
            |lines: &[Charge]| lines.iter().filter(|l| l.customer.code == payer).collect::<Totals>();
        assert_eq!(of_payer(&booked), of_payer(fresh.own()), "{of} {payer}");
    }
}

#[test]
fn late_usage_is_billed_as_differences_until_the_month_equals_a_fresh_reckoning() {
    in_world("late_usage", |world| async move {
        count_march(&world).await;
        world.count(&[("2021-04-02", "e-moten", "participant_hour", "110200", "", 10_000_000)]).await;
        close(&world, "2021-03").await;
        close(&world, "2021-04").await;

        // Late: another payer's hours, and rpa that is jointly financed to a quarter. At March's price and rate: UAF had
        // öre(0.432) = 0.43 and has öre(0.03 × 62.40) = 1.87 now: 1.44 more.
        world
            .count(&[
                ("2021-03-02", "e-moten", "participant_hour", "441001", "", 100_000_000),
                ("2021-03-02", "rpa", "minute", "110200", "", 1_000_000),
                ("2021-05-02", "e-moten", "participant_hour", "110200", "", 10_000_000),
            ])
            .await;
        let may = [
            "2021-05.KLF.110200.driftavtal.agreement.A 1 3500.00 0.00 3500.00 + 105.00",
            "2021-05.KLF.110200.e-moten.participant_hour.- 10 5.20 0.00 5.20 + 0.16",
            "2021-05.2021-03.KLF.110200.rpa.minute.- 1 2.50 0.63 1.87 + 0.00",
            "2021-05.2021-03.UAF.441001.e-moten.participant_hour.- 100 48.00 0.00 48.00 + 1.44",
        ];
        let preview = world.biller.charges(month("2021-05")).await.unwrap();
        assert_eq!(shown(&preview.charges), may);
        assert!(preview.corrections().iter().all(|line| line.reason == Some(Reason::Usage)));
        assert_eq!(preview.corrections()[0].billed_before.to_string(), "100");
        assert_eq!(
            world.biller.charges(month("2021-06")).await.unwrap().corrections(),
            [],
            "only the next month bills them"
        );
        assert_ties_out(&world, "2021-03", "2021-05").await;
        close(&world, "2021-05").await;
        let frozen = world.biller.charges(month("2021-05")).await.unwrap();
        assert_eq!(frozen.charges, preview.charges);

        // Taken back in June, and again more of it: what is booked follows.
        world
            .count(&[
                ("2021-03-02", "e-moten", "participant_hour", "441001", "", -100_000_000),
                ("2021-06-02", "e-moten", "participant_hour", "110200", "", 10_000_000),
            ])
            .await;
        let june = world.biller.charges(month("2021-06")).await.unwrap();
        assert_eq!(
            shown(june.corrections()),
            ["2021-06.2021-03.UAF.441001.e-moten.participant_hour.- -100 -48.00 0.00 -48.00 + -1.44",]
        );
        // June is over in July.
        let july = || Instant::parse_rfc3339("2021-07-01T08:00:00Z").unwrap();
        let closing = world.biller_at(july).close(month("2021-06"), Accept::default()).await.unwrap();
        assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
        for of in ["2021-03", "2021-04", "2021-05", "2021-06"] {
            assert_ties_out(&world, of, "2021-06").await;
        }
        // Explained with the rate of the month that it corrects.
        let explained =
            world.biller.explain(&june.corrections()[0].id(), &Viewer::admin(), 10, None).await.unwrap();
        assert_eq!(explained.surcharge_claim.unwrap().to_string(), "-1.44");
        assert_eq!(explained.payer_surcharge.to_string(), "-1.44");
        assert_eq!(explained.charge.reason, Some(Reason::Usage), "also as it is read back");
        world
    });
}

#[test]
fn late_usage_without_a_payer_waits_for_one_and_is_then_billed() {
    in_world("late_unattributed", |world| async move {
        count_march(&world).await;
        close(&world, "2021-03").await;
        world.count(&[("2021-03-03", "e-moten", "participant_hour", "999999", "", 100_000_000)]).await;
        let april = world.biller.charges(month("2021-04")).await.unwrap();
        assert_eq!((april.corrections(), april.unattributed.len()), (&[][..], 1));
        let blockers = world.biller.blockers(month("2021-04")).await.unwrap();
        assert_eq!(blockers.len(), 1);
        let said = "kostnadsställe 999999 saknar betalare i 2021-03 (kvantitet 100): lägg till det i kostnadsstallen.csv";
        assert!(blockers[0].detail.starts_with(said), "{blockers:?}");

        let mut catalogue = (**world.catalogue.load()).clone();
        catalogue.version = "v2".to_owned();
        catalogue.costcentres.insert("999999".to_owned(), owned("999999", &[("LEJON", "2020-01-01", None)]));
        world.catalogue.store(std::sync::Arc::new(catalogue));
        close(&world, "2021-04").await;
        let april = world.biller.charges(month("2021-04")).await.unwrap();
        // LEJON had 1016.13 (30.48): öre(0.03 × 1064.13) = 31.92, 1.44 more.
        assert_eq!(
            shown(april.corrections()),
            ["2021-04.2021-03.LEJON.999999.e-moten.participant_hour.- 100 48.00 0.00 48.00 + 1.44",]
        );
        assert_ties_out(&world, "2021-03", "2021-04").await;
        world
    });
}
