//! ClickHouse's errors: a number, a text, and the HTTP status that goes with it.

use hyper::StatusCode;

/// An error as ClickHouse words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exception {
    /// ClickHouse's number for it.
    pub(crate) code: i32,
    /// `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`, without the version.
    pub(crate) message: String,
}

impl Exception {
    /// An error that the HTTP interface finds itself.
    pub(crate) fn new(code: Code, text: impl AsRef<str>) -> Self {
        let (code, name) = code.number_and_name();
        Self { code, message: format!("Code: {code}. DB::Exception: {} ({name})", text.as_ref()) }
    }

    /// An error that the engine reported.
    pub(crate) fn from_engine(message: &str) -> Self {
        // Errors of streamed inserts carry the version already; it is added to every error at the end.
        let message = match message.rfind(" (version ") {
            Some(start) if message.ends_with(')') => &message[..start],
            Some(_) | None => message.trim_end(),
        };
        let code = message
            .strip_prefix("Code: ")
            .and_then(|rest| rest.split_once('.'))
            .and_then(|(code, _)| code.parse().ok());
        match code {
            Some(code) => Self { code, message: message.to_owned() },
            None => Self::new(Code::UnknownException, message),
        }
    }

    /// The text that goes over the wire.
    pub(crate) fn wire_text(&self, version: &str) -> String {
        format!("{} (version {version} (official build))\n", self.message)
    }

    /// The status that ClickHouse's HTTP interface gives to this error.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code {
            // Passwords and users.
            194 => StatusCode::UNAUTHORIZED,
            192 | 193 | 512 | 516 => StatusCode::FORBIDDEN,
            // What was asked is wrong: arguments, parsing, types, syntax, settings in read-only mode.
            6 | 8 | 15 | 25 | 26 | 27 | 33 | 36 | 38 | 41 | 43 | 44 | 53 | 62 | 69 | 72 | 117 | 124 | 125
            | 130 | 164 | 321 | 376 | 386 | 427 | 456 | 457 => StatusCode::BAD_REQUEST,
            // Something that was named is not there: function, identifier, type, storage, table,
            // database, setting, format, aggregate function, session.
            46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 336 | 372 => StatusCode::NOT_FOUND,
            159 => StatusCode::REQUEST_TIMEOUT,
            168 => StatusCode::PAYLOAD_TOO_LARGE,
            202 => StatusCode::SERVICE_UNAVAILABLE,
            48 => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The errors that the HTTP interface finds itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Code {
    BadArguments,
    NotImplemented,
    UnknownFormat,
    Syntax,
    CannotReadData,
    UnknownSetting,
    ReadOnly,
    TooLarge,
    TooManyQueries,
    SessionNotFound,
    SessionLocked,
    AuthenticationFailed,
    UnknownCompression,
    UnknownException,
}

impl Code {
    fn number_and_name(self) -> (i32, &'static str) {
        match self {
            Self::BadArguments => (36, "BAD_ARGUMENTS"),
            Self::NotImplemented => (48, "NOT_IMPLEMENTED"),
            Self::UnknownFormat => (73, "UNKNOWN_FORMAT"),
            Self::Syntax => (62, "SYNTAX_ERROR"),
            Self::CannotReadData => (33, "CANNOT_READ_ALL_DATA"),
            Self::UnknownSetting => (115, "UNKNOWN_SETTING"),
            Self::ReadOnly => (164, "READONLY"),
            Self::TooLarge => (168, "QUERY_IS_TOO_LARGE"),
            Self::TooManyQueries => (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
            Self::SessionNotFound => (372, "SESSION_NOT_FOUND"),
            Self::SessionLocked => (373, "SESSION_IS_LOCKED"),
            Self::AuthenticationFailed => (516, "AUTHENTICATION_FAILED"),
            Self::UnknownCompression => (89, "UNKNOWN_COMPRESSION_METHOD"),
            Self::UnknownException => (1002, "UNKNOWN_EXCEPTION"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_error_keeps_its_code_and_loses_the_version_that_is_added_later() {
        let exception = Exception::from_engine(
            "Code: 33. DB::Exception: Cannot read all data: (at row 1)\n. (CANNOT_READ_ALL_DATA) (version 26.7.2.1)",
        );
        assert_eq!(exception.code, 33);
        assert_eq!(
            exception.wire_text("26.7.2.1"),
            "Code: 33. DB::Exception: Cannot read all data: (at row 1)\n. (CANNOT_READ_ALL_DATA) \
             (version 26.7.2.1 (official build))\n"
        );
        assert_eq!(exception.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn an_error_without_a_code_is_an_unknown_exception() {
        let exception = Exception::from_engine("No active streaming query");
        assert_eq!(exception.code, 1002);
        assert_eq!(exception.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn an_unknown_table_is_not_found() {
        let exception =
            Exception::from_engine("Code: 60. DB::Exception: Table x.y does not exist. (UNKNOWN_TABLE)");
        assert_eq!(exception.status(), StatusCode::NOT_FOUND);
    }
}
