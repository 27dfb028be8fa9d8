//! What a month comes to, by payer and class: the sums that pages are made of.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::{Arc, Mutex, Weak};

use billing::{Bill, MonthState, View};
use domain::access::Viewer;
use domain::charge::{Charge, Totals};
use domain::rating::{Payer, Tariff};
use domain::trend::Key;
use domain::{Money, Month, Quantity};

use crate::Shared;
use crate::problem::Problem;

/// What one payer used of one class of one meter, and what it came to in the month's bill.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) customer: Arc<Payer>,
    /// The terms of one of its charges: that of the month's own usage, where there is one.
    pub(crate) tariff: Arc<Tariff>,
    /// How much of the month's own usage, added up over cost centres: of `unique` meters those of each.
    pub(crate) quantity: Quantity,
    /// The month's own usage alone.
    pub(crate) own: Totals,
    /// Corrections included.
    pub(crate) totals: Totals,
}

/// A month's bill, as far as somebody sees it.
#[derive(Debug, Clone)]
pub(crate) struct Cube {
    pub(crate) month: Month,
    pub(crate) state: MonthState,
    /// The content hash of a closed month.
    pub(crate) hash: Option<String>,
    /// By payer, service, meter and class.
    pub(crate) cells: Vec<Cell>,
}

/// What a service, or a month, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    pub(crate) gross: Money,
    pub(crate) net: Money,
    pub(crate) surcharge: Money,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.gross += other.gross;
        self.net += other.net;
        self.surcharge += other.surcharge;
    }
}

impl From<Totals> for Figures {
    fn from(totals: Totals) -> Self {
        Self { gross: totals.gross, net: totals.net, surcharge: totals.surcharge }
    }
}

impl Cube {
    /// Adds up a bill.
    pub(crate) fn of(bill: &Bill, viewer: &Viewer) -> Self {
        let sees_all = viewer.sees_all();
        let mut cells: BTreeMap<(&str, &str, &str, &str), Cell> = BTreeMap::new();
        for charge in bill.charges.iter().filter(|charge| sees_all || viewer.sees(charge.belongs())) {
            let (service, meter, class) = charge.tariff.key();
            let cell = cells
                .entry((&charge.customer.code, service, meter, class))
                .or_insert_with(|| Cell::empty(charge));
            cell.add(charge);
        }
        Self {
            month: bill.month,
            state: bill.state,
            hash: bill.frozen.as_ref().map(|frozen| frozen.hash.clone()),
            cells: cells.into_values().collect(),
        }
    }

    /// Whether it may still change.
    pub(crate) fn is_provisional(&self) -> bool {
        self.state != MonthState::Closed
    }

    /// Each service, by its slug.
    pub(crate) fn services(&self) -> BTreeMap<&str, Figures> {
        let mut services: BTreeMap<&str, Figures> = BTreeMap::new();
        for cell in &self.cells {
            *services.entry(&cell.tariff.service).or_default() += cell.totals.into();
        }
        services
    }
}

impl Cell {
    fn empty(charge: &Charge) -> Self {
        Self {
            customer: Arc::clone(&charge.customer),
            tariff: Arc::clone(&charge.tariff),
            quantity: Quantity::from_micros(0),
            own: Totals::default(),
            totals: Totals::default(),
        }
    }

    /// The month's own charges come first in a bill, so its own terms are those that stay.
    fn add(&mut self, charge: &Charge) {
        self.totals += charge.totals();
        if charge.corrects.is_none() {
            self.own += charge.totals();
            self.quantity = Quantity::from_micros(self.quantity.micros() + charge.quantity.micros());
        }
    }
}

/// A month, service by service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonthFigures {
    pub(crate) month: Month,
    pub(crate) state: MonthState,
    /// The content hash of a closed month.
    pub(crate) hash: Option<String>,
    /// By the service's slug.
    pub(crate) services: BTreeMap<String, Figures>,
}

impl MonthFigures {
    /// What a month comes to, corrections included: what its exports add up to.
    pub(crate) fn of(cube: &Cube) -> Self {
        let services = cube.services().into_iter();
        Self {
            month: cube.month,
            state: cube.state,
            hash: cube.hash.clone(),
            services: services.map(|(slug, figures)| (slug.to_owned(), figures)).collect(),
        }
    }

    /// All services together.
    pub(crate) fn total(&self) -> Figures {
        let mut total = Figures::default();
        self.services.values().for_each(|figures| total += *figures);
        total
    }
}

/// Whether a payer used what a key names in some month before one, as far as the cubes tell.
pub(crate) fn used(cubes: &[Arc<Cube>], before: Month, payer: &str, key: &Key<'_>) -> bool {
    let named = (key.service, key.meter, key.class);
    let is_it = |cell: &Cell| cell.customer.code == payer && cell.tariff.key() == named;
    let earlier = cubes.iter().filter(|cube| cube.month < before);
    earlier.flat_map(|cube| &cube.cells).any(|cell| is_it(cell) && cell.quantity.micros() != 0)
}

/// How many cells are kept: some tens of megabytes.
const CELLS_MAX: usize = 300_000;

/// The bill that a cube was made of, and the cube.
type Kept = (Weak<Bill>, Arc<Cube>);

/// The cubes of bills that were asked for, by viewer: a page of three years adds up only what changed.
#[derive(Debug, Clone, Default)]
pub struct Cubes {
    kept: Arc<Mutex<BTreeMap<(Viewer, Month), Kept>>>,
}

impl Cubes {
    /// The cube of a bill, made now or before.
    fn cube(&self, bill: &Arc<Bill>, viewer: &Viewer) -> Arc<Cube> {
        let key = (viewer.clone(), bill.month);
        // A panic while the lock was held left cubes that are whole.
        let lock = || self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The place of a bill is not used again while a weak reference to it is kept.
        if let Some((of, cube)) = lock().get(&key)
            && of.as_ptr() == Arc::as_ptr(bill)
        {
            return Arc::clone(cube);
        }
        let cube = Arc::new(Cube::of(bill, viewer));
        let mut kept = lock();
        kept.insert(key, (Arc::downgrade(bill), Arc::clone(&cube)));
        if kept.values().map(|(_, cube)| cube.cells.len()).sum::<usize>() > CELLS_MAX {
            kept.retain(|(of, _), _| of == viewer);
            if kept.values().map(|(_, cube)| cube.cells.len()).sum::<usize>() > CELLS_MAX {
                kept.clear();
            }
        }
        cube
    }
}

/// The cubes of the months that there are within two, in order.
pub(crate) async fn cubes(
    shared: &Shared,
    view: &View,
    viewer: &Viewer,
    from: Month,
    to: Month,
) -> Result<Vec<Arc<Cube>>, Problem> {
    let bills = view.bills(from..=to).await.map_err(|error| crate::billing_problem(&error))?;
    let (cubes, viewer) = (shared.cubes.clone(), viewer.clone());
    // Adding up a large month takes some milliseconds, which others would wait for.
    let made = tokio::task::spawn_blocking(move || {
        bills.iter().map(|bill| cubes.cube(bill, &viewer)).collect::<Vec<_>>()
    });
    made.await.map_err(|error| Problem::internal(&error))
}
