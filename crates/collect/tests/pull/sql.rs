//! Queries of a real PostgreSQL.

mod server;

use collect::pull::source::{Failure, Nature, Read, Source, System};
use domain::Instant;

use self::server::Server;

/// A source of the server, with what a test says differently.
fn open(server: &Server, query: &str, rest: &str) -> Result<Box<dyn Source>, Failure> {
    let mut table = toml::toml! {
        kind = "sql"
        host = "localhost"
        networks = ["127.0.0.0/8", "::1/128"]
        database = "taxameter"
        user = "taxameter"
        tls = "off"
    };
    table.insert("port".to_owned(), i64::from(server.port).into());
    table.insert("query".to_owned(), query.into());
    table.insert("password_file".to_owned(), server.path("password").display().to_string().into());
    table.extend(toml::from_str::<toml::Table>(rest).unwrap());
    // As text, which is how it is configured.
    let text = toml::to_string(&table).unwrap();
    toml::from_str::<System>(&text).unwrap().open(Instant::default)
}

async fn read(server: &Server, query: &str, rest: &str, cursor: Option<&str>) -> Result<Read, Failure> {
    open(server, query, rest)?.read(Instant::default(), cursor).await
}

/// Checks that a query fails as a failure of a kind that says something.
async fn check(server: &Server, query: &str, rest: &str, is_kind: fn(&Failure) -> bool, why: &str) {
    let failure = read(server, query, rest, None).await.unwrap_err();
    assert!(is_kind(&failure) && failure.to_string().contains(why), "{failure:?}");
}

fn refused(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(_))
}

fn away(failure: &Failure) -> bool {
    matches!(failure, Failure::Away(_))
}

/// One server for all: it takes a second or two to start.
#[tokio::test]
async fn a_database_gives_what_a_query_says_and_nothing_else() {
    let server = Server::start().await;
    values_are_exact(&server).await;
    a_stream_misses_no_row_and_gives_none_twice(&server).await;
    a_stream_that_could_miss_rows_is_refused(&server).await;
    nothing_is_written(&server).await;
    what_takes_too_long_or_is_too_much_is_stopped(&server).await;
    only_a_server_that_is_trusted_gets_the_password(&server).await;
    wrong_configurations_are_refused(&server).await;
    a_server_that_is_away_is_asked_again(server).await;
}

async fn values_are_exact(server: &Server) {
    let query = "
        select 12345678901234567890.12345678901234567890 as exact, 0.1::float8 + 0.2::float8 as float,
            9223372036854775807 as big, true as yes, null::int as nothing, ' å ' as text, '1.50'::numeric(9, 2) as money,
            timestamptz '2021-03-28 03:30:00.25+02' as at, timestamp '2021-03-28 02:30' as local, date '2021-03-28' as day,
            '6b1f2e0e-9d3c-4a9b-8f53-0a1b2c3d4e5f'::uuid as id, '{\"a\": 1.10}'::json as j, array[1, 2] as list,
            '\\x00ff'::bytea as bytes, interval '90 minutes' as span, inet '10.0.0.1' as \"Adress å\"
        -- The end.
        ;";
    let source = open(server, query, "").unwrap();
    assert_eq!(source.nature(), Nature::Snapshot);
    let read = source.read(Instant::default(), None).await.unwrap();
    let record = &read.records[0];
    let pairs: Vec<_> = record.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let want = [
        ("Adress å", "10.0.0.1/32"),
        ("at", "2021-03-28T01:30:00.25+00:00"),
        ("big", "9223372036854775807"),
        ("bytes", "\\x00ff"),
        ("day", "2021-03-28"),
        ("exact", "12345678901234567890.12345678901234567890"),
        ("float", "0.30000000000000004"),
        ("id", "6b1f2e0e-9d3c-4a9b-8f53-0a1b2c3d4e5f"),
        ("j", "{\"a\": 1.10}"),
        ("list", "{1,2}"),
        ("local", "2021-03-28 02:30:00"),
        ("money", "1.50"),
        ("span", "PT1H30M"),
        ("text", " å "),
        ("yes", "true"),
    ];
    assert_eq!(pairs, want);
    assert_eq!((read.records.len(), read.cursor, read.more), (1, None, false));
}

const STREAM: &str = "cursor_column = \"id\"\ncursor_start = \"0\"";

async fn a_stream_misses_no_row_and_gives_none_twice(server: &Server) {
    let writer = server.client("taxameter").await;
    let fill = |from: u32, to: u32| {
        format!("insert into job select n, n * 1.25 from generate_series({from}, {to}) n")
    };
    writer.batch_execute("create table job (id bigint primary key, gb numeric not null)").await.unwrap();
    writer.batch_execute(&fill(1, 12_000)).await.unwrap();
    let query = "select * from job where id > $1::bigint order by id limit 5000";
    let source = open(server, query, STREAM).unwrap();
    assert_eq!(source.nature(), Nature::Stream);
    let (mut cursor, mut ids, mut reads) = (None, Vec::new(), 0);
    loop {
        let read = source.read(Instant::default(), cursor.as_deref()).await.unwrap();
        // The same again, as after a crash.
        let again = source.read(Instant::default(), cursor.as_deref()).await.unwrap();
        if reads < 2 {
            assert_eq!(read, again);
        }
        ids.extend(read.records.iter().map(|record| record["id"].parse::<u32>().unwrap()));
        (cursor, reads) = (read.cursor, reads + 1);
        if !read.more {
            break;
        }
        if reads < 3 {
            writer.batch_execute(&fill(12_000 + reads * 10 - 9, 12_000 + reads * 10)).await.unwrap();
        }
    }
    assert_eq!(ids, (1..=12_020).collect::<Vec<_>>());
    assert_eq!((reads, cursor.as_deref()), (4, Some("12020")));
}

async fn a_stream_that_could_miss_rows_is_refused(server: &Server) {
    let rows =
        |values: &str| format!("select * from (values {values}) t (id) where id > $1::int or id is null");
    for query in [rows("(1), (3), (2)"), rows("(1), (2), (2)"), rows("(1), (null)")] {
        check(server, &query, STREAM, refused, "the rows do not grow in \"id\"").await;
    }
    let unbounded = "select n as id from generate_series(1, 10001) n where n > $1::int order by n";
    check(server, unbounded, STREAM, refused, "more than 10000 rows").await;
    check(
        server,
        "select 1 as n where $1 <> ''",
        STREAM,
        refused,
        "no column \"id\", the cursor's; it gives n",
    )
    .await;
    let same = "select n as id from generate_series(0, 5) n where n >= $1::int order by n";
    check(server, same, STREAM, refused, "greater than $1").await;
    let times = "select timestamptz '2021-03-15 09:00:00Z' as at where $1::timestamptz < '2022-01-01Z'";
    let rest = "cursor_column = \"at\"\ncursor_start = \"2021-01-01T00:00:00Z\"";
    let first = read(server, times, rest, None).await.unwrap();
    assert_eq!(first.cursor.as_deref(), Some("2021-03-15T09:00:00+00:00"));
    let again = read(server, times, rest, first.cursor.as_deref()).await.unwrap_err();
    assert!(again.to_string().contains("greater than $1"), "{again}");
}

async fn nothing_is_written(server: &Server) {
    let writer = server.client("taxameter").await;
    let schema = "create sequence number; create table t (n int);
        create function f() returns int language sql as 'insert into t values (1) returning n'";
    writer.batch_execute(schema).await.unwrap();
    for (query, why) in [
        ("insert into t values (1) returning n", "syntax error"),
        ("with w as (insert into t values (1) returning n) select * from w", "data-modifying"),
        ("select nextval('number') as n", "read-only transaction"),
        ("select f() as n", "read-only transaction"),
        ("select set_config('transaction_read_only', 'off', true) as a, f() as n", "read"),
        ("select 1 as n) q; insert into t values (1); --", "syntax error"),
        ("select 1 as n; insert into t values (1)", "multiple commands"),
        ("select n from nowhere", "does not exist"),
        ("select 1 as n, 2 as n", "two columns of the query are named \"n\""),
        ("select $1::int as n", "$1 with `cursor_column`"),
    ] {
        check(server, query, "", refused, why).await;
    }
    assert_eq!(writer.query("select n from t", &[]).await.unwrap().len(), 0);
    let next = writer.query_one("select nextval('number')", &[]).await.unwrap();
    assert_eq!(next.get::<_, i64>(0), 1);
}

async fn what_takes_too_long_or_is_too_much_is_stopped(server: &Server) {
    let short = "statement_timeout_seconds = 1";
    check(server, "select pg_sleep(600)::text as n", short, away, "the query may take 1 s").await;
    check(server, "select n from generate_series(1, 100001) n", "", refused, "more than 100000 rows").await;
    let wide = "select n, repeat('x', 1000000) as wide from generate_series(1, 100) n";
    check(server, wide, "", refused, "67108864 bytes").await;
    let all = read(server, "select n from generate_series(1, 100000) n", "", None).await.unwrap();
    assert_eq!(all.records.len(), 100_000);
}

async fn only_a_server_that_is_trusted_gets_the_password(server: &Server) {
    let authority = format!("tls = \"require\"\nca_file = {:?}", server.path("ca.pem").display().to_string());
    let query = "select ssl::text as ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let encrypted = read(server, query, &authority, None).await.unwrap();
    assert_eq!(encrypted.records[0]["ssl"], "true");
    check(server, query, "tls = \"require\"", refused, "cannot be trusted").await;
    // The certificate has another name.
    check(server, query, &format!("{authority}\nhost = \"127.0.0.1\""), refused, "cannot be trusted").await;
    let missing = "tls = \"require\"\nca_file = \"/nowhere.pem\"";
    check(server, query, missing, refused, "/nowhere.pem cannot be read").await;
    let plain = read(server, query, "", None).await.unwrap();
    assert_eq!(plain.records[0]["ssl"], "false");
}

async fn wrong_configurations_are_refused(server: &Server) {
    let wrong = server.path("wrong");
    std::fs::write(&wrong, "guess\n").unwrap();
    let password = format!("password_file = {:?}", wrong.display().to_string());
    check(server, "select 1 as n", &password, refused, "password authentication failed").await;
    check(server, "select 1 as n", "database = \"nowhere\"", refused, "\"nowhere\" does not exist").await;
    check(server, "select 1 as n", "networks = []", away, "list its network").await;
    for (query, rest, why) in [
        ("select 1 as n", "host = \"127.0.0.1\"\nnetworks = []", "list its network"),
        ("select 1 as id", STREAM, "must have $1"),
        ("select $1 as id", "cursor_column = \"id\"", "`cursor_start`"),
        ("select 1 as id", "cursor_start = \"0\"", "`cursor_column`"),
        ("select 1 as id", "statement_timeout_seconds = 0", "at least 1"),
    ] {
        let failure = open(server, query, rest).err().unwrap();
        assert!(refused(&failure) && failure.to_string().contains(why), "{failure:?}");
    }
}

async fn a_server_that_is_away_is_asked_again(server: Server) {
    let source = open(&server, "select 1 as n", "").unwrap();
    // Its password's file is needed still.
    let directory = server.stop();
    let failure = source.read(Instant::default(), None).await.unwrap_err();
    assert!(away(&failure) && failure.to_string().contains("cannot be reached"), "{failure:?}");
    drop(directory);
}
