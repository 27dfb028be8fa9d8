//! The two cookies of a login: one while the browser is at the provider, one for the session.

use axum::http::{HeaderMap, HeaderValue, header};

/// How cookies are set: over TLS with the prefix that binds them to this host (RFC 6265bis §4.1.3.2), which browsers take
/// over TLS alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    pub(super) is_secure: bool,
}

/// A cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// What a login must bring back.
    Login,
    /// The session.
    Session,
}

impl Cookies {
    const fn name(self, name: Name) -> &'static str {
        match (name, self.is_secure) {
            (Name::Login, true) => "__Host-taxameter_login",
            (Name::Login, false) => "taxameter_login",
            (Name::Session, true) => "__Host-taxameter_session",
            (Name::Session, false) => "taxameter_session",
        }
    }

    /// Sets a cookie, for so many seconds or until the browser is closed. Lax, not strict: the way back from the provider
    /// begins at another site.
    pub(super) fn set(self, name: Name, value: &str, seconds: Option<u32>) -> Option<HeaderValue> {
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", self.name(name));
        HeaderValue::from_str(&text).ok()
    }

    /// Takes a cookie back.
    pub(super) fn clear(self, name: Name) -> Option<HeaderValue> {
        self.set(name, "", Some(0))
    }

    /// What a browser shows; none if it shows two, of which one was put there by somebody else.
    pub(super) fn get(self, headers: &HeaderMap, name: Name) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(shown, _)| *shown == self.name(name)).map(|(_, value)| value);
        values.next().filter(|value| !value.is_empty() && values.next().is_none())
    }

    /// The session that a browser shows.
    pub(super) fn session(self, headers: &HeaderMap) -> Option<&str> {
        self.get(headers, Name::Session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER_TLS: Cookies = Cookies { is_secure: true };
    const LOCAL: Cookies = Cookies { is_secure: false };

    #[test]
    fn scripts_other_sites_and_other_hosts_get_no_cookie() {
        let set =
            |cookies: Cookies, name, age| cookies.set(name, "v", age).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            set(OVER_TLS, Name::Session, None),
            "__Host-taxameter_session=v; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(OVER_TLS, Name::Login, Some(600)),
            "__Host-taxameter_login=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"
        );
        assert_eq!(set(LOCAL, Name::Session, None), "taxameter_session=v; Path=/; HttpOnly; SameSite=Lax");
        assert!(OVER_TLS.clear(Name::Session).unwrap().to_str().unwrap().ends_with("Secure; Max-Age=0"));
    }

    #[test]
    fn one_cookie_is_read_and_two_are_none() {
        let shown = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            OVER_TLS.session(&headers).map(str::to_owned)
        };
        let name = "__Host-taxameter_session";
        assert_eq!(shown(&[&format!("a=1; {name}=x; b=2")]).as_deref(), Some("x"));
        assert_eq!(shown(&[&format!("{name}=x; {name}=y")]), None);
        assert_eq!(shown(&[&format!("{name}=x"), &format!("{name}=x")]), None);
        assert_eq!(
            (shown(&[]), shown(&[&format!("{name}=")]), shown(&["taxameter_session=x"])),
            (None, None, None)
        );
    }
}
