//! Prometheus: the value of each series of a query at a time (HTTP API v1, "Instant queries").

use domain::Instant;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;

use super::{Clock, Failure, Nature, Read, Record, Source};
use crate::pull::http::{Client, Connection};

/// What is asked of a Prometheus.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is.
    pub connection: Connection,
    /// A PromQL expression that gives a vector, one series for each thing.
    pub query: String,
}

/// A Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    client: Client,
    query: String,
}

impl Prometheus {
    /// A source that asks a Prometheus.
    ///
    /// # Errors
    /// See [`Client::new`].
    pub fn new(config: &Config, clock: Clock) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(&config.connection, clock)?, query: config.query.clone() })
    }

    async fn read(&self, at: Instant) -> Result<Read, Failure> {
        let time = at.to_utc().timestamp().to_string();
        let answer = self.client.get("api/v1/query", &[("query", &self.query), ("time", &time)]).await?;
        let answer: Answer = serde_json::from_value(answer)
            .map_err(|error| Failure::Broken(format!("the answer is not that of a query: {error}")))?;
        // It warns when a part of its storage did not answer: then series are missing.
        if let Some(warning) = answer.warnings.first() {
            return Err(Failure::Away(format!("the answer is not whole: {warning}")));
        }
        if answer.data.result_type != "vector" {
            let what = format!("the query gives a {}, not a vector", answer.data.result_type);
            return Err(Failure::Refused(what));
        }
        let series: Vec<Series> = serde_json::from_value(answer.data.result)
            .map_err(|error| Failure::Broken(format!("the answer is not that of a query: {error}")))?;
        let records = series.into_iter().map(Series::into_record).collect::<Result<_, _>>()?;
        Ok(Read { records, ..Read::default() })
    }
}

impl Source for Prometheus {
    fn nature(&self) -> Nature {
        Nature::History
    }

    fn read<'a>(&'a self, at: Instant, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Read, Failure>> {
        Prometheus::read(self, at).boxed()
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    /// Its form depends on the type.
    result: serde_json::Value,
}

#[derive(Deserialize)]
struct Series {
    metric: Record,
    /// When it was taken, which is what was asked for, and the value.
    value: (serde_json::Value, String),
}

impl Series {
    /// Its labels, and its value as `value`.
    fn into_record(self) -> Result<Record, Failure> {
        let (_, value) = self.value;
        if ["NaN", "+Inf", "-Inf"].contains(&value.as_str()) {
            return Err(Failure::Broken(format!("the value of {:?} is {value}", self.metric)));
        }
        let mut record = self.metric;
        record.insert("value".to_owned(), value);
        Ok(record)
    }
}
