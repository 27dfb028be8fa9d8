//! AWS Signature Version 4 for requests without a body, as Ceph's RADOS gateway checks them.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use reqwest::header::{AUTHORIZATION, HeaderName};
use sha2::{Digest, Sha256};
use url::Url;

use super::Headers;
use crate::pull::pseudonym::hmac;

/// Who signs, and for where.
pub(super) struct Key<'k> {
    pub(super) access_key: &'k str,
    pub(super) secret_key: &'k str,
    pub(super) region: &'k str,
}

/// The headers that sign a GET.
pub(super) fn sign(url: &Url, key: &Key<'_>, now: DateTime<Utc>) -> Headers {
    let time = now.format("%Y%m%dT%H%M%SZ").to_string();
    let day = now.format("%Y%m%d").to_string();
    let body = HEXLOWER.encode(&Sha256::digest(b""));
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let names = "host;x-amz-content-sha256;x-amz-date";
    let canonical = format!(
        "GET\n{}\n{}\nhost:{host}\nx-amz-content-sha256:{body}\nx-amz-date:{time}\n\n{names}\n{body}",
        url.path(),
        canonical_query(url)
    );
    let scope = format!("{day}/{}/s3/aws4_request", key.region);
    let hash = HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
    let mut signing = hmac(format!("AWS4{}", key.secret_key).as_bytes(), day.as_bytes());
    for part in [key.region, "s3", "aws4_request"] {
        signing = hmac(&signing, part.as_bytes());
    }
    let signature = HEXLOWER.encode(&hmac(&signing, text.as_bytes()));
    let credential = format!("{}/{scope}", key.access_key);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
    vec![
        (AUTHORIZATION, authorization),
        (HeaderName::from_static("x-amz-date"), time),
        (HeaderName::from_static("x-amz-content-sha256"), body),
    ]
}

/// The query's pairs, sorted and encoded as RFC 3986 wants it.
fn canonical_query(url: &Url) -> String {
    let mut pairs: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET Bucket Lifecycle" of Amazon's documentation of Signature Version 4 for S3.
    #[test]
    fn a_request_is_signed_as_in_the_published_example() {
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/?lifecycle=").unwrap();
        let key = Key {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let now = DateTime::parse_from_rfc3339("2013-05-24T00:00:00Z").unwrap().to_utc();
        let headers = sign(&url, &key, now);
        let signature = headers[0].1.rsplit('=').next().unwrap();
        assert_eq!(signature, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    }
}
