//! A job's access to the world, and where it may die.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::rows::{Effect, Row};
use crate::world::World;

/// A job's access to the world.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    world: Arc<Mutex<World>>,
    /// Of a process, which waits by the clock: whether it was killed. Other jobs wait for their next step.
    is_dead: Option<Arc<AtomicBool>>,
}

impl Desk {
    pub(crate) fn new(world: &Arc<Mutex<World>>) -> Self {
        Self { world: Arc::clone(world), is_dead: None }
    }

    pub(crate) fn of_process(world: &Arc<Mutex<World>>, is_dead: &Arc<AtomicBool>) -> Self {
        Self { world: Arc::clone(world), is_dead: Some(Arc::clone(is_dead)) }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Others go on.
    async fn wait(&self) {
        if self.is_dead.is_some() {
            let milliseconds = self.world().random.pick(&[1, 1, 1, 2, 5, 60]);
            return tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        let mut has_waited = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// A killed process does nothing more.
    async fn survive(&self) {
        if self.is_dead.as_ref().is_some_and(|is_dead| is_dead.load(Ordering::Relaxed)) {
            std::future::pending::<()>().await;
        }
    }

    /// A moment at which others go on, and at which this job may die.
    pub(crate) async fn pause(&self) {
        self.wait().await;
        self.survive().await;
    }

    /// A pause of some length, maybe none.
    pub(crate) async fn dally(&self, percent: u64) {
        while self.world().random.percent(percent) {
            self.pause().await;
        }
    }

    /// Writes an effect. It happens at once, but the job may die while it is under way; then it may still happen, later,
    /// whole or in part.
    pub(crate) async fn write(&self, effect: &[Row]) {
        let mut under_way = UnderWay { desk: self, effect: effect.to_vec() };
        self.wait().await;
        if self.is_dead.as_ref().is_some_and(|is_dead| is_dead.load(Ordering::Relaxed)) {
            drop(under_way);
            return std::future::pending().await;
        }
        let effect = std::mem::take(&mut under_way.effect);
        self.world().apply(effect);
    }

    /// Writes an effect until it is acknowledged: what happened may look like a failure, and what failed may have
    /// happened in part.
    pub(crate) async fn write_until_done(&self, effect: &[Row]) {
        loop {
            let half = {
                let mut world = self.world();
                if world.may(5, "insert failed half-way") { Some(world.part(effect.to_vec())) } else { None }
            };
            match half {
                Some(half) => self.write(&half).await,
                None => {
                    self.write(effect).await;
                    if !self.world().may(8, "insert repeated") {
                        return;
                    }
                }
            }
        }
    }
}

/// What a job is writing. Dropped with the job it is stranded.
struct UnderWay<'d> {
    desk: &'d Desk,
    effect: Effect,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let effect = std::mem::take(&mut self.effect);
        if !effect.is_empty() && !std::thread::panicking() {
            self.desk.world().strand(effect);
        }
    }
}

/// Something that goes on step by step. Dropped between any two it was killed there.
pub(crate) struct Job(Pin<Box<dyn Future<Output = ()>>>);

impl Job {
    pub(crate) fn new<F: Future<Output = ()> + 'static>(
        world: &Arc<Mutex<World>>,
        work: impl FnOnce(Desk) -> F,
    ) -> Self {
        Self(Box::pin(work(Desk::new(world))))
    }

    /// One step further; true at the end.
    pub(crate) fn step(&mut self) -> bool {
        self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}
