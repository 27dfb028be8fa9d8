//! Workbooks as people keep registers in them.

use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{Stand, column};

fn write(stand: &Stand, name: &str, fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Läs mig").unwrap().write(0, 0, "Register över skärmar").unwrap();
    let sheet = book.add_worksheet().set_name("Skärmar").unwrap();
    fill(sheet);
    book.save(stand.path(name)).unwrap();
}

const REGISTER: &str = "pattern = \"*.xlsx\"\nsheet = \"Skärmar\"\nskip_lines = 1\n";

#[tokio::test]
async fn cells_are_given_as_the_sheet_shows_them() {
    let stand = Stand::new(&format!("{REGISTER}snapshot = true"));
    write(&stand, "a.xlsx", |sheet| {
        let day = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write(0, 0, "Skärmar 2021").unwrap();
        sheet.write_row(2, 1, ["objekt_id", "antal", "from", "aktiv", ""]).unwrap();
        sheet.write(3, 1, " s-1 ").unwrap();
        sheet.write(3, 2, 0.1 + 0.2).unwrap();
        let from = ExcelDateTime::from_ymd(2021, 3, 15).unwrap();
        sheet.write_with_format(3, 3, &from, &day).unwrap();
        sheet.write(3, 4, true).unwrap();
        sheet.write(3, 5, "has no column").unwrap();
        sheet.write(6, 1, 441_001).unwrap();
        sheet.write(6, 2, Formula::new("=1+1").set_result("2")).unwrap();
    });
    let records = stand.read(None).await.unwrap().records;
    assert_eq!(column(&records, "objekt_id"), ["s-1", "441001"]);
    assert_eq!(column(&records, "antal"), ["0.3", "2"]);
    assert_eq!(column(&records, "from"), ["2021-03-15 00:00:00", ""]);
    assert_eq!(column(&records, "aktiv"), ["true", ""]);
    assert_eq!(column(&records, "line"), ["4", "7"]);
    assert_eq!(records[0].len(), 7);
}

#[tokio::test]
async fn a_workbook_that_is_dropped_is_read_in_parts_and_moved() {
    let stand = Stand::new(REGISTER);
    write(&stand, "a.xlsx", |sheet| {
        sheet.write(1, 0, "id").unwrap();
        for row in 0..5_001 {
            sheet.write(row + 2, 0, row).unwrap();
        }
    });
    let first = stand.read(None).await.unwrap();
    assert_eq!((first.records.len(), first.more), (5_000, true));
    let cursor = first.cursor.unwrap();
    stand.source.delivered(&cursor).await.unwrap();
    assert!(stand.path("a.xlsx").exists());
    let second = stand.read(Some(&cursor)).await.unwrap();
    assert_eq!((column(&second.records, "id"), second.more), (vec!["5000".to_owned()], false));
    stand.source.delivered(&second.cursor.unwrap()).await.unwrap();
    assert!(stand.path("klara/a.xlsx").exists());
}

#[tokio::test]
async fn a_workbook_that_cannot_be_right_is_a_failure() {
    let stand = Stand::new(REGISTER);
    stand.write("a.xlsx", "id;n\n1;2\n");
    assert!(stand.failure(None).await.contains("a.xlsx: it cannot be read as XLSX"));
    write(&stand, "a.xlsx", |sheet| {
        sheet.write(1, 0, "id").unwrap();
        sheet.write(2, 0, 1).unwrap();
        sheet.write(3, 0, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    });
    let read = stand.read(None).await.unwrap();
    assert_eq!((read.records.len(), read.more), (1, true));
    assert!(
        stand
            .failure(read.cursor.as_deref())
            .await
            .contains("a.xlsx, line 4: cell 1 of the row holds the error #DIV/0!")
    );
    write(&stand, "a.xlsx", |_| {});
    assert!(stand.failure(None).await.contains("no heading"));
    let other = Stand::new("pattern = \"*.xlsx\"\nsheet = \"Blad1\"");
    write(&other, "a.xlsx", |_| {});
    assert!(other.failure(None).await.contains("no sheet \"Blad1\"; it has: Läs mig, Skärmar"));
    let growing = Stand::new("pattern = \"*.xlsx\"\ngrowing = true");
    write(&growing, "a.xlsx", |_| {});
    assert!(growing.failure(None).await.contains("XLSX does not grow"));
}

/// Changes a part of a workbook.
fn change(stand: &Stand, name: &str, part: &str, change: impl Fn(&str) -> String) {
    let mut archive = ZipArchive::new(Cursor::new(std::fs::read(stand.path(name)).unwrap())).unwrap();
    let mut changed = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let (own, mut text) = (file.name().unwrap().into_owned(), String::new());
        file.read_to_string(&mut text).unwrap();
        changed.start_file(own.as_str(), SimpleFileOptions::default()).unwrap();
        let text = if own == part { change(&text) } else { text };
        changed.write_all(text.as_bytes()).unwrap();
    }
    stand.write(name, changed.finish().unwrap().into_inner());
}

#[tokio::test]
async fn a_small_workbook_that_would_take_all_memory_is_a_failure() {
    let stand = Stand::new(REGISTER);
    let texts = "xl/sharedStrings.xml";
    let fill = |sheet: &mut rust_xlsxwriter::Worksheet| {
        sheet.write(1, 0, "id").unwrap();
        sheet.write(2, 0, "s-1").unwrap();
    };
    // As it is but for its packing, it can be read.
    write(&stand, "a.xlsx", fill);
    change(&stand, "a.xlsx", texts, str::to_owned);
    assert_eq!(column(&stand.read(None).await.unwrap().records, "id"), ["s-1"]);

    let count = |count: &str| {
        let said = format!("uniqueCount=\"{count}\"");
        move |text: &str| {
            assert!(text.contains("uniqueCount=\"3\""), "{text}");
            text.replace("uniqueCount=\"3\"", &said)
        }
    };
    for said in ["400000000000", "100000", "99999999999999999999999", "many"] {
        write(&stand, "a.xlsx", fill);
        change(&stand, "a.xlsx", texts, count(said));
        let failure = stand.failure(None).await;
        assert!(failure.contains(&format!("a.xlsx: it says that it has \"{said}\" texts")), "{failure}");
    }

    let pad = |bytes: usize| move |text: &str| format!("{text}{}", " ".repeat(bytes));
    for (part, bytes) in
        [(texts, 64 << 20), ("xl/styles.xml", 16 << 20), ("xl/worksheets/sheet1.xml", 256 << 20)]
    {
        write(&stand, "a.xlsx", fill);
        change(&stand, "a.xlsx", part, pad(bytes));
        assert!(stand.path("a.xlsx").metadata().unwrap().len() < 1 << 20);
        let failure = stand.failure(None).await;
        let name = part.to_lowercase();
        assert!(failure.contains(&format!("its part {name} unpacks to more than")), "{failure}");
    }
}

#[tokio::test]
async fn a_text_that_many_cells_share_is_counted_for_each_of_them() {
    let stand = Stand::new(REGISTER);
    let fill = |rows: u32| {
        move |sheet: &mut rust_xlsxwriter::Worksheet| {
            sheet.write(1, 0, "id").unwrap();
            for row in 0..rows {
                sheet.write(row + 2, 0, "x".repeat(32_767)).unwrap();
            }
        }
    };
    write(&stand, "a.xlsx", fill(4_000));
    assert_eq!(stand.read(None).await.unwrap().records.len(), 4_000);
    write(&stand, "a.xlsx", fill(4_100));
    assert!(stand.path("a.xlsx").metadata().unwrap().len() < 1 << 20);
    let failure = stand.failure(None).await;
    assert!(failure.contains("the sheet has more than 134217728 bytes of text"), "{failure}");
}
