//! A real Prometheus that scrapes a real node exporter, with values of earlier months in its storage.

use std::path::Path;
use std::time::SystemTime;

use collect::pull::source::{Clock, Failure, Nature, Record, Source, System};
use domain::Instant;
use eventlog::testkit::port::Port;
use tempfile::TempDir;

use super::server::{Server, run};
use super::simulator::wait;
use crate::support::now;

/// The bytes of three volumes at noon of days of 2021, as OpenMetrics.
const HISTORY: &str = r#"# TYPE lkdata_volume_bytes gauge
# UNIT lkdata_volume_bytes bytes
lkdata_volume_bytes{volume="skola",ansvar="441001"} 1834217984000 1610708400
lkdata_volume_bytes{volume="skola",ansvar="441001"} 1934217984512 1613386800
lkdata_volume_bytes{volume="vård",ansvar="520310"} 734003200 1610708400
lkdata_volume_bytes{volume="vård",ansvar="520310"} 734003201 1613386800
lkdata_volume_bytes{volume="ny",ansvar="110200"} 4096 1613386800
# EOF
"#;
/// What the exporter says of the same volumes today.
const TODAY: &str = r#"# TYPE lkdata_volume_bytes gauge
lkdata_volume_bytes{volume="skola",ansvar="441001"} 2000000000001
lkdata_volume_bytes{volume="ny",ansvar="110200"} 8192
"#;
const SETTINGS: &str = "
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: node
    static_configs: [{targets: ['127.0.0.1:EXPORTER']}]
";
const VOLUMES: &str = "lkdata_volume_bytes";

struct Stand {
    prometheus: Server,
    _exporter: Server,
    _directory: TempDir,
    _exporter_port: Port,
    port: Port,
}

impl Stand {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let (exporter, exporter_port) = start_exporter(at);
        std::fs::write(
            at.join("prometheus.yml"),
            SETTINGS.replace("EXPORTER", &exporter_port.number().to_string()),
        )
        .unwrap();
        std::fs::write(at.join("history"), HISTORY).unwrap();
        let path = |name: &str| at.join(name).to_str().unwrap().to_owned();
        run("promtool", &["tsdb", "create-blocks-from", "openmetrics", &path("history"), &path("storage")]);
        let port = Port::lease().unwrap();
        let listen = format!("--web.listen-address=127.0.0.1:{}", port.number());
        let arguments = [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=storage",
            // Its default, 15 days, would delete what it had of 2021.
            "--storage.tsdb.retention.time=100y",
            &listen,
        ];
        let prometheus = Server::start("prometheus", arguments, at, "prometheus.log");
        Self { prometheus, _exporter: exporter, _directory: directory, _exporter_port: exporter_port, port }
    }

    fn source(&self, query: &str) -> Box<dyn Source> {
        let port = self.port.number();
        let system: System = toml::from_str(&format!(
            "kind = \"prometheus\"\nquery = '{query}'\n[connection]\nurl = \"http://127.0.0.1:{port}\"\nplain_http = true\n\
             networks = [\"127.0.0.1/32\"]"
        ))
        .unwrap();
        let source = system.open_with(Clock { now, wait }).unwrap();
        assert_eq!(system.nature(), source.nature());
        source
    }

    async fn read(&self, query: &str, at: Instant) -> Result<Vec<Record>, Failure> {
        Ok(self.source(query).read(at, None).await?.records)
    }

    /// Waits until a query has an answer of now, and gives it.
    async fn read_now(&mut self, query: &str) -> Vec<Record> {
        let source = self.source(query);
        let mut records = Vec::new();
        let found = async || {
            records = source.read(this_moment(), None).await.map_or(Vec::new(), |read| read.records);
            !records.is_empty()
        };
        self.prometheus.until("Prometheus to have scraped", found).await;
        records
    }
}

fn start_exporter(at: &Path) -> (Server, Port) {
    std::fs::create_dir(at.join("textfiles")).unwrap();
    std::fs::write(at.join("textfiles/volumes.prom"), TODAY).unwrap();
    let port = Port::lease().unwrap();
    let listen = format!("--web.listen-address=127.0.0.1:{}", port.number());
    let arguments = [
        "--collector.disable-defaults",
        "--collector.filesystem",
        "--collector.textfile",
        "--collector.textfile.directory=textfiles",
        &listen,
    ];
    (Server::start("prometheus-node-exporter", arguments, at, "exporter.log"), port)
}

#[expect(clippy::disallowed_methods, reason = "Prometheus goes by the machine's clock")]
fn this_moment() -> Instant {
    let now: chrono::DateTime<chrono::Utc> = SystemTime::now().into();
    Instant::parse_rfc3339(&now.to_rfc3339()).unwrap()
}

fn instant(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

/// Volume, ansvar and value of each record, sorted.
fn volumes(records: &[Record]) -> Vec<[&str; 3]> {
    let mut volumes: Vec<_> = records
        .iter()
        .map(|record| ["volume", "ansvar", "value"].map(|field| record[field].as_str()))
        .collect();
    volumes.sort_unstable();
    volumes
}

#[tokio::test]
async fn values_are_those_of_the_time_that_is_asked_for() {
    let mut stand = Stand::start();
    assert_eq!(stand.source(VOLUMES).nature(), Nature::History);
    let today = stand.read_now(VOLUMES).await;
    assert_eq!(volumes(&today), [["ny", "110200", "8192"], ["skola", "441001", "2000000000001"]]);
    assert_eq!(today[0]["job"], "node");

    let january = stand.read(VOLUMES, instant("2021-01-15T12:00:00+01:00")).await.unwrap();
    let expected = [["skola", "441001", "1834217984000"], ["vård", "520310", "734003200"]];
    assert_eq!(volumes(&january), expected);
    let february = stand.read(VOLUMES, instant("2021-02-15T12:00:00+01:00")).await.unwrap();
    let expected =
        [["ny", "110200", "4096"], ["skola", "441001", "1934217984512"], ["vård", "520310", "734003201"]];
    assert_eq!(volumes(&february), expected);
    assert_eq!(stand.read(VOLUMES, instant("2020-12-15T12:00:00+01:00")).await.unwrap(), []);
}

#[tokio::test]
async fn the_file_systems_of_this_machine_have_sizes() {
    let mut stand = Stand::start();
    let file_systems = stand.read_now(r#"node_filesystem_size_bytes{mountpoint="/"}"#).await;
    let [root] = file_systems.as_slice() else { panic!("{file_systems:?}") };
    assert!(root["value"].parse::<f64>().unwrap() > 0.0 && root.contains_key("fstype"), "{root:?}");
}

#[tokio::test]
async fn a_query_that_is_wrong_is_told_in_the_words_of_prometheus() {
    let mut stand = Stand::start();
    stand.read_now(VOLUMES).await;
    for (query, expected) in [
        ("sum(lkdata_volume_bytes", "unclosed left parenthesis"),
        ("rate(lkdata_volume_bytes)", "expected type range vector"),
        ("lkdata_volume_bytes[5m]", "gives a matrix, not a vector"),
        (
            "sum(lkdata_volume_bytes) by (job) / on(job) group_left lkdata_volume_bytes",
            "found duplicate series for the match group",
        ),
    ] {
        match stand.read(query, this_moment()).await {
            Err(Failure::Refused(why)) => assert!(why.contains(expected), "{why}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    stand.prometheus.kill();
    let down = stand.read(VOLUMES, this_moment()).await;
    assert!(matches!(&down, Err(Failure::Away(why)) if why.contains("does not answer")), "{down:?}");
}
