//! The settings of librdkafka and of our topics, each with its reason.

use super::Config;
use rdkafka::ClientConfig;

/// How our topics must be set up, as (name, value, why). What differs on a topic that is there is a finding.
pub(super) const TOPIC_SETTINGS: [(&str, &str, &str); 4] = [
    ("cleanup.policy", "delete", "compaction removes records that were never counted"),
    ("retention.ms", "-1", "records are deleted when they are counted, not when they are old"),
    ("retention.bytes", "-1", "records are deleted when they are counted, not when they are many"),
    // The fallback for records without a header of ours: a time that no producer can choose.
    (
        "message.timestamp.type",
        "LogAppendTime",
        "the broker's clock decides when a record without a header arrived",
    ),
];

fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", &config.client_id)
        // Idle connections are dropped by firewalls without a word; keep-alive notices.
        .set("socket.keepalive.enable", "true")
        // A broker that comes back is used within seconds, and is not hammered while it is away.
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000");
    client
}

/// The installation's own properties come last.
fn with_properties(mut client: ClientConfig, config: &Config) -> ClientConfig {
    for (name, value) in &config.properties {
        client.set(name, value);
    }
    client
}

pub(super) fn producer(config: &Config) -> ClientConfig {
    let mut client = client(config);
    client
        // A sender is answered when every in-sync copy has its events; retries neither repeat nor reorder them.
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("max.in.flight.requests.per.connection", "5")
        // Long enough to fill batches from many requests, short beside what a broker takes to answer.
        .set("linger.ms", "5")
        .set("batch.size", "1000000")
        .set("batch.num.messages", "20000")
        // Half of zstd's CPU for packed records, and the broker must open neither.
        .set("compression.codec", "lz4")
        .set("message.timeout.ms", config.delivery_timeout.as_millis().to_string())
        // Our own count of bytes under way refuses first; this is the second wall, with room for overhead.
        .set(
            "queue.buffering.max.kbytes",
            (2 * config.queue_bytes_max / 1024).clamp(1024, 2_097_151).to_string(),
        )
        .set("queue.buffering.max.messages", "0");
    with_properties(client, config)
}

pub(super) fn admin(config: &Config) -> ClientConfig {
    with_properties(client(config), config)
}

fn consumer(config: &Config) -> ClientConfig {
    let mut client = client(config);
    client
        // Positions come from progress in the store, never from the group (counting.md §4).
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // An offset that is not there is an error, never a silent jump to either end.
        .set("auto.offset.reset", "error")
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_committed")
        // The default follows the broker's record checksum blindly.
        .set("check.crcs", "true");
    client
}

/// For one-shot reads: without a group, at the end it says so.
pub(super) fn reader(config: &Config) -> ClientConfig {
    let mut client = consumer(config);
    client
        // librdkafka wants a group's name even where partitions are assigned by hand; nothing is ever stored under it.
        .set("group.id", format!("{}-reader", config.client_id))
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .set("queued.max.messages.kbytes", "8192");
    with_properties(client, config)
}

/// For an owner of partitions.
pub(super) fn subscriber(config: &Config, group: &str) -> ClientConfig {
    let mut client = consumer(config);
    client
        .set("group.id", group)
        // A rebalance takes only those partitions away that move.
        .set("partition.assignment.strategy", "cooperative-sticky")
        // A dead owner's partitions move after ten seconds, long enough for a pause of the machine; members learn of a
        // rebalance with their next heartbeat.
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "1000")
        // Few, large fetches under load, and at most 50 ms of waiting without.
        .set("fetch.min.bytes", "1000000")
        .set("fetch.wait.max.ms", "50")
        .set("max.partition.fetch.bytes", "8388608")
        // What is fetched ahead is bounded: the default is 64 MB.
        .set("queued.min.messages", "1000000")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", "10");
    if let Some(instance) = &config.group_instance_id {
        client.set("group.instance.id", instance);
    }
    with_properties(client, config)
}
