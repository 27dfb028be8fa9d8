//! The official Rust crate, and `clickhouse-connect` from PyPI.

use std::path::Path;
use std::process::Command;

use chrono::{DateTime, Utc};
use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};

use crate::shared::on_server;

/// Every kind of column that the product has.
#[derive(Debug, Clone, PartialEq, Row, Serialize, Deserialize)]
pub(crate) struct Usage {
    id: u128,
    service: String,
    #[serde(with = "clickhouse::serde::chrono::datetime64::micros")]
    at: DateTime<Utc>,
    quantity: i128,
    tags: Vec<(String, String)>,
    note: Option<String>,
    position: u64,
}

pub(crate) const USAGE_TABLE: &str = "CREATE TABLE usage (
    id UInt128, service LowCardinality(String), at DateTime64(6, 'UTC'), quantity Decimal(38, 9),
    tags Map(String, String), note Nullable(String), position UInt64
) ENGINE = MergeTree ORDER BY id";

pub(crate) fn usage(number: u64) -> Usage {
    Usage {
        // Full of the bytes 0A 0A, at which a client's inline data would end.
        id: 0x0a0a_0a0a_0a0a_0a0a_0a0a_0a0a_0000_0000 | u128::from(number),
        service: format!("service {}", number % 34),
        at: DateTime::from_timestamp_micros(1_616_893_200_123_456 + number as i64).expect("a time"),
        quantity: -1_000_000_001 * i128::from(number) - 7,
        tags: vec![("förvaltning".into(), "\n\n".into()), (String::new(), format!("{number}"))],
        note: number.is_multiple_of(2).then(|| "line\n\nline\0\u{1}".into()),
        position: number,
    }
}

pub(crate) async fn insert(client: &Client, numbers: std::ops::Range<u64>) -> clickhouse::error::Result<()> {
    let mut insert = client.insert::<Usage>("usage").await?;
    for number in numbers {
        insert.write(&usage(number)).await?;
    }
    insert.end().await
}

#[test]
fn the_official_crate_gets_back_what_it_inserted() {
    on_server("crate_round_trip", |place| async move {
        for validated in [true, false] {
            let client = place.client().with_validation(validated);
            client.query("DROP TABLE IF EXISTS usage").execute().await.expect("drop");
            client.query(USAGE_TABLE).execute().await.expect("a table");
            insert(&client, 0..1_000).await.expect("an insert");
            let found =
                client.query("SELECT ?fields FROM usage ORDER BY position").fetch_all::<Usage>().await;
            let expected: Vec<Usage> = (0..1_000).map(usage).collect();
            assert_eq!(found.expect("rows"), expected);
            let sum = client.query("SELECT toString(sum(quantity)) FROM usage").fetch_one::<String>().await;
            assert_eq!(sum.expect("a sum"), "-499500.0005065");
        }
    });
}

#[test]
fn inserts_and_selects_go_on_at_the_same_time() {
    on_server("crate_parallel", |place| async move {
        let client = place.client();
        client.query(USAGE_TABLE).execute().await.expect("a table");
        let tasks: Vec<_> = (0..4_u64)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    for round in 0..10 {
                        let first = (task * 10 + round) * 500;
                        insert(&client, first..first + 500).await.expect("an insert");
                        let own = client
                            .query("SELECT count() FROM usage WHERE position >= ? AND position < ?")
                            .bind(task * 5_000)
                            .bind((task + 1) * 5_000)
                            .fetch_one::<u64>()
                            .await;
                        assert_eq!(own.expect("a count"), (round + 1) * 500);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("the task");
        }
        let counts = client.query("SELECT count(), uniqExact(id) FROM usage").fetch_one::<(u64, u64)>().await;
        assert_eq!(counts.expect("counts"), (20_000, 20_000));
    });
}

#[test]
fn a_parameter_is_a_value_whatever_it_holds() {
    on_server("crate_parameters", |place| async move {
        let client = place.client();
        let long = "å'\"`\\".repeat(20_000);
        let hostile = [
            "",
            "'",
            "'; DROP DATABASE crate_parameters; --",
            "\\",
            "\\'",
            "\\N",
            "a\tb\nc\r\n\r\n--boundary",
            "\n\n",
            "\0",
            "{b:String}",
            "$x$ $x$",
            "/*",
            "🚕",
            &long,
        ];
        for value in hostile {
            let found = client
                .query("SELECT {a:String}, {a:String} AS again, length({a:String})")
                .param("a", value)
                .fetch_one::<(String, String, u64)>()
                .await;
            assert_eq!(found.expect("a row"), (value.into(), value.into(), value.len() as u64), "{value:?}");
        }
        let number = client.query("SELECT {a:UInt8}").param("a", "1 OR 1").fetch_one::<u8>().await;
        let error = number.expect_err("this is no number").to_string();
        assert!(error.contains("Code: 457"), "{error}");
    });
}

#[test]
fn a_parameter_is_forgotten_with_its_query() {
    on_server("crate_parameters_forgotten", |place| async move {
        let client = place.client();
        for _ in 0..20 {
            let value =
                client.query("SELECT {secret:String}").param("secret", "x").fetch_one::<String>().await;
            assert_eq!(value.expect("a row"), "x");
            let error =
                client.query("SELECT {secret:String}").fetch_one::<String>().await.expect_err("no value");
            assert!(error.to_string().contains("Code: 456"), "{error}");
        }
    });
}

#[test]
fn a_setting_is_forgotten_with_its_query() {
    on_server("crate_settings", |place| async move {
        let client = place.client();
        let ask = "SELECT toString(getSetting('max_block_size'))";
        for round in 0..20 {
            let value = (1_000 + round % 3).to_string();
            let set = client.query(ask).with_setting("max_block_size", &value).fetch_one::<String>().await;
            assert_eq!(set.expect("a row"), value);
            assert_eq!(client.query(ask).fetch_one::<String>().await.expect("a row"), "65409");
        }
        client.query("SET max_block_size = 7").execute().await.expect("a setting of no session");
        assert_eq!(client.query(ask).fetch_one::<String>().await.expect("a row"), "65409");
        let hostile =
            client.query("SELECT getSetting('log_comment')").with_setting("log_comment", "'\\, x = 1; --");
        assert_eq!(hostile.fetch_one::<String>().await.expect("a row"), "'\\, x = 1; --");
    });
}

#[test]
fn an_error_has_its_code_and_its_text() {
    on_server("crate_errors", |place| async move {
        let client = place.client();
        for (sql, code) in [
            ("SELECT * FROM nowhere", "Code: 60."),
            ("SELECT nothing", "Code: 47."),
            ("SELEC 1", "Code: 62."),
            ("SELECT throwIf(1)", "Code: 395."),
        ] {
            let error = client.query(sql).fetch_one::<u8>().await.expect_err(sql).to_string();
            assert!(error.contains(code) && error.contains("DB::Exception: "), "{sql}: {error}");
        }
        let unknown = client.query("SELECT 1").with_setting("no_such_setting", "1").fetch_one::<u8>().await;
        assert!(unknown.expect_err("unknown").to_string().contains("Code: 115."));
    });
}

#[test]
fn an_error_in_the_middle_of_a_result_reaches_the_client() {
    on_server("crate_late_error", |place| async move {
        let client = place.client();
        let sql = "SELECT number, throwIf(number = 3000000) FROM numbers(5000000)";
        let mut rows = client.query(sql).fetch::<(u64, u8)>().expect("a cursor");
        let mut count = 0_u64;
        let error = loop {
            match rows.next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("the result ended without its error"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(count > 0, "the result had begun");
        assert!(error.contains("Code: 395."), "{error}");
    });
}

#[test]
fn a_token_makes_an_insert_count_once() {
    on_server("crate_tokens", |place| async move {
        let client = place.client();
        client
            .query(&format!("{USAGE_TABLE} SETTINGS non_replicated_deduplication_window = 100"))
            .execute()
            .await
            .expect("a table");
        for token in ["a", "b'\\", "a", "b'\\"] {
            let client = client.clone().with_setting("insert_deduplication_token", token);
            insert(&client, 0..10).await.expect("an insert");
        }
        assert_eq!(client.query("SELECT count() FROM usage").fetch_one::<u64>().await.expect("a count"), 20);
    });
}

#[test]
fn a_large_insert_is_one_part_and_comes_back_whole() {
    on_server("crate_large", |place| async move {
        let client = place.client();
        client.query(USAGE_TABLE).execute().await.expect("a table");
        insert(&client, 0..300_000).await.expect("an insert");
        let parts = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'usage'";
        assert_eq!(client.query(parts).fetch_one::<u64>().await.expect("a count"), 1);
        let mut rows = client.query("SELECT ?fields FROM usage").fetch::<Usage>().expect("a cursor");
        let mut positions = 0;
        while let Some(row) = rows.next().await.expect("a row") {
            positions += row.position;
        }
        assert_eq!(positions, 300_000 * 299_999 / 2);
    });
}

/// `tests/clickhouse_connect/check.py` against this server, in a virtual environment under `target`.
#[test]
fn clickhouse_connect_cannot_tell_it_from_a_server() {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clickhouse_connect");
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clickhouse_connect");
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(check.join("requirements.txt")));
    on_server("clickhouse_connect", |place| async move {
        let script = check.join("check.py");
        let checked = tokio::task::spawn_blocking(move || {
            run(Command::new(&python).arg(script).arg(&place.url).arg(&place.database));
        });
        checked.await.expect("the check");
    });
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed ({}):\n{stdout}\n{stderr}", output.status);
}
