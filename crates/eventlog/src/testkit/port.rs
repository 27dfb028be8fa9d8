//! Ports for servers that must be told theirs before they start, and that may come back on it.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below are ports that people know services by.
const LOWEST: u32 = 10_000;
/// The kernel's default for the first port that it gives to connections.
const FIRST_OF_KERNEL: u32 = 32_768;

/// A TCP port of 127.0.0.1 that nobody else gets while this lives, also while nobody listens on it.
///
/// It lies below those that the kernel gives to connections and to whoever asks for any port, so that none of them takes it
/// between the choice and the start of a server, or between its death and its return. What keeps other tests away, those of
/// other processes too, is the UDP port of the same number: it is bound here, and free again when this is dropped, however
/// the process ends.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lease: UdpSocket,
}

impl Port {
    /// Takes a port. Each try begins after the last one, so that a client of a server that is gone does not find the next
    /// test's on the same port.
    ///
    /// # Errors
    /// When no port is left.
    pub fn lease() -> Result<Self> {
        static TRIED: AtomicU32 = AtomicU32::new(0);
        let count = first_of_kernel().saturating_sub(LOWEST);
        let begin = std::process::id().wrapping_mul(97);
        (0..count)
            .find_map(|_| {
                let tried = begin.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
                let number = u16::try_from(LOWEST + tried % count).ok()?;
                let lease = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
                let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
                is_free.then_some(Self { number, _lease: lease })
            })
            .ok_or_else(|| Error::new(ErrorKind::AddrInUse, format!("none of {count} ports is free")))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn first_of_kernel() -> u32 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(FIRST_OF_KERNEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_port_is_the_holders_alone_and_a_server_may_come_back_on_it() {
        let ports: Vec<_> = (0..100).map(|_| Port::lease().unwrap()).collect();
        let numbers: BTreeSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        assert!(numbers.iter().all(|&number| (LOWEST..first_of_kernel()).contains(&number.into())));
        for port in &ports {
            let another = UdpSocket::bind((Ipv4Addr::LOCALHOST, port.number()));
            assert_eq!(another.unwrap_err().kind(), ErrorKind::AddrInUse);
            for _ in 0..2 {
                TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
            }
        }
    }
}
