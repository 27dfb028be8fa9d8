//! Files for a mapping of the catalogue that are no CSV, and files all of whose rows are wrong.

use super::attack::{Attack, Request};
use super::form::pick;
use crate::random::Random;

const HEADING: [&str; 7] = ["Tid", "Skrivare", "Jobb", "Ansvar", "Sidor", "Gråskala", "Användare"];

fn row(random: &mut Random) -> Vec<String> {
    let day = random.between(1, 31);
    let job = random.below(1_000_000);
    let pages = random.between(1, 99);
    [
        &format!("2021-03-{day:02} 09:00"),
        "prt01",
        &job.to_string(),
        "110200",
        &pages.to_string(),
        "GRAYSCALE",
        "",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn rows(random: &mut Random) -> Vec<Vec<String>> {
    (0..random.between(1, 30)).map(|_| row(random)).collect()
}

/// A file of right rows, if nothing is done to it.
fn text(random: &mut Random, heading: &[&str], rows: &[Vec<String>]) -> String {
    let delimiter = pick(random, &[";", ",", "\t"]);
    let end = pick(random, &["\n", "\r\n"]);
    let lines = std::iter::once(heading.join(delimiter)).chain(rows.iter().map(|row| row.join(delimiter)));
    lines.map(|line| line + end).collect()
}

fn file(query: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new(format!("POST /v1/events{query}")).header("content-type", "text/csv").body(body)
}

const PAPERCUT: &str = "?mapping=papercut";

/// A file that is refused whole.
pub(super) fn broken(random: &mut Random) -> Attack {
    let mut rows = rows(random);
    let (at, column) = (random.below(rows.len()), random.below(HEADING.len()));
    let mut heading = HEADING.to_vec();
    let mut query = PAPERCUT;
    let way = random.below(10);
    match way {
        0 => rows[at].truncate(column),
        1 => rows[at].extend(vec!["x".to_owned(); column + 1]),
        // A quote that is opened and never closed takes the rest of the file for one cell.
        2 => rows[at][column].insert(0, '"'),
        3 => rows[at][column].push('\0'),
        4 => heading[random.below(6)] = pick(random, &["Konto", "", "\"", "Tid2"]),
        5 => {
            query = pick(
                random,
                &["", "?mapping=", "?mapping=../papercut", "?mapping=papercut%00", "?mapping=%70apercut"],
            )
        }
        _ => {}
    }
    // A row without a cell is a blank line, which is none.
    if rows[at].is_empty() {
        rows[at].push("x".to_owned());
    }
    let text = text(random, &heading, &rows);
    let body = match way {
        6 => text.replace([';', ',', '\t'], pick(random, &["|", ":", " ", "\u{1f}"])).into_bytes(),
        7 => text.encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect(),
        8 => windows_1252(&text),
        9 => pick(random, &["", "\n\n", "\u{feff}", "\"", "PK\u{3}\u{4}", "{}", "\0", "<html>"]).into(),
        _ => text.into_bytes(),
    };
    file(query, body).allow(&[400])
}

/// As an old Excel saves it: Windows-1252, which has `å` as one byte.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect()
}

/// A file that can be read, each of whose rows is refused.
pub(super) fn wrong_rows(random: &mut Random) -> Attack {
    if random.below(40) == 0 {
        let many = vec![row(random); 10_001];
        return file(PAPERCUT, text(random, &HEADING, &many)).allow(&[413]);
    }
    let mut rows = rows(random);
    for row in &mut rows {
        let (column, values): (usize, &[&str]) = match random.below(5) {
            0 => (
                0,
                &["15/3 2021", "", "2021-03-28 02:30", "2021-02-30", "9999-01-01", "=NOW()", "1e9", "44270"],
            ),
            1 => (1, &["prt 01", "", "prt01\u{1}", "skrivare på plan 3", "namn@example.org", "192.0.2.1"]),
            2 => (3, &["", "=cmd|'/C calc'!A0", "11-02", "ansvar", "1102001102001102001102", "@SUM(A1)"]),
            3 => (4, &["", "1e99", "1.234.5", "=1+1", "NaN", "1000000000000001", "0.0000001", "0x10", "ett"]),
            _ => (5, &["", "BLÅ", "grayscale", "=GRAYSCALE", "GRAYSCALE\u{1}"]),
        };
        row[column] = pick(random, values).to_owned();
    }
    let count = rows.len();
    file(PAPERCUT, text(random, &HEADING, &rows)).allow(&[202]).refusing(count)
}
