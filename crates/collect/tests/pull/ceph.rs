//! Ceph's RADOS gateway, simulated from the documentation of its Admin Operations API ("Get Bucket Info") and of AWS Signature
//! Version 4, which it checks.

use std::sync::Arc;

use axum::http::StatusCode;
use collect::pull::source::{Failure, Nature};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::simulator::{Ask, Fault, Gathered, Script, Simulator, Vendor, column, gather, waited};

const AUTH: &str =
    "kind = \"s3\"\naccess_key = \"TAXAMETER\"\nsecret_key_file = \"SECRET\"\nregion = \"default\"";

/// A gateway with so many buckets, of which one belongs to a tenant, one without a tenant has the same name, and one is empty.
struct Gateway {
    buckets: usize,
}

fn bucket(number: usize) -> Value {
    let usage = match number {
        3 => json!({}),
        _ => json!({"rgw.main": {
            "size": 5_000_000_001_u64, "size_actual": 5_000_003_584_u64 + number as u64, "size_utilized": 5_000_000_001_u64,
            "size_kb": 4_882_813, "size_kb_actual": 4_882_816, "size_kb_utilized": 4_882_813, "num_objects": 12
        }}),
    };
    json!({
        "bucket": format!("lagring-{}", if number == 4 { 2 } else { number }),
        "num_shards": 11,
        "tenant": if number == 2 { "uaf" } else { "" },
        "zonegroup": "9c5d8f4e",
        "placement_rule": "default-placement",
        "id": format!("9c5d8f4e-5b4e.4143.{number}"),
        "marker": format!("9c5d8f4e-5b4e.4143.{number}"),
        "owner": "sof-arkiv",
        "ver": "0#1",
        "mtime": "2021-03-01T08:00:00.000000Z",
        "usage": usage,
        "bucket_quota": {"enabled": false, "max_size": -1, "max_objects": -1}
    })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// What the signature of a request must be, from what was received ("Authenticating Requests: Using the Authorization Header").
fn signature(ask: &Ask) -> String {
    let mut pairs: Vec<&str> = ask.raw_query.split('&').collect();
    pairs.sort_unstable();
    let (time, body) = (ask.header("x-amz-date"), ask.header("x-amz-content-sha256"));
    let canonical = format!(
        "GET\n{}\n{}\nhost:{}\nx-amz-content-sha256:{body}\nx-amz-date:{time}\n\nhost;x-amz-content-sha256;x-amz-date\n{body}",
        ask.path,
        pairs.join("&"),
        ask.header("host"),
    );
    let day = &time[..8];
    let hash = HEXLOWER.encode(&Sha256::digest(canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{day}/default/s3/aws4_request\n{hash}");
    let steps = [day, "default", "s3", "aws4_request", &text];
    HEXLOWER.encode(&steps.iter().fold(b"AWS4hemligt".to_vec(), |key, step| hmac(&key, step)))
}

impl Vendor for Gateway {
    fn answer(&self, ask: &Ask) -> Result<Value, StatusCode> {
        if ask.path != "/admin/bucket" || ask.query.get("format").is_none_or(|format| format != "json") {
            return Err(StatusCode::NOT_FOUND);
        }
        let buckets: Vec<Value> = (0..self.buckets).map(bucket).collect();
        if ask.query.get("stats").is_some_and(|stats| stats == "true") {
            return Ok(buckets.into());
        }
        let name = |bucket: &Value| {
            let (tenant, name) = (bucket["tenant"].as_str().unwrap(), bucket["bucket"].as_str().unwrap());
            Value::from(if tenant.is_empty() { name.to_owned() } else { format!("{tenant}/{name}") })
        };
        Ok(buckets.iter().map(name).collect::<Vec<_>>().into())
    }

    fn items(&self) -> &'static str {
        ""
    }

    fn lets_in(&self, ask: &Ask) -> bool {
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=TAXAMETER/20210315/default/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={}",
            signature(ask)
        );
        ask.header("authorization") == expected && ask.header("x-amz-date") == "20210315T120000Z"
    }
}

async fn simulate(script: Script) -> Gathered {
    let simulator = Simulator::start(Arc::new(Gateway { buckets: 40 }), script).await;
    let source = simulator.open("kind = \"ceph\"", "/", AUTH);
    assert_eq!(source.nature(), Nature::Snapshot);
    gather(source.as_ref(), "2021-03-15T12:00:00Z", None).await
}

#[tokio::test]
async fn every_bucket_comes_with_what_it_uses() {
    let gathered = simulate(vec![]).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (0, 40), "{:?}", gathered.failures);
    let expected = [
        ("bucket", "lagring-2"),
        ("bucket_quota.max_size", "-1"),
        ("id", "9c5d8f4e-5b4e.4143.2"),
        ("owner", "sof-arkiv"),
        ("placement_rule", "default-placement"),
        ("tenant", "uaf"),
        ("usage.rgw.main.num_objects", "12"),
        ("usage.rgw.main.size", "5000000001"),
        ("usage.rgw.main.size_actual", "5000003586"),
        ("usage.rgw.main.size_kb", "4882813"),
        ("usage.rgw.main.size_kb_actual", "4882816"),
        ("usage.rgw.main.size_kb_utilized", "4882813"),
        ("usage.rgw.main.size_utilized", "5000000001"),
        ("zonegroup", "9c5d8f4e"),
    ];
    let third: Vec<_> =
        gathered.records[2].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(third, expected);
    // The empty one.
    assert_eq!(gathered.records[3]["usage.rgw.main.size_actual"], "0");
    assert_eq!(column(&gathered.records, "usage.rgw.main.size_actual")[0], "0");
}

#[tokio::test]
async fn faults_delay_a_snapshot_and_take_nothing_from_it() {
    let script = vec![(1, Fault::Busy(3)), (3, Fault::Status(503)), (4, Fault::Cut), (5, Fault::Half)];
    let gathered = simulate(script).await;
    assert_eq!((gathered.failures.len(), gathered.records.len()), (1, 40), "{:?}", gathered.failures);
    assert_eq!(waited(), [3, 1, 2]);
}

#[tokio::test]
async fn a_bucket_that_is_listed_and_has_no_statistics_is_a_failure() {
    for fault in [Fault::Fewer, Fault::Repeat] {
        let gathered = simulate(vec![(2, fault)]).await;
        assert!(matches!(gathered.failures[..], [Failure::Broken(_)]), "{fault:?}: {:?}", gathered.failures);
        assert_eq!(gathered.records.len(), 40);
    }
}
