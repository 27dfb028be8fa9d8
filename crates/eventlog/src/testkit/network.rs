//! A network of its own for a test's processes, so that it can be cut: a switch, and a network namespace for each member.
//!
//! ```text
//! hub: this process, the switch br0, 10.99.0.1
//!  ├─ port1 ═══ eth0, 10.99.0.11: a member
//!  └─ port2 ═══ eth0, 10.99.0.12: another
//! ```
//!
//! Nothing of it is seen from outside: the switch has a namespace too, and no namespace has a name. Each lives as long as a
//! process in it, and the kernel kills those together with this one, so nothing is left behind, whatever happens.
//!
//! Needs root (`CAP_SYS_ADMIN`, `CAP_NET_ADMIN`) and iproute2.

use super::keeper::Keeper;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace is there within milliseconds; on a machine that swaps, within seconds.
const NAMESPACE_TIMEOUT: Duration = Duration::from_secs(20);

/// What keeps a network from being made or changed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct Error {
    /// What was tried.
    operation: String,
    /// What the system said.
    #[source]
    source: io::Error,
}

fn failed(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let operation = operation.into();
    move |source| Error { operation, source }
}

/// Where a process runs and which address it can be reached at.
#[derive(Debug, Clone)]
pub struct Place {
    address: IpAddr,
    /// The file of its namespace; none is the one of whoever starts the process.
    namespace: Option<PathBuf>,
}

impl Place {
    /// This machine, where everybody is beside everybody.
    pub fn loopback() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), namespace: None }
    }

    /// The address at which the others reach a process there.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// A command that runs a program there. The kernel kills it together with the thread that starts it
    /// ([`super::keeper::Keeper`]); its process id is that of the program.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.namespace {
            None => Command::new("setpriv"),
            Some(namespace) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net={}", namespace.display())).arg("setpriv");
                command
            }
        };
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    }

    /// Does something there, on a thread of its own. Threads that are started by it stay there.
    ///
    /// # Errors
    /// When the place cannot be entered.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
        std::thread::scope(|scope| {
            let done = scope.spawn(|| {
                self.namespace.as_deref().map_or(Ok(()), enter)?;
                Ok(work())
            });
            done.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// Moves the calling thread, and what it starts from now on, into a network namespace.
fn enter(namespace: &Path) -> Result<(), Error> {
    let entering = || failed(format!("entering the network namespace {}", namespace.display()));
    let file = File::open(namespace).map_err(entering())?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|errno| entering()(errno.into()))
}

/// The switch and its members.
#[derive(Debug)]
pub struct Network {
    keeper: Keeper,
    /// The namespace that this process was started in, and in which every process begins.
    outside: PathBuf,
    /// A process in each namespace, which keeps it: the hub's first.
    holders: Vec<Child>,
}

impl Network {
    /// Makes the switch, and moves the calling thread to it: what that thread starts from now on reaches the members, and
    /// nothing else any more.
    ///
    /// # Errors
    /// Without root, or without iproute2.
    pub fn start() -> Result<Self, Error> {
        let keeper = Keeper::start().map_err(failed("starting a thread"))?;
        let outside = fs::read_link("/proc/thread-self/ns/net").map_err(failed("looking at the network"))?;
        let mut network = Self { keeper, outside, holders: Vec::new() };
        let hub = network.hold()?;
        enter(&hub)?;
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "add", "br0", "type", "bridge"])?;
        ip(&["address", "add", "10.99.0.1/24", "dev", "br0"])?;
        ip(&["link", "set", "br0", "up"])?;
        Ok(network)
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn join(&mut self) -> Result<Place, Error> {
        let namespace = self.hold()?;
        let member = self.holders.len() - 1;
        let address = Ipv4Addr::new(10, 99, 0, u8::try_from(10 + member).unwrap_or(u8::MAX));
        let holder = self.holders[member].id().to_string();
        let port = port(member);
        ip(&["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &holder])?;
        ip(&["link", "set", &port, "master", "br0", "up"])?;
        let place = Place { address: address.into(), namespace: Some(namespace) };
        place.run(|| {
            ip(&["link", "set", "lo", "up"])?;
            ip(&["address", "add", &format!("{address}/24"), "dev", "eth0"])?;
            ip(&["link", "set", "eth0", "up"])
        })??;
        Ok(place)
    }

    /// Cuts a member off, or joins it again. Nobody is told: its cable stays in, but what is sent either way is dropped in
    /// silence, and connections stay open.
    ///
    /// # Errors
    /// When the place is no member, or the system refuses.
    pub fn cut(&self, place: &Place, is_cut: bool) -> Result<(), Error> {
        let member = match place.address {
            IpAddr::V4(address) if place.namespace.is_some() => usize::from(address.octets()[3]) - 10,
            IpAddr::V4(_) | IpAddr::V6(_) => {
                return Err(failed("cutting off this machine")(io::ErrorKind::InvalidInput.into()));
            }
        };
        let port = port(member);
        if is_cut {
            ip(&["link", "set", &port, "nomaster"])
        } else {
            ip(&["link", "set", &port, "master", "br0"])
        }
    }

    /// Starts a process in a network namespace of its own. Answers with that namespace's file.
    fn hold(&mut self) -> Result<PathBuf, Error> {
        let making = || failed("making a network namespace");
        let mut command = Place::loopback().command("unshare");
        command.args(["--net", "sleep", "infinity"]).stdin(Stdio::null()).stderr(Stdio::null());
        let mut holder = self.keeper.spawn(command).map_err(making())?;
        let namespace = PathBuf::from(format!("/proc/{}/ns/net", holder.id()));
        let began = Instant::now();
        loop {
            if let Some(status) = holder.try_wait().map_err(making())? {
                let refused = io::Error::other(format!("unshare ended with {status}; it needs root"));
                return Err(making()(refused));
            }
            if fs::read_link(&namespace).is_ok_and(|theirs| theirs != self.outside) {
                self.holders.push(holder);
                return Ok(namespace);
            }
            if began.elapsed() > NAMESPACE_TIMEOUT {
                return Err(making()(io::ErrorKind::TimedOut.into()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            // It may have ended by itself.
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

/// The switch's end of a member's cable.
fn port(member: usize) -> String {
    format!("port{member}")
}

fn ip(arguments: &[&str]) -> Result<(), Error> {
    let doing = || failed(format!("ip {}", arguments.join(" ")));
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output().map_err(doing())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(doing()(io::Error::other(said)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_member_that_is_cut_off_is_not_reached_until_it_is_joined_again() {
        // The hub is entered by the thread, which must not be the test runner's.
        let tried = std::thread::spawn(|| {
            let Ok(mut network) = Network::start() else { return None };
            let (one, other) = (network.join().unwrap(), network.join().unwrap());
            let listener = one.run(|| TcpListener::bind((one.address(), 0)).unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            let reaches = |place: &Place| {
                place
                    .run(|| TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok())
                    .unwrap()
            };
            // A busy machine may need more than one try.
            let reaches_in_time = |place: &Place| {
                let began = Instant::now();
                while began.elapsed() < NAMESPACE_TIMEOUT {
                    if reaches(place) {
                        return true;
                    }
                }
                false
            };
            let before = reaches_in_time(&other);
            network.cut(&one, true).unwrap();
            let during = (reaches(&other), reaches_in_time(&one));
            network.cut(&one, false).unwrap();
            let after = reaches_in_time(&other);
            Some((before, during, after))
        });
        let Some(seen) = tried.join().unwrap() else { return };
        assert_eq!(seen, (true, (false, true), true), "before; from outside and inside while cut; after");
    }
}
