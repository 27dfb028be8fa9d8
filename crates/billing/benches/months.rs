//! How long months of a municipality like Linköping take: 1,100 cost centres, 23 meters, 25,300 lines a month, a year and a
//! month. `cargo bench -p billing` prints it; the budget is 2 s for a close and 10 s for all twelve months anew.

#![expect(clippy::unwrap_used, reason = "a benchmark whose own set-up fails has failed")]

#[path = "../tests/months/catalogue.rs"]
mod catalogue;
#[path = "months/large.rs"]
mod large;
#[path = "../tests/months/shared.rs"]
mod shared;
#[path = "../tests/months/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

use std::sync::Arc;
use std::time::Instant;

use billing::export::{Dialect, Format, csv};
use billing::{Accept, Biller, Closing, UsageQuery};

use crate::catalogue::month;
use crate::large::{METERS, large, usage};
use crate::world::World;

#[expect(clippy::print_stdout, reason = "it is what a benchmark is for")]
async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    println!("{what:<70} {:>9.1} ms", began.elapsed().as_secs_f64() * 1_000.0);
    done
}

/// When the last of these months may be closed.
fn later() -> domain::Instant {
    domain::Instant::parse_rfc3339("2022-02-01T12:00:00+01:00").unwrap()
}

async fn close(biller: &Biller, at: &str) {
    let closing = biller.close(month(at), Accept::default()).await.unwrap();
    assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
}

fn main() {
    shared::on_server(|url| async move {
        let world = World::new(url, "bench_months").await;
        world.catalogue.store(Arc::new(large()));
        world.usage.lock().days = usage(month("2021-01"), month("2022-01"));
        timed("(writing 13 months of usage)", world.count(&[])).await;
        world.start_owner();
        let query = UsageQuery::of(month("2021-01"), month("2022-01"));
        let by_payer = UsageQuery { by_customer: true, ..query.clone() };
        let by_costcentre = UsageQuery { by_costcentre: true, ..query.clone() };
        let items =
            timed("usage of 13 months, first time (rates all of them)", world.biller.usage_items(&query))
                .await;
        assert_eq!(items.unwrap().len(), 13 * (METERS + 1));
        timed("usage of 13 months by service and meter", world.biller.usage_items(&query)).await.unwrap();
        timed("usage of 13 months by payer", world.biller.usage_items(&by_payer)).await.unwrap();
        timed("usage of 13 months by cost centre (328,900 items)", world.biller.usage_items(&by_costcentre))
            .await
            .unwrap();
        timed("the list of 13 months", world.biller.months()).await.unwrap();
        timed("the list of 13 months again", world.biller.months()).await.unwrap();
        let biller = world.biller_at(later);
        for at in month("2021-01").through(month("2021-12")) {
            timed(
                &format!("close of {at}, with the barriers and the cut of the bench's roll-up"),
                close(&biller, &at.to_string()),
            )
            .await;
        }
        let other = world.biller_at(later);
        timed(
            "preview of 2022-01 by a new process: reckons 12 closed months anew",
            other.charges(month("2022-01")),
        )
        .await
        .unwrap();
        let bill = other.charges(month("2021-12")).await.unwrap();
        let mut out = Vec::new();
        timed("CSV of a month", async { csv(&bill, Dialect::Rfc4180, &mut out, &mut |_, _| {}).unwrap() })
            .await;
        let material = other.material(bill).await.unwrap();
        let write = async { material.write(Format::Xlsx, &mut out, &mut |_, _| {}).unwrap() };
        timed("XLSX of a month", write).await;
        world.finish().await;
    });
}
