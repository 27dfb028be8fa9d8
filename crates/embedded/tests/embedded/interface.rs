//! The HTTP interface itself: what a client may rely on that no client library shows.

use std::io::{Read, Write};

use flate2::Compression;
use reqwest::StatusCode;

use crate::shared::{Place, on_server};

#[test]
fn health_checks_and_knocks_are_answered() {
    on_server("interface_ping", |place| async move {
        for path in ["/ping", "/", "/replicas_status"] {
            let text = reqwest::get(format!("{}{path}", place.url)).await.expect("an answer").text().await;
            assert_eq!(text.expect("a text"), "Ok.\n", "{path}");
        }
        assert_eq!(reqwest::get(format!("{}/nowhere", place.url)).await.expect("an answer").status(), 404);
    });
}

#[test]
fn the_statement_may_be_in_the_url_the_body_or_both() {
    on_server("interface_places", |place| async move {
        let both = place.post(&[("query", "SELECT 1 +")]).body("1").send().await.expect("an answer");
        assert_eq!(both.text().await.expect("a text"), "2\n");
        let url = place.post(&[("query", "SELECT 'a+b'"), ("default_format", "JSONEachRow")]).send().await;
        assert_eq!(url.expect("an answer").text().await.expect("a text"), "{\"'a+b'\":\"a+b\"}\n");
        assert_eq!(place.text("SELECT 1 FORMAT CSVWithNames;\n-- done").await, "\"1\"\n1\n");
        let header = place.post(&[]).header("X-ClickHouse-Format", "CSV").body("SELECT 'x'").send().await;
        assert_eq!(header.expect("an answer").text().await.expect("a text"), "\"x\"\n");
    });
}

#[test]
fn every_format_comes_out_whole_however_long() {
    on_server("interface_formats", |place| async move {
        let json = place.text("SELECT number FROM numbers(300000) FORMAT JSONCompact").await;
        assert_eq!(json.matches("\"meta\"").count(), 1);
        assert!(json.contains("\"rows\": 300000"));
        let csv = place.text("SELECT number FROM numbers(300000) FORMAT CSVWithNames").await;
        assert_eq!((csv.matches("number").count(), csv.lines().count()), (1, 300_001));
    });
}

#[test]
fn inserts_take_their_data_from_wherever_it_is() {
    on_server("interface_inserts", |place| async move {
        place.text("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a").await;
        let insert = |query: &'static str, body: &'static str| {
            let request = if query.is_empty() { place.post(&[]) } else { place.post(&[("query", query)]) };
            async move {
                let response = request.body(body).send().await.expect("an answer");
                assert_eq!(response.status(), 200, "{query} {body}");
                response.headers()["X-ClickHouse-Summary"].to_str().expect("a text").to_owned()
            }
        };
        let summary = insert("INSERT INTO t FORMAT CSV", "1,a\n2,\"b\n\n;\"\n").await;
        assert!(summary.contains("\"written_rows\":\"2\""), "{summary}");
        insert("", "INSERT INTO t FORMAT JSONEachRow\n{\"a\":3,\"b\":\"c\"}\n\n{\"a\":4,\"b\":\"\\n\\n\"}")
            .await;
        insert("", "INSERT INTO t (a, b) VALUES (5, 'e;\n\nf'), (6, '');").await;
        insert("INSERT INTO t VALUES", "(7, 'g')").await;
        insert("INSERT INTO t FORMAT CSV 8,h", "9,i\n").await;
        insert("INSERT INTO t SELECT 10, 'j'", "").await;
        insert("INSERT INTO t FORMAT CSV", "").await;
        insert("INSERT INTO t SETTINGS async_insert = 0 FORMAT TSV", "11\tk\n").await;
        let rows = place.text("SELECT groupArray(a), sum(length(b)) FROM (SELECT * FROM t ORDER BY a)").await;
        assert_eq!(rows, "[1,2,3,4,5,6,7,8,9,10,11]\t18\n");
        let bound = place
            .post(&[("param_b", "'\\\\"), ("query", "INSERT INTO t VALUES (12, {b:String})")])
            .send()
            .await;
        assert_eq!(bound.expect("an answer").status(), 200);
        assert_eq!(place.text("SELECT b FROM t WHERE a = 12 FORMAT TSVRaw").await, "'\\\n");
    });
}

#[test]
fn an_insert_that_fails_inserts_nothing() {
    on_server("interface_bad_insert", |place| async move {
        place.text("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").await;
        let send = |query: &'static str, body: Vec<u8>| place.post(&[("query", query)]).body(body).send();
        let bad = send("INSERT INTO t FORMAT CSV", b"1\n2\nx\n".to_vec()).await.expect("an answer");
        assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
        assert_eq!(bad.headers()["X-ClickHouse-Exception-Code"], "117");
        // The rest of a long body is read, so that the client sees the error.
        let long = send("INSERT INTO nowhere FORMAT RowBinary", vec![0; 40 << 20]).await.expect("an answer");
        assert_eq!(
            (long.status(), &long.headers()["X-ClickHouse-Exception-Code"]),
            (StatusCode::NOT_FOUND, &"60".parse().expect("a value"))
        );
        let cut = send("INSERT INTO t FORMAT RowBinary", vec![1, 0, 0, 0, 2]).await.expect("an answer");
        assert_eq!(cut.status(), StatusCode::BAD_REQUEST);
        // A body that ends before its stated length.
        let mut socket =
            std::net::TcpStream::connect(place.url.trim_start_matches("http://")).expect("a socket");
        let request = format!(
            "POST /?database={}&query=INSERT+INTO+t+FORMAT+CSV HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n1\n2\n",
            place.database
        );
        socket.write_all(request.as_bytes()).expect("write");
        socket.shutdown(std::net::Shutdown::Write).expect("shut down");
        let mut answer = String::new();
        let _ = socket.read_to_string(&mut answer);
        assert!(!answer.contains("200 OK"), "{answer}");
        assert_eq!(place.text("SELECT count() FROM t").await, "0\n");
    });
}

#[test]
fn bodies_may_be_compressed_both_ways() {
    on_server("interface_compression", |place| async move {
        place.text("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").await;
        let rows: String = (0..100_000).map(|number| format!("{number}\n")).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(rows.as_bytes()).expect("encode");
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(rows.as_bytes()).expect("encode");
        let bodies = [
            ("gzip", gzip.finish().expect("encode")),
            ("zstd", zstd::encode_all(rows.as_bytes(), 1).expect("encode")),
            ("lz4", lz4.finish().expect("encode")),
        ];
        for (name, body) in bodies {
            let request =
                place.post(&[("query", "INSERT INTO t FORMAT CSV")]).header("Content-Encoding", name);
            assert_eq!(request.body(body).send().await.expect("an answer").status(), 200, "{name}");
        }
        assert_eq!(place.text("SELECT count(), sum(a) FROM t").await, "300000\t14999850000\n");
        let unknown =
            place.post(&[("query", "INSERT INTO t FORMAT CSV")]).header("Content-Encoding", "br").body("x");
        assert_eq!(unknown.send().await.expect("an answer").headers()["X-ClickHouse-Exception-Code"], "89");

        for (name, sql) in [("zstd", "SELECT a FROM t ORDER BY a"), ("gzip", "SELECT 1")] {
            let request = place.post(&[("enable_http_compression", "1")]).header("Accept-Encoding", name);
            let response = request.body(sql).send().await.expect("an answer");
            assert_eq!(response.headers()["Content-Encoding"], name);
            let encoded = response.bytes().await.expect("a body");
            let mut decoded = String::new();
            let mut decoder: Box<dyn Read> = match name {
                "zstd" => Box::new(zstd::stream::read::Decoder::new(&encoded[..]).expect("a decoder")),
                _ => Box::new(flate2::read::GzDecoder::new(&encoded[..])),
            };
            decoder.read_to_string(&mut decoded).expect("decode");
            assert_eq!(decoded, place.text(sql).await, "{name}");
        }
    });
}

async fn check_refused(place: &Place, sql: &str, status: StatusCode, code: &str) {
    let response = place.post(&[]).body(sql.to_owned()).send().await.expect("an answer");
    assert_eq!(response.status(), status, "{sql}");
    assert_eq!(response.headers()["X-ClickHouse-Exception-Code"], code, "{sql}");
    let text = response.text().await.expect("a text");
    assert!(
        text.starts_with(&format!("Code: {code}. DB::Exception: ")) && text.ends_with("(official build))\n"),
        "{text}"
    );
}

#[test]
fn errors_have_the_status_that_clickhouse_gives_them() {
    on_server("interface_errors", |place| async move {
        for (sql, status, code) in [
            ("SELECT * FROM nowhere", StatusCode::NOT_FOUND, "60"),
            ("SELECT 1 1", StatusCode::BAD_REQUEST, "62"),
            ("SELECT 1; SELECT 2", StatusCode::BAD_REQUEST, "62"),
            ("", StatusCode::BAD_REQUEST, "62"),
            ("1 + 1", StatusCode::BAD_REQUEST, "62"),
            ("exit", StatusCode::BAD_REQUEST, "62"),
            ("SELECT throwIf(1)", StatusCode::INTERNAL_SERVER_ERROR, "395"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", StatusCode::NOT_IMPLEMENTED, "48"),
            ("SELECT 1 FORMAT Nowhere", StatusCode::NOT_FOUND, "73"),
            ("USE nowhere", StatusCode::NOT_FOUND, "81"),
        ] {
            check_refused(&place, sql, status, code).await;
        }
    });
}

#[test]
fn reading_requests_cannot_write() {
    on_server("interface_read_only", |place| async move {
        place.text("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a").await;
        for sql in [
            "DROP TABLE t",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t SELECT 1",
            "INSERT INTO t FORMAT CSV 1",
            "WITH 1 AS x INSERT INTO t SELECT x",
            "SYSTEM STOP MERGES",
        ] {
            let request = reqwest::Client::new().get(&place.url);
            let response = request.query(&[("query", sql), ("database", &place.database)]).send().await;
            assert_eq!(response.expect("an answer").headers()["X-ClickHouse-Exception-Code"], "164", "{sql}");
        }
        let request = reqwest::Client::new().get(&place.url);
        let read =
            request.query(&[("query", "SELECT count() FROM t"), ("database", &place.database)]).send().await;
        assert_eq!(read.expect("an answer").text().await.expect("a text"), "0\n");
    });
}

#[test]
fn only_programs_of_this_machine_are_answered() {
    on_server("interface_hosts", |place| async move {
        for (name, value) in [
            ("Host", "rebound.example"),
            ("Host", "10.0.0.1"),
            ("Origin", "http://example.org"),
            ("Origin", "null"),
        ] {
            let response =
                place.post(&[]).header(name, value).body("SELECT 1").send().await.expect("an answer");
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        }
    });
}

#[test]
fn a_session_keeps_what_its_statements_set_and_not_what_a_request_set() {
    on_server("interface_sessions", |place| async move {
        let ask = |sql: &'static str, extra: &'static [(&'static str, &'static str)]| {
            let request = place.post(&[("session_id", "one")]).query(extra);
            async move { request.body(sql).send().await.expect("an answer").text().await.expect("a text") }
        };
        assert_eq!(ask("CREATE TEMPORARY TABLE mine (a UInt8)", &[]).await, "");
        assert_eq!(ask("INSERT INTO mine VALUES (1), (2)", &[]).await, "");
        assert_eq!(ask("SET max_block_size = 77", &[]).await, "");
        assert_eq!(
            ask(
                "SELECT getSetting('max_block_size'), currentDatabase()",
                &[("max_block_size", "88"), ("database", "system")]
            )
            .await,
            "88\tsystem\n"
        );
        assert_eq!(
            ask("SELECT sum(a), any(getSetting('max_block_size')), any(currentDatabase()) FROM mine", &[])
                .await,
            "3\t77\tinterface_sessions\n"
        );
        assert!(
            place
                .text("SELECT count() FROM system.tables WHERE name = 'mine' AND is_temporary")
                .await
                .starts_with('0')
        );
        let absent =
            place.post(&[("session_id", "two"), ("session_check", "1")]).body("SELECT 1").send().await;
        assert_eq!(absent.expect("an answer").headers()["X-ClickHouse-Exception-Code"], "372");
    });
}

#[test]
fn a_query_whose_client_leaves_is_stopped() {
    on_server("interface_leaving", |place| async move {
        // One leaves before the result begins, the other in the middle of it.
        for sql in [
            "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 -- leaving",
            "SELECT number FROM numbers(1000000000000) FORMAT RowBinary -- leaving",
        ] {
            let request = place.post(&[]).body(format!("{sql}\n"));
            let running = tokio::spawn(async move {
                let mut response = request.send().await.expect("an answer");
                while response.chunk().await.expect("a piece").is_some() {}
            });
            wait_for_count(&place, 1).await;
            running.abort();
            wait_for_count(&place, 0).await;
        }
    });
}

async fn wait_for_count(place: &Place, expected: u8) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let sql = "SELECT count() FROM system.processes WHERE position(query, 'numbers(1000000000000)') > 0 \
               AND position(query, 'system.processes') = 0";
    loop {
        let count = place.text(sql).await;
        if count.trim() == expected.to_string() {
            return;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{expected} queries running were awaited, there are {count}"
        );
        tokio::task::yield_now().await;
    }
}

#[test]
fn tables_are_durable_without_saying_so() {
    on_server("interface_durable", |place| async move {
        let sql = "SELECT name, value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', \
                   'fsync_part_directory', 'min_rows_to_fsync_after_merge', 'min_compressed_bytes_to_fsync_after_merge') \
                   ORDER BY name";
        let expected = "fsync_after_insert\t1\nfsync_part_directory\t1\n\
                        min_compressed_bytes_to_fsync_after_merge\t1\nmin_rows_to_fsync_after_merge\t1\n";
        assert_eq!(place.text(sql).await, expected);
        assert_eq!(
            place.text("SELECT timezone(), toDateTime(0), getSetting('async_insert')").await,
            "UTC\t1970-01-01 00:00:00\tfalse\n"
        );
        let handlers = std::fs::read_to_string("/proc/self/status").expect("the status");
        let caught = handlers.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a line");
        let caught = u64::from_str_radix(caught.trim(), 16).expect("a mask");
        // SIGINT 2, SIGABRT 6, SIGTERM 15: those stay the program's own.
        assert_eq!(caught & (1 << 1 | 1 << 5 | 1 << 14), 0, "{caught:x}");
    });
}
