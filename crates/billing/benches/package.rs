//! How long everything that finance pulls of a month takes: Linköping's catalogue, its cost centres that have a payer, and
//! every one of them with 23 priced meters. `cargo bench -p billing --bench package` prints it; the budget is 10 s.

#![expect(clippy::unwrap_used, reason = "a benchmark whose own set-up fails has failed")]

#[path = "../tests/months/catalogue.rs"]
mod catalogue;
#[path = "../tests/months/shared.rs"]
mod shared;
#[path = "../tests/months/world.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use billing::export::{Dialect, Format, Material, package};
use billing::{Accept, Closing};
use domain::Month;
use domain::catalogue::Catalogue;
use domain::usage::{DailyUsage, MeterKind};

use crate::catalogue::month;
use crate::world::World;

const METERS: usize = 23;
const BUDGET: Duration = Duration::from_secs(10);

/// A little of every meter for every cost centre that somebody pays for all the month.
fn usage(catalogue: &Catalogue, month: Month) -> Vec<DailyUsage> {
    let is_priced = |(service, meter, class): &(&str, &str, &str)| {
        let kind = catalogue.meter(service, meter).map(|meter| meter.kind);
        let is_counted = kind.is_some_and(|kind| !matches!(kind, MeterKind::Fixed | MeterKind::Unique));
        is_counted && catalogue.price(service, meter, class, month).is_some()
    };
    let mut priced: Vec<_> = catalogue
        .prices
        .iter()
        .map(|row| (row.service.as_str(), row.meter.as_str(), row.class.as_str()))
        .collect();
    priced.dedup();
    let priced: Vec<_> = priced.into_iter().filter(is_priced).take(METERS).collect();
    assert_eq!(priced.len(), METERS);
    let paid = catalogue
        .costcentres
        .keys()
        .filter(|code| catalogue.payer_of_month(code, month).is_ok_and(|payer| payer.is_some()));
    let mut days = Vec::new();
    for (n, costcentre) in paid.enumerate() {
        for (m, (service, meter, class)) in priced.iter().enumerate() {
            days.push(DailyUsage {
                day: month.first_day(),
                service: (*service).to_owned(),
                meter: (*meter).to_owned(),
                costcentre: costcentre.clone(),
                class: (*class).to_owned(),
                amount: 31_000_000 + 1_000 * (n * m) as i128,
            });
        }
    }
    days
}

#[expect(clippy::print_stdout, reason = "it is what a benchmark is for")]
fn say(what: &str, began: Instant, more: &str) {
    println!("{what:<60} {:>9.1} ms  {more}", began.elapsed().as_secs_f64() * 1_000.0);
}

/// A month that was closed with the catalogue of which the store has the files.
async fn closed(world: &World, at: Month) -> Arc<billing::Bill> {
    let files = catalog::linkoping();
    let version = files.version();
    let kept: Vec<_> = files.iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect();
    world.store.catalogue_put(&version, &kept, domain::Instant::default()).await.unwrap();
    let linkoping = catalog::check(&files).unwrap().catalogue;
    world.usage.lock().days = usage(&linkoping, at);
    world.catalogue.store(Arc::new(linkoping));
    world.count(&[]).await;
    world.start_owner();
    let closing = world.biller.close(at, Accept::default()).await.unwrap();
    assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
    let reader = world.another_biller();
    let began = Instant::now();
    let bill = reader.charges(at).await.unwrap();
    say("the frozen month, read and held to its hash", began, &format!("{} lines", bill.charges.len()));
    bill
}

fn alone(material: &Material) {
    for (format, name) in [
        (Format::Csv(Dialect::Rfc4180), "rader.csv"),
        (Format::Csv(Dialect::ExcelSv), "rader-excel.csv"),
        (Format::Xlsx, "underlag.xlsx"),
        (Format::Sie, "kontering.si"),
        (Format::Peppol, "fakturor"),
        (Format::Focus, "focus.csv"),
    ] {
        let (began, mut out) = (Instant::now(), Vec::new());
        material.write(format, &mut out, &mut |_, _| ()).unwrap();
        say(name, began, &format!("{} kB", out.len() / 1_000));
    }
}

fn main() {
    shared::on_server(|url| async move {
        let world = World::new(url, "bench_package").await;
        let bill = closed(&world, month("2021-03")).await;
        let began = Instant::now();
        let material = world.another_biller().material(bill).await.unwrap();
        say("its catalogue and the documents that it corrects", began, "");
        alone(&material);
        let (began, mut out) = (Instant::now(), Vec::new());
        package(&material, &mut out, &mut |_, _| ()).unwrap();
        say("the package, whole", began, &format!("{} kB", out.len() / 1_000));
        assert!(began.elapsed() < BUDGET, "the package takes longer than {BUDGET:?}");
        let manifest = billing::export::manifest(&material, &mut |_, _| ()).unwrap();
        assert!(manifest.left_out.is_empty(), "{:?}", manifest.left_out);
        world.finish().await;
    });
}
