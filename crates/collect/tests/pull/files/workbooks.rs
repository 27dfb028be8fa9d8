//! Workbooks as people keep registers in them.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

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
