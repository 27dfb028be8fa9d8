//! Power loss of the embedded log alone: far more losses and bytes than with the whole program, so that journals are
//! rotated, tables and value files written, and records deleted while power goes.
//!
//! A process of its own appends records that follow from their place, and says on its standard output what was
//! acknowledged. After each loss it first says what it finds.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use eventlog::embedded::{Config, EmbeddedLog};
use eventlog::{EventLog, Header, Kind, Record, TopicSpec};

use crate::disk::{Disk, Names};
use crate::mount::Mounted;
use crate::options::{Options, Replay};
use crate::random::Random;
use crate::supply::Shared;

const TOPIC: &str = "losses";
const PARTITIONS: u32 = 3;
/// How many losses the ordinary run has.
const LOSSES: u64 = 10;
/// So many losses happen to one log; then another begins.
const LOSSES_PER_LOG: u64 = 10;
/// Power goes after at most so many changes of the disk: enough for tables and value files to be written.
const OPERATIONS_MAX: u64 = 40_000;
/// Or after so long.
const LOSS_MAX: Duration = Duration::from_secs(10);

/// What the writer says, and what is known from it.
#[derive(Default)]
struct Known {
    /// Partition → its start and end, as far as they were acknowledged.
    ends: BTreeMap<u32, (u64, u64)>,
    records: u64,
    bytes: u64,
    /// What the writer last failed with.
    failure: String,
}

/// Power loss again and again; every acknowledged record is there afterwards, with its bytes.
pub(crate) fn run(options: &Options) {
    let losses = options.losses.unwrap_or(LOSSES);
    let (mut records, mut bytes) = (0, 0);
    for group in 0..losses.div_ceil(LOSSES_PER_LOG) {
        let seed = options.seed + group;
        let of_log = LOSSES_PER_LOG.min(losses - group * LOSSES_PER_LOG);
        let replay = Replay { test: "losses_of_the_log_alone", seed, losses: of_log };
        let names = if seed.is_multiple_of(2) { Names::Loosely } else { Names::InOrder };
        let known = match lose(seed, replay.losses, names, false) {
            Ok(known) => known,
            Err(why) => panic!("names survive {names:?}: {why}"),
        };
        records += known.records;
        bytes += known.bytes;
    }
    println!("  {losses} losses, {records} records ({} MB) acknowledged, lost 0", bytes >> 20);
}

/// The comparison is worth something only if it finds a disk that answers "synced" and keeps nothing.
pub(crate) fn lying_disk(options: &Options) {
    let found = (0..10).find_map(|round| lose(options.seed + round, 4, Names::InOrder, true).err());
    println!("  a lying disk: {}", found.expect("the disk lied and nothing was found"));
}

/// With `lies`, the disk lies from the second loss on, when there is a log that can be lost.
fn lose(seed: u64, losses: u64, names: Names, lies: bool) -> Result<Known, String> {
    let directory = tempfile::tempdir().unwrap();
    let mount = directory.path().join("disk");
    std::fs::create_dir(&mount).unwrap();
    let shared = Shared::new(Disk::new(names));
    let mut random = Random::new(seed);
    let mut known = Known::default();
    for loss in 1..=losses {
        shared.with(|disk| disk.lies = lies && loss > 1);
        let soon = random.percent(50);
        shared.arm(if soon { random.of_any_size(OPERATIONS_MAX) } else { random.next() % OPERATIONS_MAX });
        run_writer(&shared, &mount, seed * 1000 + loss, &mut known)
            .map_err(|why| format!("loss {loss}: {why}"))?;
        let survives = random.pick(&[0, 30, 50, 80, 100]);
        shared.with(|disk| disk.lose(&mut random, survives));
    }
    // Once more, to look at what the last loss left.
    shared.arm(u64::MAX);
    let mounted = Mounted::new(shared, &mount).unwrap();
    let mut writer = start(&mount, seed);
    let said = BufReader::new(writer.stdout.take().unwrap());
    let mut is_whole = false;
    let heard = said.lines().map_while(Result::ok).take_while(|line| {
        is_whole = line == "ready";
        !is_whole
    });
    let heard: Vec<String> = heard.collect();
    end(&mut writer);
    drop(mounted);
    heard.iter().try_for_each(|line| known.hear(line))?;
    if is_whole { Ok(known) } else { Err(format!("the log cannot be read: {}", known.failure)) }
}

/// Lets the writer write until power is gone, and learns from what it says.
fn run_writer(shared: &Shared, mount: &Path, seed: u64, known: &mut Known) -> Result<(), String> {
    let mounted = Mounted::new(shared.clone(), mount).unwrap();
    let mut writer = start(mount, seed);
    let said = BufReader::new(writer.stdout.take().unwrap());
    let (lines, heard) = mpsc::channel();
    let listener = std::thread::spawn(move || {
        for line in said.lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let was_running = shared.await_off(LOSS_MAX, || writer.try_wait().is_ok_and(|ended| ended.is_none()));
    end(&mut writer);
    listener.join().unwrap();
    drop(mounted);
    heard.into_iter().try_for_each(|line| known.hear(&line))?;
    if was_running { Ok(()) } else { Err(format!("the writer ended by itself: {}", known.failure)) }
}

fn start(mount: &Path, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--seed", &seed.to_string(), "--log-writer"])
        .arg(mount.join("log"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(writer: &mut Child) {
    let _ = writer.kill();
    let _ = writer.wait();
}

impl Known {
    /// `found PARTITION START END`, `acknowledged PARTITION OFFSET BYTES`, `cut PARTITION START`, `ready`, `failed ERROR`,
    /// or what is wrong with a record.
    fn hear(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let (start, end) = self.ends.entry(number(1) as u32).or_default();
        match words[0] {
            "found" if number(2) < *start || number(3) < *end => {
                Err(format!("{line}, but {start}..{end} was acknowledged"))
            }
            // A batch that was not answered may be there. It is durable, because it was read.
            "found" => {
                (*start, *end) = (number(2), number(3));
                Ok(())
            }
            "acknowledged" => {
                *end = (*end).max(number(2) + 1);
                self.records += 1;
                self.bytes += number(3);
                Ok(())
            }
            "cut" => {
                *start = (*start).max(number(2));
                Ok(())
            }
            "failed" => {
                self.failure = line.to_owned();
                Ok(())
            }
            "ready" => Ok(()),
            _ => Err(line.to_owned()),
        }
    }
}

/// The writer's process.
pub(crate) fn write(directory: &Path, seed: u64) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(write_on(directory, seed)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Power may be gone, and then this is how it should be; the reader of these lines knows.
            say(&format!("failed {error:?}"));
            ExitCode::FAILURE
        }
    }
}

async fn write_on(directory: &Path, seed: u64) -> eventlog::Result<()> {
    let log = EmbeddedLog::open(Config::new(directory))?;
    log.ensure_topics(&[TopicSpec { name: TOPIC.to_owned(), partitions: PARTITIONS }]).await?;
    for partition in 0..PARTITIONS {
        let start = log.start_offset(TOPIC, partition).await?;
        let end = log.end_offset(TOPIC, partition).await?;
        let mut at = start;
        while at < end {
            for stored in log.read(TOPIC, partition, at, 8 << 20).await? {
                if stored.offset != at || stored.value != value(partition, at) {
                    say(&format!("record {at} of partition {partition} is another one"));
                }
                at += 1;
            }
        }
        say(&format!("found {partition} {start} {end}"));
    }
    say("ready");
    let mut random = Random::new(seed);
    loop {
        let partition = random.below(PARTITIONS as usize) as u32;
        let end = log.end_offset(TOPIC, partition).await?;
        let count = 1 + random.below(5) as u64;
        let records = (end..end + count).map(|offset| record(value(partition, offset))).collect();
        let offsets = log.append(TOPIC, partition, records).await.map_err(|failed| failed.error)?;
        for offset in offsets {
            say(&format!("acknowledged {partition} {offset} {}", value(partition, offset).len()));
        }
        if random.percent(2) {
            let start = log.start_offset(TOPIC, partition).await?;
            let before = start + random.below((end - start) as usize + 1) as u64;
            let start = log.delete_before(TOPIC, partition, before).await?;
            say(&format!("cut {partition} {start}"));
        }
    }
}

fn record(value: Bytes) -> Record {
    let header = Header {
        kind: Kind::Events,
        collector: "power".to_owned(),
        epoch: 0,
        batch: 0,
        received: 0,
        sources: Vec::new(),
        released: false,
    };
    Record { header, value }
}

/// What a record holds follows from its place: up to 400 kB.
fn value(partition: u32, offset: u64) -> Bytes {
    let mut random = Random::new(offset * u64::from(PARTITIONS) + u64::from(partition));
    let length = random.of_any_size(400_000) as usize;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

/// A line for the parent: written at once, because a killed process writes nothing later.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
