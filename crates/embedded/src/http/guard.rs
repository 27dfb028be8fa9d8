//! Who may ask.
//!
//! On a loopback address only programs of this machine reach the listener. Two kinds of them
//! must not be let in all the same: a browser that shows a foreign page (it sends the page's `Host` when
//! that name was rebound to 127.0.0.1, and its `Origin` otherwise), and, if there is a password, other
//! users of the machine. On another address there is always a password, and `Host` is whatever other
//! machines call this one.

use std::net::{IpAddr, Ipv6Addr};

use data_encoding::BASE64;
use hyper::header::{AUTHORIZATION, HOST, ORIGIN};
use hyper::http::request::Parts;

use super::arguments::{Arguments, header_text};
use crate::exception::{Code, Exception};

/// Lets a request in, or says why not.
pub(super) fn check(
    parts: &Parts,
    arguments: &Arguments,
    password: Option<&str>,
    listens_on_loopback: bool,
) -> Result<(), Exception> {
    let host = header_text(&parts.headers, HOST.as_str());
    if listens_on_loopback && !host.as_deref().is_some_and(is_loopback) {
        return Err(refused("requests must name a loopback host in Host"));
    }
    if parts.headers.contains_key(ORIGIN) {
        return Err(refused("requests from web pages are not answered"));
    }
    let Some(password) = password else { return Ok(()) };
    let given = arguments.password.clone().or_else(|| basic_password(parts));
    if given.is_some_and(|given| is_equal(given.as_bytes(), password.as_bytes())) {
        Ok(())
    } else {
        Err(refused(
            "default: Authentication failed: password is incorrect, or there is no user with such name.",
        ))
    }
}

fn refused(text: &str) -> Exception {
    Exception::new(Code::AuthenticationFailed, text)
}

/// Whether a Host header means this machine and nothing else.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((name, port)) = rest.split_once(']') else { return false };
            if !(port.is_empty() || port.starts_with(':')) {
                return false;
            }
            return name.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
        }
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn basic_password(parts: &Parts) -> Option<String> {
    let header = header_text(&parts.headers, AUTHORIZATION.as_str())?;
    let encoded = header.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Compares without telling by its duration how much was right.
fn is_equal(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == expected.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in
            ["localhost", "LOCALHOST:8123", "127.0.0.1", "127.0.0.1:1", "127.8.8.8:1", "[::1]", "[::1]:8123"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.org",
            "localhost.example.org",
            "10.0.0.1:8123",
            "[::2]:1",
            "[::1",
            "[::1]x",
            "127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_password_is_compared_whole() {
        assert!(is_equal(b"secret", b"secret"));
        for given in ["", "secre", "secrets", "Secret"] {
            assert!(!is_equal(given.as_bytes(), b"secret"), "{given}");
        }
    }
}
