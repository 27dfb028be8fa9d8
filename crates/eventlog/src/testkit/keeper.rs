//! Processes that end with the one that started them, however that ends.

use std::io::{Error, Result};
use std::process::{Child, Command};
use std::sync::mpsc;

type Order = (Command, mpsc::Sender<Result<Child>>);

/// A thread that starts processes and lives as long as they should: the kernel kills a process whose starting thread ends,
/// and a test's own thread ends long before a cluster that tests share.
#[derive(Debug, Clone)]
pub struct Keeper {
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Starts the thread. It ends with the last clone of the keeper, and so does every process that it started.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start() -> Result<Self> {
        let (orders, received) = mpsc::channel::<Order>();
        let run = move || {
            for (mut command, answer) in received {
                // Whoever asked waits for it.
                let _ = answer.send(command.spawn());
            }
        };
        std::thread::Builder::new().name("keeper".to_owned()).spawn(run)?;
        Ok(Self { orders })
    }

    /// Starts a process from a command that was made by [`super::network::Place::command`].
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(&self, command: Command) -> Result<Child> {
        let (answer, answered) = mpsc::channel();
        let ended = || Error::other("the keeper has ended");
        self.orders.send((command, answer)).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

/// Sends a process a signal by its name, such as `STOP` or `CONT`.
///
/// # Errors
/// When `kill` cannot be started or refuses.
pub fn signal(process: &Child, name: &str) -> Result<()> {
    let status = Command::new("kill").args(["-s", name, &process.id().to_string()]).status()?;
    if status.success() { Ok(()) } else { Err(Error::other(format!("kill -s {name} ended with {status}"))) }
}
