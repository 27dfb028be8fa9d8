//! Where a login goes back to: a place of this site, whatever the address says.

use url::Url;

/// A longer place than any page of ours has.
const BYTES_MAX: usize = 2_000;

/// The path and query that was asked for, if it is one of this site and no part of the login; else `/`.
pub(super) fn of_this_site(base: &Url, asked: Option<&str>) -> String {
    asked.and_then(|asked| checked(base, asked)).unwrap_or_else(|| "/".to_owned())
}

fn checked(base: &Url, asked: &str) -> Option<String> {
    // Browsers read a backslash as a slash and leave out tabs and line ends; no page of ours needs either.
    let is_plain = asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !asked.starts_with('/') || !is_plain || asked.len() > BYTES_MAX {
        return None;
    }
    let url = base.join(asked).ok().filter(|url| url.origin() == base.origin())?;
    let path = url.path();
    // `/.//host` is a path that, alone, is another site's address.
    let is_another_site = path.starts_with("//");
    let is_login = path == "/logout" || path == "/login" || path.starts_with("/login/");
    if is_another_site || is_login {
        return None;
    }
    Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_of_this_site_is_gone_back_to() {
        let base: Url = "https://taxameter.example.org/".parse().unwrap();
        let place = |asked: &str| of_this_site(&base, Some(asked));
        for own in ["/", "/?month=2021-03&lang=en", "/v1/usage?from=2021-01", "/%2f%2fevil.example"] {
            assert_eq!(place(own), own);
        }
        assert_eq!(place("/a/../v1/months#x"), "/v1/months");
        for other in [
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/.//evil.example",
            "/x/..//evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
            "evil.example",
            "",
            " /",
            "/ ",
            "/login?to=/",
            "/login/callback?code=1",
            "/logout",
            "/å",
        ] {
            assert_eq!(place(other), "/", "{other:?}");
        }
        assert_eq!(place(&format!("/{}", "a".repeat(BYTES_MAX))), "/");
        assert_eq!(of_this_site(&base, None), "/");
    }
}
