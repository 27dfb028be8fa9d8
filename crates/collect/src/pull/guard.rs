//! Which addresses a collector may speak to (SSRF: OWASP API7:2023, ASVS 5.0 1.3.6).
//!
//! Whoever can make a name resolve to an address of the municipality could otherwise have the collector ask systems that
//! trust it. So names are resolved once, each address is judged, and the connection goes to an address that was judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::{TcpStream, lookup_host};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An address block, as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address block such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits: u32 = bits.parse().map_err(|_| wrong())?;
        let max = if address.is_ipv4() { 32 } else { 128 };
        if bits > max { Err(wrong()) } else { Ok(Self { address, bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Whether a collector may speak to an address: a public one, or one of this machine or of a private network that the
/// configuration lists. Never one that only the link knows: that is where clouds answer with their secrets.
///
/// # Errors
/// Why not, and what to do.
pub fn check(ip: IpAddr, networks: &[Network]) -> Result<(), String> {
    let ip = ip.to_canonical();
    if is_never(ip) {
        return Err(format!("{ip} is an address that no collector speaks to"));
    }
    if needs_listing(ip) && !networks.iter().any(|network| network.contains(ip)) {
        return Err(format!("{ip} is not public: list its network in `networks` if that is meant"));
    }
    Ok(())
}

fn is_never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_documentation()
                || first == 0
                || first >= 240
                || (first == 198 && (18..20).contains(&second))
        }
        IpAddr::V6(ip) => {
            // Of what is not in 2000::/3, only this machine and unique local addresses can be meant. Within it, addresses
            // that carry an IPv4 address lead around the rules for it (Teredo, 6to4).
            let segments = ip.segments();
            let is_global = segments[0] & 0xe000 == 0x2000;
            let is_tunnel = segments[0] == 0x2002 || (segments[0] == 0x2001 && segments[1] < 0x200);
            let is_documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
            let is_metadata = ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let is_own = ip.is_loopback() || ip.is_unique_local();
            !(is_global || is_own) || is_tunnel || is_documentation || is_metadata
        }
    }
}

fn needs_listing(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || is_shared(ip),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    }
}

/// 100.64.0.0/10 (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 0x40
}

/// The addresses of a host that a collector may speak to.
///
/// # Errors
/// A name that does not resolve, or one that resolves to any address that is not allowed: then the name is not trusted.
pub async fn resolve(host: &str, port: u16, networks: &[Network]) -> Result<Vec<SocketAddr>, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found =
        lookup_host((host, port)).await.map_err(|error| format!("{host} cannot be resolved: {error}"))?;
    let found: Vec<SocketAddr> = found.collect();
    for address in &found {
        check(address.ip(), networks).map_err(|why| format!("{host}: {why}"))?;
    }
    if found.is_empty() { Err(format!("{host} has no address")) } else { Ok(found) }
}

/// A connection to a host, at an address that was judged.
///
/// # Errors
/// What [`resolve`] refuses, and a host that does not answer within [`CONNECT_TIMEOUT`].
pub async fn connect(host: &str, port: u16, networks: &[Network]) -> Result<TcpStream, String> {
    let addresses = resolve(host, port, networks).await?;
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("{host}:{port} cannot be reached: {error}")),
        Err(_) => Err(format!("{host}:{port} does not answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(ip: &str, networks: &[&str]) -> bool {
        let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
        check(ip.parse().unwrap(), &networks).is_ok()
    }

    #[test]
    fn public_addresses_are_spoken_to_and_others_only_when_listed() {
        for ip in ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"] {
            assert!(permits(ip, &[]), "{ip}");
        }
        let private = [
            ("127.0.0.1", "127.0.0.0/8"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("172.16.5.5", "172.16.0.0/12"),
            ("192.168.1.1", "192.168.1.1/32"),
            ("100.64.0.1", "100.64.0.0/10"),
            ("::1", "::1/128"),
            ("fd12::1", "fd00::/8"),
            ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ];
        for (ip, network) in private {
            assert!(!permits(ip, &[]), "{ip}");
            assert!(!permits(ip, &["11.0.0.0/8", "fe00::/16"]), "{ip}");
            assert!(permits(ip, &[network]), "{ip}");
        }
    }

    #[test]
    fn some_addresses_are_never_spoken_to_whatever_is_listed() {
        for ip in [
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "255.255.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "::",
            "fe80::1",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:7f00:1::",
            "2001:db8::1",
            "fd00:ec2::254",
            "::7f00:1",
        ] {
            assert!(!permits(ip, &["0.0.0.0/0", "::/0"]), "{ip}");
        }
    }

    #[test]
    fn a_block_has_an_address_and_as_many_bits_as_it_can_have() {
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "a/8", "10.0.0.0/-1", ""] {
            assert!(text.parse::<Network>().unwrap_err().contains("10.0.0.0/8"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_followed() {
        assert!(resolve("localhost", 1, &[]).await.unwrap_err().contains("not public"));
        assert!(!resolve("127.0.0.1", 1, &["127.0.0.0/8".parse().unwrap()]).await.unwrap().is_empty());
    }
}
