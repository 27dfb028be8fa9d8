//! What a request says in its URL and headers.

use std::time::Duration;

use hyper::header::{ACCEPT_ENCODING, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Uri};

use crate::exception::{Code, Exception};
use crate::execute::Query;
use crate::pool::Session;

/// ClickHouse's default for `session_timeout`.
const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest `session_id`. Ids are keys in memory, and clients use UUIDs.
const SESSION_ID_BYTES_MAX: usize = 256;

/// Names that ClickHouse's HTTP interface takes for itself, or that only matter to it, and that change
/// nothing here: they are not handed to the engine as settings. Native blocks have no protocol revision
/// (`client_protocol_version`): a client that asks for one sees that it did not get it.
const WITHOUT_EFFECT: [&str; 16] = [
    "quota_key",
    "stacktrace",
    "buffer_size",
    "role",
    "client_protocol_version",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close",
    "http_response_buffer_size",
    "http_zlib_compression_level",
    "http_native_compression_disable_checksumming_on_decompress",
    "http_wait_end_of_query",
    "http_write_exception_in_output_format",
    "http_make_head_request",
    "http_max_uri_size",
    "add_http_cors_header",
];

/// A request's arguments, whichever way they came.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) query: Query,
    pub(crate) query_id: String,
    /// The password, in the URL or the header that ClickHouse has for it.
    pub(crate) password: Option<String>,
    /// Answer when the query has ended, so that its errors have a status.
    pub(crate) wait_end_of_query: bool,
    /// The encodings that the client takes, if it wants the answer compressed.
    pub(crate) accepted_encodings: Option<String>,
    session_timeout: Option<Duration>,
    session_check: bool,
}

impl Arguments {
    /// Reads URL and headers.
    pub(super) fn of(parts: &Parts) -> Result<Self, Exception> {
        let mut arguments = Self::default();
        arguments.query.default_format = "TabSeparated".into();
        arguments.query.read_only = parts.method != Method::POST;
        let header = |name: &str| header_text(&parts.headers, name);
        if let Some(database) = header("x-clickhouse-database") {
            arguments.set("database", &database)?;
        }
        if let Some(format) = header("x-clickhouse-format") {
            arguments.query.default_format = format;
        }
        arguments.password = header("x-clickhouse-key");
        let mut is_compressed = false;
        for (name, value) in pairs(&parts.uri)? {
            if name == "enable_http_compression" {
                is_compressed = is_true(&value);
            } else {
                arguments.set(&name, &value)?;
            }
        }
        if is_compressed {
            arguments.accepted_encodings = header(ACCEPT_ENCODING.as_str());
        }
        Ok(arguments)
    }

    /// Takes one argument.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Exception> {
        match name {
            "query" => self.query.text.push_str(value),
            "database" if value.is_empty() => {}
            "database" => self.query.profile.database = Some(value.to_owned()),
            "default_format" => value.clone_into(&mut self.query.default_format),
            "query_id" => value.clone_into(&mut self.query_id),
            "user" => {}
            "password" => self.password = Some(value.to_owned()),
            "wait_end_of_query" => self.wait_end_of_query = is_true(value),
            "session_id" => self.set_session(value)?,
            "session_timeout" => {
                let seconds = value
                    .parse()
                    .map_err(|_| bad(&format!("session_timeout {value} is no number of seconds")))?;
                self.session_timeout = Some(Duration::from_secs(seconds));
                self.complete_session();
            }
            "session_check" => {
                self.session_check = is_true(value);
                self.complete_session();
            }
            // ClickHouse's own block compression, which HTTP's has replaced in all current clients.
            "compress" | "decompress" if is_true(value) => {
                return Err(Exception::new(
                    Code::NotImplemented,
                    format!(
                        "{name}=1 is not supported by the embedded database; use Accept-Encoding and Content-Encoding"
                    ),
                ));
            }
            "compress" | "decompress" => {}
            _ if WITHOUT_EFFECT.contains(&name) => {}
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.query.parameters.push(parameter, value.as_bytes()),
                None => self.set_setting(name, value)?,
            },
        }
        Ok(())
    }

    fn set_setting(&mut self, name: &str, value: &str) -> Result<(), Exception> {
        // Names become part of a statement, so they must be names. Which there are, the engine knows.
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        {
            self.query.profile.settings.insert(name.to_owned(), value.to_owned());
            Ok(())
        } else {
            Err(Exception::new(Code::UnknownSetting, format!("Unknown setting '{}'", name.escape_debug())))
        }
    }

    fn set_session(&mut self, id: &str) -> Result<(), Exception> {
        if id.len() > SESSION_ID_BYTES_MAX {
            return Err(bad(&format!("session_id is longer than {SESSION_ID_BYTES_MAX} bytes")));
        }
        if !id.is_empty() {
            self.query.session =
                Some(Session { id: id.to_owned(), timeout: SESSION_TIMEOUT, must_exist: false });
            self.complete_session();
        }
        Ok(())
    }

    /// Arguments come in any order.
    fn complete_session(&mut self) {
        if let Some(session) = &mut self.query.session {
            session.timeout = self.session_timeout.unwrap_or(session.timeout);
            session.must_exist = self.session_check;
        }
    }
}

fn bad(text: &str) -> Exception {
    Exception::new(Code::BadArguments, text)
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true")
}

/// A header's text. It may be UTF-8: passwords and names of databases are.
pub(super) fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    String::from_utf8(headers.get(name)?.as_bytes().to_vec()).ok()
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Exception> {
    let query = uri.query().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Undoes percent-encoding and `+` for space.
fn decoded(text: &str) -> Result<String, Exception> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).ok().filter(|digits| !digits.contains('+'));
                digits
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or_else(|| bad("the URL has a % without two hexadecimal digits"))?
            }
            (b'%', _) => return Err(bad("the URL has a % without two hexadecimal digits")),
            (other, _) => *other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| bad("the URL is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(path_and_query: &str) -> Result<Arguments, Exception> {
        let request = hyper::Request::post(path_and_query).body(()).expect("a request");
        Arguments::of(&request.into_parts().0)
    }

    #[test]
    fn names_of_the_interface_are_not_settings() {
        let arguments = arguments(
            "/?database=d&query=SELECT+%7Ba%3AString%7D&param_a=x%2By%09&max_threads=2&session_timeout=5&session_id=s\
             &send_progress_in_http_headers=0&default_format=JSON&query_id=q",
        )
        .expect("good arguments");
        assert_eq!(arguments.query.text, "SELECT {a:String}");
        assert_eq!(arguments.query.profile.database.as_deref(), Some("d"));
        let settings: Vec<(&str, &str)> = arguments
            .query
            .profile
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(settings, [("max_threads", "2")]);
        assert_eq!(arguments.query.session.map(|session| session.timeout), Some(Duration::from_secs(5)));
        assert_eq!((arguments.query.default_format.as_str(), arguments.query_id.as_str()), ("JSON", "q"));
    }

    #[test]
    fn what_cannot_be_a_setting_is_an_unknown_one() {
        for name in ["a%27b", "1a", "a%20b", "a%3Bb", "%C3%A5"] {
            let error = arguments(&format!("/?{name}=1")).expect_err(name);
            assert_eq!(error.code, 115, "{name}");
        }
    }

    #[test]
    fn a_broken_escape_is_an_error() {
        for query in ["/?query=%4", "/?query=%zz", "/?query=%+1", "/?query=%FF"] {
            assert_eq!(arguments(query).expect_err(query).code, 36, "{query}");
        }
    }
}
