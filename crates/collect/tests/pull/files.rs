//! Folders with tables in them, as print servers, exchanges and people leave them.

mod settled;
#[cfg(feature = "xlsx")]
mod workbooks;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collect::pull::source::{Failure, Nature, Read, Record, Source, System};
use domain::Instant;
use tempfile::TempDir;

const BANNER: &str = "PaperCut Print Logger - http://www.papercut.com/\r\n";
const HEADING: &str = "Time,User,Pages,Copies,Printer,Document Name,Client,Paper Size,Language,Height,Width,Duplex,Grayscale,Size\r\n";

/// The clock, so long after what tests write that all of it has been still.
fn after(seconds: u64) -> Instant {
    #[expect(clippy::disallowed_methods, reason = "files have the times of the machine's clock")]
    let now = chrono::Utc::now();
    Instant::from_utc(now + Duration::from_secs(seconds))
}

fn a_minute_later() -> Instant {
    after(60)
}

struct Stand {
    directory: TempDir,
    source: Box<dyn Source>,
}

impl Stand {
    /// A folder that is watched as a configuration says, by a clock that is a minute late.
    fn new(rest: &str) -> Self {
        Self::at(rest, a_minute_later)
    }

    fn at(rest: &str, clock: fn() -> Instant) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = open(directory.path(), rest, clock).unwrap();
        Self { directory, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    async fn read(&self, cursor: Option<&str>) -> Result<Read, Failure> {
        self.source.read(Instant::default(), cursor).await
    }

    /// The records after a cursor, and the cursor after them; all that there are.
    async fn all(&self, cursor: &mut Option<String>) -> Vec<Record> {
        let mut records = Vec::new();
        loop {
            let read = self.read(cursor.as_deref()).await.unwrap();
            records.extend(read.records);
            *cursor = read.cursor;
            if !read.more {
                return records;
            }
        }
    }

    async fn failure(&self, cursor: Option<&str>) -> String {
        match self.read(cursor).await {
            Err(failure) => failure.to_string(),
            Ok(read) => panic!("no failure: {read:?}"),
        }
    }
}

fn open(directory: &Path, rest: &str, clock: fn() -> Instant) -> Result<Box<dyn Source>, Failure> {
    let text = format!("kind = \"files\"\ndirectory = {:?}\n{rest}", directory.display().to_string());
    let system = toml::from_str::<System>(&text).unwrap();
    let source = system.open(clock)?;
    assert_eq!(system.nature(), source.nature());
    Ok(source)
}

fn column(records: &[Record], name: &str) -> Vec<String> {
    records.iter().map(|record| record[name].clone()).collect()
}

fn papercut(minute: u32, user: &str) -> String {
    format!(
        "2021-03-15 09:{minute:02}:12,{user},2,1,prt-04,\"lön, \"\"mars\"\".doc\",PC7,A4,PCL6,,,NOT DUPLEX,GRAYSCALE,23kb\r\n"
    )
}

/// As PaperCut's print logger writes it.
const PAPERCUT: &str = r#"
pattern = "papercut-print-log-*.csv"
skip_lines = 1
growing = true
drop = ["Document Name", "Client"]
"#;

#[tokio::test]
async fn a_file_that_grows_is_read_on_from_where_the_last_read_ended() {
    let stand = Stand::new(PAPERCUT);
    assert_eq!(stand.source.nature(), Nature::Stream);
    let name = "papercut-print-log-2021-03-15.csv";
    let mut cursor = None;
    assert_eq!(stand.all(&mut cursor).await, []);
    stand.write(name, &BANNER[..20]);
    assert_eq!(stand.all(&mut cursor).await, []);
    let third = papercut(7, "kb");
    stand.write(name, format!("{BANNER}{HEADING}{}{}{}", papercut(5, "aa"), papercut(6, "åö"), &third[..30]));
    let first = stand.all(&mut cursor).await;
    assert_eq!(column(&first, "User"), ["aa", "åö"]);
    assert_eq!(column(&first, "line"), ["3", "4"]);
    assert_eq!(column(&first, "file"), [name, name]);
    assert_eq!(first[0]["Time"], "2021-03-15 09:05:12");
    assert_eq!([&first[0]["Height"], &first[0]["Duplex"]], ["", "NOT DUPLEX"]);
    assert!(!first[0].contains_key("Document Name") && !first[0].contains_key("Client"));
    // The rest of the row, and one more.
    stand.append(name, &third[30..]);
    stand.append(name, papercut(8, "cc"));
    let second = stand.all(&mut cursor).await;
    assert_eq!(
        (column(&second, "User"), column(&second, "line")),
        (vec!["kb".into(), "cc".into()], vec!["5".into(), "6".into()])
    );
    assert_eq!(stand.all(&mut cursor).await, []);
    // A crash before the cursor was kept: the same again.
    assert_eq!(stand.all(&mut None).await, [first, second].concat());
    assert!(stand.path(name).exists());
    // What is gone is forgotten.
    std::fs::remove_file(stand.path(name)).unwrap();
    stand.all(&mut cursor).await;
    assert_eq!(cursor.as_deref(), Some(r#"{"files":{}}"#));
}

#[tokio::test]
async fn a_file_that_was_replaced_is_read_from_its_beginning() {
    let stand = Stand::new(PAPERCUT);
    let name = "papercut-print-log-2021-03.csv";
    let start = format!("{BANNER}{HEADING}");
    stand.write(name, format!("{start}{}{}", papercut(1, "aa"), papercut(2, "bb")));
    let mut cursor = None;
    assert_eq!(stand.all(&mut cursor).await.len(), 2);
    // Shorter, with the same beginning.
    stand.write(name, format!("{start}{}", papercut(1, "aa")));
    assert_eq!(column(&stand.all(&mut cursor).await, "User"), ["aa"]);
    // As long as before, with another row at its end, and one more.
    stand.write(name, format!("{start}{}{}", papercut(1, "ax"), papercut(2, "bb")));
    assert_eq!(column(&stand.all(&mut cursor).await, "User"), ["ax", "bb"]);
    // Another file with the same content is the same file.
    std::fs::remove_file(stand.path(name)).unwrap();
    stand.write(name, format!("{start}{}{}", papercut(1, "ax"), papercut(2, "bb")));
    assert_eq!(stand.all(&mut cursor).await, []);
}

#[tokio::test]
async fn a_row_has_the_same_hash_in_the_file_of_the_day_and_of_the_month() {
    let stand = Stand::new(PAPERCUT);
    let (day, month) = ("papercut-print-log-2021-03-15.csv", "papercut-print-log-2021-03.csv");
    stand.write(day, format!("{BANNER}{HEADING}{}", papercut(5, "å")));
    let latin: Vec<u8> = papercut(5, "å").chars().map(|c| c as u8).collect();
    stand.write(month, format!("{BANNER}{HEADING}{}", papercut(4, "b")));
    stand.append(month, latin);
    let records = stand.all(&mut None).await;
    assert_eq!(column(&records, "file"), [day, month, month].map(String::from));
    let [one, other, same] = &column(&records, "hash")[..] else { panic!("{records:?}") };
    assert!(one == same && one != other && one.len() == 32);
}

#[tokio::test]
async fn a_row_that_never_ends_is_a_failure_in_the_end() {
    let content = format!("{BANNER}{HEADING}{}2021-03-15 09:06", papercut(5, "aa"));
    let name = "papercut-print-log-2021-03-15.csv";
    let stand = Stand::new(PAPERCUT);
    stand.write(name, &content);
    let mut cursor = None;
    assert_eq!(stand.all(&mut cursor).await.len(), 1);
    let stand = Stand::at(PAPERCUT, || after(25 * 3600));
    stand.write(name, &content);
    let read = stand.read(None).await.unwrap();
    assert_eq!((read.records.len(), read.more), (1, true));
    let failure = stand.failure(read.cursor.as_deref()).await;
    assert!(failure.contains("2021-03-15.csv, line 4: the file ends within this row"), "{failure}");
}

#[tokio::test]
async fn what_cannot_be_read_names_its_line_and_keeps_no_other_file_from_being_read() {
    let good = format!("{BANNER}{HEADING}{}", papercut(5, "good"));
    let cases: [(&[u8], &str); 4] = [
        (b"1,2,3\r\n", "the row has 3 cells, and the heading has 14"),
        (b"a,b\0,,,,,,,,,,,,\r\n", "NUL"),
        (b"a\x81,,,,,,,,,,,,,\r\n", "0x81"),
        (b"a\0", "NUL"),
    ];
    for (bytes, why) in cases {
        let stand = Stand::new(PAPERCUT);
        stand.write("papercut-print-log-1.csv", [good.as_bytes(), bytes].concat());
        stand.write("papercut-print-log-2.csv", &good);
        let read = stand.read(None).await.unwrap();
        assert_eq!(column(&read.records, "line"), ["3", "3"]);
        assert!(read.more);
        let failure = stand.failure(read.cursor.as_deref()).await;
        assert!(failure.contains("papercut-print-log-1.csv, line 4: ") && failure.contains(why), "{failure}");
        // Repaired, it is read from where it was.
        stand.write("papercut-print-log-1.csv", format!("{good}{}", papercut(6, "mended")));
        let mut cursor = read.cursor;
        assert_eq!(column(&stand.all(&mut cursor).await, "User"), ["mended"]);
    }
}

#[tokio::test]
async fn an_enormous_file_is_read_in_parts() {
    let stand = Stand::new("pattern = \"*.csv\"\ngrowing = true");
    let long = "x".repeat(1_000);
    let mut content = "id;text\n".to_owned();
    for id in 0..12_345 {
        content.push_str(&format!("{id};{long}\n"));
    }
    stand.write("a.csv", content);
    let (mut cursor, mut ids, mut reads) = (None, Vec::new(), 0);
    loop {
        let read = stand.read(cursor.as_deref()).await.unwrap();
        assert!(read.records.len() <= 5_000);
        ids.extend(column(&read.records, "id"));
        (cursor, reads) = (read.cursor, reads + 1);
        if !read.more {
            break;
        }
    }
    assert_eq!(ids, (0..12_345).map(|id| id.to_string()).collect::<Vec<_>>());
    assert!(reads >= 3);
    // A quote that is opened by mistake takes all that follows.
    stand.append("a.csv", format!("12345;\"{}\n", format!("{long}\n").repeat(1_100)));
    let failure = stand.failure(cursor.as_deref()).await;
    assert!(failure.contains("line 12347: the row has more than a megabyte"), "{failure}");
}

#[tokio::test]
async fn utf_16_is_read_on_where_it_was() {
    let encode = |text: &str, le: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if le { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect()
    };
    for le in [true, false] {
        let stand = Stand::new("pattern = \"*.txt\"\ngrowing = true");
        stand.write("a.txt", encode("\u{feff}id\ttext\r\n1\tå😀\r\n2\t\"b\r\nb\"\r\n3\tc", le));
        let mut cursor = None;
        let first = stand.all(&mut cursor).await;
        assert_eq!(column(&first, "text"), ["å😀", "b\r\nb"]);
        assert_eq!(column(&first, "line"), ["2", "3"]);
        stand.append("a.txt", encode("d\r\n", le));
        let second = stand.all(&mut cursor).await;
        assert_eq!((column(&second, "text"), column(&second, "line")), (vec!["cd".into()], vec!["5".into()]));
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_right_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (rest, why) in [
        ("pattern = \"*\"\ngrowing = true\nsnapshot = true", "exclude each other"),
        ("pattern = \"*\"\ngrowing = true\nform = \"xlsx\"", "leave `growing` out"),
        ("pattern = \"a/*.csv\"", "file's name"),
        ("pattern = \"*\"\nheader = []", "names no column"),
    ] {
        let failure = open(directory.path(), rest, a_minute_later).err().unwrap();
        assert!(matches!(&failure, Failure::Refused(text) if text.contains(why)), "{failure}");
    }
    let gone = open(&directory.path().join("gone"), "pattern = \"*\"", a_minute_later).unwrap();
    let failure = gone.read(Instant::default(), None).await.unwrap_err();
    assert!(matches!(&failure, Failure::Away(text) if text.contains("cannot be listed")), "{failure}");
    let stand = Stand::new("pattern = \"*\"");
    assert!(stand.failure(Some("seven")).await.contains("cannot be understood"));
}
