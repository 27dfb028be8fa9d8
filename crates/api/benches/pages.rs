//! How long pages take at the server with three years of a municipality like Linköping: 1,100 cost centres, 23 services and
//! one with distinct users, 26,400 lines a month. `cargo bench -p api` prints it; the budget is 100 ms for each, and 100 kB
//! as it is sent.

#![expect(clippy::unwrap_used, reason = "a benchmark whose own set-up fails has failed")]

#[path = "../../billing/tests/months/catalogue.rs"]
mod catalogue;
#[path = "../../billing/benches/months/large.rs"]
mod large;
#[path = "../../billing/tests/months/shared.rs"]
mod shared;
#[path = "../../billing/tests/months/world.rs"]
#[expect(dead_code, reason = "billing's tests use more of it")]
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Cubes, Metrics, Shared};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use billing::{Accept, Closing};
use domain::access::{Grant, Role, Scope, Viewer};
use domain::usage::{DailyUsage, MeterKind};
use futures::FutureExt;
use http_body_util::BodyExt;
use store::rollup::{RevisionRows, SubjectRow};
use tower::ServiceExt;

use crate::catalogue::month;
use crate::large::{COSTCENTRES, large, usage};
use crate::world::World;

const PAGES: [&str; 13] = [
    "/",
    "/services",
    "/services/tjanst-07",
    "/services/tjanst-07?by=payer",
    "/services/e-moten?by=payer",
    "/payers",
    "/payers/UAF",
    "/payers/UAF?service=tjanst-07&page=2",
    "/lines/2023-11.UAF.100002.tjanst-07.antal.-",
    "/object/2023",
    "/prices",
    "/simulate",
    "/operations",
];

/// How many users of e-moten each cost centre has.
const USERS: usize = 5;

/// How often each page is asked for.
const TIMES: usize = 21;

fn now() -> domain::Instant {
    domain::Instant::parse_rfc3339("2023-12-15T09:30:00+01:00").unwrap()
}

/// The users of each month.
fn users(usage: &mut RevisionRows) {
    for at in month("2021-01").through(month("2023-12")) {
        for number in 0..COSTCENTRES {
            let (service, meter) = ("e-moten".to_owned(), "user".to_owned());
            let (costcentre, class) = (format!("{}", 100_000 + number), String::new());
            let of = |user: usize| SubjectRow {
                month: at,
                service: service.clone(),
                meter: meter.clone(),
                costcentre: costcentre.clone(),
                class: class.clone(),
                // Each is seen by several cost centres, so that groups do not add up.
                subject: (number * 2 + user) as u128,
            };
            usage.subjects.extend((0..USERS).map(of));
            let (day, amount) = (at.first_day(), USERS as i128 * MeterKind::one());
            usage.days.push(DailyUsage { day, service, meter, costcentre, class, amount });
        }
    }
}

/// Asks for a page: how long that took, and how many bytes are sent.
async fn ask(router: &Router, viewer: &Viewer, path: &str) -> (Duration, usize) {
    let request =
        Request::get(path).header(header::HOST, "127.0.0.1").header(header::ACCEPT_ENCODING, "gzip");
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(viewer.clone());
    let began = Instant::now();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(status.is_success(), "{path}: {status}");
    (began.elapsed(), body.len())
}

#[expect(clippy::print_stdout, reason = "it is what a benchmark is for")]
async fn timed(router: &Router, who: &str, viewer: &Viewer) {
    for path in PAGES {
        let (first, bytes) = ask(router, viewer, path).await;
        let mut later = Vec::new();
        for _ in 0..TIMES {
            later.push(ask(router, viewer, path).await.0);
        }
        later.sort_unstable();
        println!(
            "{who:<8} {path:<48} first {:>7.1} ms, median {:>6.1} ms, slowest {:>6.1} ms, {:>5.1} kB",
            first.as_secs_f64() * 1_000.0,
            later[TIMES / 2].as_secs_f64() * 1_000.0,
            later[TIMES - 1].as_secs_f64() * 1_000.0,
            bytes as f64 / 1_000.0
        );
    }
}

fn main() {
    shared::on_server(|url| async move {
        let world = World::new(url, "bench_pages").await;
        world.catalogue.store(Arc::new(large()));
        world.usage.lock().days = usage(month("2021-01"), month("2023-12"));
        users(&mut world.usage.lock());
        world.count(&[]).await;
        world.start_owner();
        let biller = world.biller_at(now);
        for at in month("2021-01").through(month("2023-11")) {
            let closing = biller.close(at, Accept::default()).await.unwrap();
            assert!(matches!(closing, Closing::Closed(_)), "{closing:?}");
        }
        let registry = prometheus::Registry::new();
        let shared = Shared {
            biller,
            store: world.store.clone(),
            catalogue: Arc::clone(&world.catalogue),
            metrics: Metrics::register(&registry).unwrap(),
            registry,
            ready: Arc::new(|| async { Vec::new() }.boxed()),
            gathering: None,
            cubes: Cubes::default(),
            now,
        };
        let router = api::router(shared);
        timed(&router, "admin", &Viewer::admin()).await;
        let services = ["tjanst-07".to_owned()].into();
        let scope = Scope { services, customers: ["UAF".to_owned()].into(), ..Scope::default() };
        let of = |role, scope: &Scope| Grant { role, scope: scope.clone() };
        // Somebody who leads a service and sees one customer: what is seen is decided line by line.
        let both = [of(Role::ObjectLeader, &scope), of(Role::Payer, &scope), of(Role::Operator, &scope)];
        timed(&router, "scoped", &Viewer::new(both)).await;
        world.finish().await;
    });
}
