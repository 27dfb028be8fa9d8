//! The power of a disk: it goes with a given change or sync, and nothing is read or written until it is back.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fuser::Errno;

use crate::disk::Disk;

/// How often is looked whether the program still runs.
const LOOK_EVERY: Duration = Duration::from_millis(20);

struct Power {
    disk: Disk,
    /// Changes and syncs so far.
    operations: u64,
    /// Power goes with this operation.
    goes_at: u64,
    is_off: bool,
}

/// The disk, whoever holds it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<(Mutex<Power>, Condvar)>);

impl Shared {
    pub(crate) fn new(disk: Disk) -> Self {
        let power = Power { disk, operations: 0, goes_at: u64::MAX, is_off: false };
        Self(Arc::new((Mutex::new(power), Condvar::new())))
    }

    fn lock(&self) -> MutexGuard<'_, Power> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets power go with so many more operations, and forgets that it was off.
    pub(crate) fn arm(&self, operations: u64) {
        let mut power = self.lock();
        power.goes_at = power.operations.saturating_add(operations);
        power.is_off = false;
    }

    /// How many changes and syncs there have been.
    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Waits until power has gone, and takes it when the time is up. Answers whether `is_running` said yes so long.
    pub(crate) fn await_off(&self, timeout: Duration, mut is_running: impl FnMut() -> bool) -> bool {
        let (lock, changed) = &*self.0;
        let began = Instant::now();
        let mut power = lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if power.is_off {
                return true;
            }
            if began.elapsed() > timeout {
                power.is_off = true;
                return true;
            }
            if !is_running() {
                power.is_off = true;
                return false;
            }
            let waited = changed.wait_timeout(power, LOOK_EVERY);
            power = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Disk) -> T) -> T {
        work(&mut self.lock().disk)
    }

    /// A look at the disk, as long as there is power.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&mut Disk) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut power = self.lock();
        if power.is_off { Err(Errno::EIO) } else { work(&mut power.disk) }
    }

    /// A change or a sync.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Disk) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut power = self.lock();
        power.operations += 1;
        if power.operations >= power.goes_at && !power.is_off {
            power.is_off = true;
            self.0.1.notify_all();
        }
        if power.is_off { Err(Errno::EIO) } else { work(&mut power.disk) }
    }
}
