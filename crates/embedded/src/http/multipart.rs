//! Forms: the official Rust crate sends statements with parameters this way, so that long values need
//! not fit into a URL.

use bytes::BytesMut;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};

use super::arguments::{Arguments, header_text};
use super::incoming::next_frame;
use crate::exception::{Code, Exception};

/// The longest form. It holds one statement and its parameters, never rows.
const FORM_BYTES_MAX: usize = 16 << 20;

/// The boundary, if the body is a form.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = header_text(headers, CONTENT_TYPE.as_str())?;
    let (kind, attributes) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    attributes.split(';').find_map(|attribute| {
        let (name, value) = attribute.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// Reads the form's fields into the arguments.
pub(super) async fn read_into(
    arguments: &mut Arguments,
    boundary: &str,
    mut body: Incoming,
) -> Result<(), Exception> {
    let mut form = BytesMut::new();
    while let Some(frame) = next_frame(&mut body).await {
        let frame = frame.map_err(|_| bad("the form was cut short"))?;
        if form.len() + frame.len() > FORM_BYTES_MAX {
            return Err(Exception::new(
                Code::TooLarge,
                format!("the form is longer than {FORM_BYTES_MAX} bytes"),
            ));
        }
        form.extend_from_slice(&frame);
    }
    for (name, value) in fields(&form, boundary)? {
        arguments.set(name, value)?;
    }
    Ok(())
}

/// The fields in order.
fn fields<'a>(form: &'a [u8], boundary: &str) -> Result<Vec<(&'a str, &'a str)>, Exception> {
    // With the line break before it, which belongs to the boundary and not to the value.
    let delimiter = format!("\r\n--{boundary}");
    let cut_short = || bad("the form is cut short or its boundary is wrong");
    let mut rest = form.strip_prefix(&delimiter.as_bytes()[2..]).ok_or_else(cut_short)?;
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n").ok_or_else(cut_short)?;
        let (headers, content) = split(part, b"\r\n\r\n").ok_or_else(cut_short)?;
        let (value, after) = split(content, delimiter.as_bytes()).ok_or_else(cut_short)?;
        let headers = str::from_utf8(headers).map_err(|_| bad("the form's headers are not UTF-8"))?;
        if attribute(headers, "filename").is_some() {
            return Err(Exception::new(
                Code::NotImplemented,
                "external tables are not supported by the embedded database; create a temporary table in a session",
            ));
        }
        let name = attribute(headers, "name").ok_or_else(|| bad("a field of the form has no name"))?;
        let value = str::from_utf8(value).map_err(|_| bad("a field of the form is not UTF-8"))?;
        fields.push((name, value));
        rest = after;
    }
    Ok(fields)
}

fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(separator.len()).position(|window| window == separator)?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// An attribute of the part's Content-Disposition.
fn attribute<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let disposition =
        headers.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    disposition.split(';').find_map(|attribute| {
        let (found, value) = attribute.split_once('=')?;
        (found.trim() == name).then(|| value.trim().trim_matches('"'))
    })
}

fn bad(text: &str) -> Exception {
    Exception::new(Code::BadArguments, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:String}\r\n\
                        --b\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\nx\r\n--c\r\n\r\n\r\n--b--\r\n";

    #[test]
    fn values_keep_their_line_breaks() {
        let fields = fields(FORM.as_bytes(), "b").expect("a good form");
        assert_eq!(fields, [("query", "SELECT {a:String}"), ("param_a", "x\r\n--c\r\n\r\n")]);
    }

    #[test]
    fn a_form_cut_anywhere_is_an_error() {
        for end in 0..FORM.len() - 4 {
            assert!(fields(&FORM.as_bytes()[..end], "b").is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_file_is_refused_by_name() {
        let form = "--b\r\nContent-Disposition: form-data; name=\"t\"; filename=\"t\"\r\n\r\n1\r\n--b--\r\n";
        assert_eq!(fields(form.as_bytes(), "b").expect_err("a file").code, 48);
    }
}
