//! Reports in PDF, asked of the program and judged by veraPDF.

use serde_json::json;

use super::month_end::generated;
use super::pdf;
use crate::program::Program;

#[test]
fn the_reports_of_a_month_and_a_year_are_what_their_standards_ask() {
    let program = Program::embedded();
    let (timely, late) = generated(program.directory()).swap_remove(0);
    program.accept(&timely);
    let file = |name: &str| program.directory().join(name);
    let at = |name: &str| file(name).to_str().unwrap().to_owned();
    let open = at("open.pdf");
    program.command(&["export", "2021-01", "--preliminary", "--format", "report", "--out", &open]);
    let (status, answer) = program.post("/v1/months/2021-01/close", &json!({"accept": {"gaps": "övning"}}));
    assert_eq!(status, 200, "{answer}");
    let (closed, year) = (at("closed.pdf"), at("2021.pdf"));
    program.command(&["export", "2021-01", "--format", "report", "--out", &closed]);
    program.command(&["report", "2021", "--pdf", &year]);
    for name in ["open.pdf", "closed.pdf", "2021.pdf"] {
        pdf::check(&file(name)).unwrap();
    }
    // What comes later changes nothing of a closed month's report.
    program.accept(&late);
    assert_eq!(program.bytes("/v1/exports/2021-01/report.pdf"), std::fs::read(closed).unwrap());
    // A PDF that is cut off is none.
    let whole = std::fs::read(year).unwrap();
    std::fs::write(file("cut.pdf"), &whole[..whole.len() / 2]).unwrap();
    pdf::check(&file("cut.pdf")).unwrap_err();
}
