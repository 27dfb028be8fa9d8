//! Files that are dropped as a whole, and registers.

use collect::pull::source::{Failure, Nature};
use domain::Instant;

use super::{Stand, after, column};

const DROPPED: &str = "pattern = \"*.csv\"";

/// As Excel saves it in Sweden.
const SWEDISH: &str = "\u{feff}Objekt_ID;Tjänst;Ansvar; Antal ;\r\n4711;skärm;110200; 1 234,50 ;\r\n;;;;\r\n4712;\"a;b\";441001;1;\r\n";

#[tokio::test]
async fn both_dialects_are_read_and_cells_are_left_as_they_are() {
    let stand = Stand::new(DROPPED);
    stand.write("a.csv", SWEDISH);
    // Without a mark, in Windows-1252, with commas, and without the end of the last line.
    stand.write("b.CSV", b"Objekt_ID,Tj\xe4nst,Ansvar,Antal\n4713,\"\xd6l, r\xf6tt\",110200,\"1,5\"");
    let records = stand.all(&mut None).await;
    assert_eq!(column(&records, "Objekt_ID"), ["4711", "4712", "4713"]);
    assert_eq!(column(&records, "Tjänst"), ["skärm", "a;b", "Öl, rött"]);
    assert_eq!(column(&records, "Antal"), ["1 234,50", "1", "1,5"]);
    assert_eq!(column(&records, "line"), ["2", "4", "2"]);
    assert_eq!(
        records[0].keys().collect::<Vec<_>>(),
        ["Ansvar", "Antal", "Objekt_ID", "Tjänst", "file", "hash", "line"]
    );
}

#[tokio::test]
async fn a_file_is_moved_when_its_records_are_durable_and_not_before() {
    let stand = Stand::new(DROPPED);
    stand.write("a.csv", SWEDISH);
    let first = stand.read(None).await.unwrap();
    assert!(stand.path("a.csv").exists());
    // A crash before the cursor was kept gives the same again.
    assert_eq!(stand.read(None).await.unwrap(), first);
    let cursor = first.cursor.unwrap();
    // A crash after it was kept gives nothing again, and the file is still there.
    assert_eq!(stand.read(Some(&cursor)).await.unwrap().records, []);
    for _ in 0..2 {
        stand.source.delivered(&cursor).await.unwrap();
        assert!(!stand.path("a.csv").exists());
        assert_eq!(std::fs::read_to_string(stand.path("klara/a.csv")).unwrap(), SWEDISH);
    }
    let gone = stand.read(Some(&cursor)).await.unwrap();
    assert_eq!((gone.records, gone.cursor.as_deref()), (vec![], Some(r#"{"files":{}}"#)));
    // The same again gives the same records, and stands beside the first.
    stand.write("a.csv", SWEDISH);
    let again = stand.read(gone.cursor.as_deref()).await.unwrap();
    assert_eq!(again.records, first.records);
    stand.source.delivered(&again.cursor.unwrap()).await.unwrap();
    assert!(stand.path("klara/a.2.csv").exists());
}

#[tokio::test]
async fn a_file_that_was_replaced_before_it_was_moved_stays_and_is_read() {
    let stand = Stand::new(DROPPED);
    stand.write("a.csv", "id;n\n1;2\n");
    let cursor = stand.read(None).await.unwrap().cursor.unwrap();
    stand.write("a.csv", "id;n\n1;3\n");
    stand.source.delivered(&cursor).await.unwrap();
    assert_eq!(column(&stand.read(Some(&cursor)).await.unwrap().records, "n"), ["3"]);
}

#[tokio::test]
async fn a_correction_in_the_middle_of_a_file_is_another_file() {
    let stand = Stand::new(DROPPED);
    let lines = |corrected: u32| -> String {
        let rows = (0..4_000).map(|id| format!("{id:05};{}\n", u32::from(id == corrected)));
        format!("id;n\n{}", rows.collect::<String>())
    };
    stand.write("a.csv", lines(1_900));
    let mut cursor = None;
    assert_eq!(stand.all(&mut cursor).await.len(), 4_000);
    stand.write("a.csv", lines(2_000));
    stand.source.delivered(cursor.as_deref().unwrap()).await.unwrap();
    assert!(stand.path("a.csv").exists());
    let numbers = column(&stand.all(&mut cursor).await, "n");
    assert_eq!(numbers.iter().position(|number| number == "1"), Some(2_000));
    stand.source.delivered(cursor.as_deref().unwrap()).await.unwrap();
    assert!(!stand.path("a.csv").exists());
}

#[tokio::test]
async fn a_file_is_left_alone_until_it_has_been_still() {
    let stand = Stand::at(DROPPED, || after(0));
    stand.write("a.csv", "id;n\n1;2\n");
    assert_eq!(stand.read(None).await.unwrap().records, []);
    let stand = Stand::at("pattern = \"*.csv\"\nsettle_seconds = 0", || after(0));
    stand.write("a.csv", "id;n\n1;2\n");
    assert_eq!(stand.read(None).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn only_regular_files_right_in_the_folder_are_read() {
    let stand = Stand::new(DROPPED);
    let elsewhere = tempfile::tempdir().unwrap();
    let secret = elsewhere.path().join("secret.csv");
    std::fs::write(&secret, "id;n\n1;2\n").unwrap();
    std::os::unix::fs::symlink(&secret, stand.path("link.csv")).unwrap();
    std::fs::create_dir(stand.path("folder.csv")).unwrap();
    std::fs::write(stand.path("folder.csv/a.csv"), "id;n\n1;2\n").unwrap();
    stand.write("a.csv.part", "id;n\n1;2\n");
    assert_eq!(stand.read(None).await.unwrap().records, []);
}

#[tokio::test]
async fn a_file_that_cannot_be_right_is_a_failure_and_stays() {
    for (content, why) in [
        ("", "line 1: the file has no heading"),
        ("id;n\n1;\"2\n3;4\n", "line 2: a quote that is opened in this row is never closed"),
        ("id;n;id\n1;2;3\n", "line 1: two columns are named \"id\""),
        ("id;line\n1;2\n", "a column is named \"line\""),
        ("id;n\n\n\n1;2;3\n", "line 4: the row has 3 cells, and the heading has 2"),
        (";;\n1;2;3\n", "names no column"),
    ] {
        let stand = Stand::new(DROPPED);
        stand.write("a.csv", content);
        let failure = stand.failure(None).await;
        assert!(failure.contains("a.csv, ") && failure.contains(why), "{failure}");
        assert!(stand.path("a.csv").exists());
    }
    let stand = Stand::new("pattern = \"*.csv\"\ndrop = [\"namn\"]");
    stand.write("a.csv", "id;Namn\n1;x\n");
    assert!(stand.failure(None).await.contains("no column \"namn\" to leave out; there are id, Namn"));
    let stand = Stand::new("pattern = \"*.csv\"\nencoding = \"utf-8\"");
    stand.write("a.csv", b"id;n\n1;\xe5\n");
    assert!(stand.failure(None).await.contains("line 2: the row is not UTF-8"));
}

#[tokio::test]
async fn files_without_a_heading_are_given_one() {
    let stand = Stand::new(
        "pattern = \"*.cdr\"\nskip_lines = 2\nheader = [\"start\", \"\", \"seconds\"]\ndelimiter = \",\"\nencoding = \"windows-1252\"",
    );
    stand.write("a.cdr", b"; ;\n;;\n2021-03-15 09:00;\xc3\xa5,555,61\n\"b\",556,62\n");
    let records = stand.all(&mut None).await;
    assert_eq!(column(&records, "start"), ["2021-03-15 09:00;Ã¥", "b"]);
    assert_eq!(column(&records, "seconds"), ["61", "62"]);
    assert_eq!(column(&records, "line"), ["3", "4"]);
    assert_eq!(records[0].len(), 5);
}

#[tokio::test]
async fn a_register_is_the_file_that_was_changed_last() {
    let stand = Stand::new("pattern = \"kort-*.csv\"\nsnapshot = true");
    assert_eq!(stand.source.nature(), Nature::Snapshot);
    assert!(stand.failure(None).await.contains("no file of"));
    let lines = |from: u32, to: u32| {
        let rows: String = (from..to).map(|id| format!("{id};110200\n")).collect();
        format!("kort;ansvar\n{rows}")
    };
    stand.write("kort-2.csv", lines(0, 12_000));
    stand.write("kort-1.csv", lines(5, 8));
    let set = |name: &str, micros: i64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_micros(micros.unsigned_abs());
        std::fs::File::open(stand.path(name)).unwrap().set_modified(time).unwrap();
    };
    let noon = Instant::parse_rfc3339("2021-03-15T12:00:00+01:00").unwrap().micros();
    set("kort-2.csv", noon);
    set("kort-1.csv", noon + 1_000_000);
    let read = stand.read(None).await.unwrap();
    assert_eq!(
        (column(&read.records, "kort"), &read.cursor, read.more),
        (["5", "6", "7"].map(String::from).to_vec(), &None, false)
    );
    set("kort-1.csv", noon - 1_000_000);
    assert_eq!(stand.read(None).await.unwrap().records.len(), 12_000);
    // A row that cannot be read leaves no part of a register.
    stand.append("kort-2.csv", "x\n");
    assert!(stand.failure(None).await.contains("line 12002: the row has 1 cells"));
    stand.write("kort-2.csv", lines(0, 100_001));
    assert!(stand.failure(None).await.contains("more than 100000 rows"));
    // What Excel writes while somebody has a register open.
    let stand = Stand::new("pattern = \"*.csv\"\nsnapshot = true");
    stand.write("a.csv", lines(0, 3));
    stand.write("~$a.csv", "\u{4}Anna");
    std::fs::File::open(stand.path("~$a.csv"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(9_000_000_000))
        .unwrap();
    assert_eq!(stand.read(None).await.unwrap().records.len(), 3);
    let stand = Stand::at("pattern = \"*.csv\"\nsnapshot = true", || after(0));
    stand.write("a.csv", lines(0, 1));
    assert!(matches!(stand.read(None).await, Err(Failure::Away(why)) if why.contains("still for 30 s")));
}
