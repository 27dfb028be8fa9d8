//! A year as it goes: months are closed one after the other, and what comes too late, is taken back or moves is booked as
//! corrections on the terms of the month that it belongs to. Every close is checked against a reckoning of the test's own
//! (see [`reckoning`]); the special cases are worked out by hand below.

#[path = "scenario/books.rs"]
mod books;
#[path = "scenario/catalogue.rs"]
mod catalogue;
#[path = "scenario/events.rs"]
mod events;
#[path = "scenario/explained.rs"]
mod explained;
#[path = "scenario/reckoning.rs"]
mod reckoning;

use serde_json::json;

use crate::program::Program;
use books::Books;
use events::{HOURS, MONITORED, ROBOT_MINUTES, Sent, TABLETS, Usage, date, observed, used, usual};

/// The lines are as worked out by hand: quantity, unit price, gross, joint, net, surcharge.
fn by_hand(books: &Books<'_>, lines: &[(&str, [&str; 6])]) {
    for (id, want) in lines {
        assert_eq!(books.line(id), *want, "{id}");
    }
}

/// January to May, with a price, agreements, gaps and joint financing as they should be.
fn spring(books: &mut Books<'_>) {
    books.send(usual("2021-01"));
    books.close("2021-01", &json!({}));

    // The snapshot of 13 February never comes. The one of the 9th is carried to the 12th; four days are missing.
    let missing = date("2021-02-13");
    books.send(usual("2021-02").into_iter().filter(|sent| !sent.is_of(&MONITORED, missing)));
    // In a row, so told once.
    assert_eq!(books.refused("2021-02"), ["gaps overvakning object"]);
    books.close("2021-02", &json!({"accept": {"gaps": "Zabbix stod stilla 13–16 februari"}}));
    // 24 of 28 days: 0.857143 × 38.00 = 32.571434.
    let id = "2021-02.LEJON.B0100.overvakning.object.-";
    assert_eq!(books.line(id)[..5], ["0.857143", "38.00", "32.57", "0.00", "32.57"]);

    // Half past midnight on 1 April in Sweden is still 31 March in UTC.
    let border =
        Usage { time: Some("2021-03-31T22:30:00Z"), ..used("border", &HOURS, "441001", "2021-04-01", 10) };
    let taken_back = used("taken back", &HOURS, "110200", "2021-03-10", 200);
    let march = [Sent::Usage(border), Sent::Usage(taken_back)];
    let march: Vec<Sent> = usual("2021-03").into_iter().chain(march).collect();
    books.send(march.clone());
    // The sender saw no answer and sends it all again.
    books.send(march);
    books.close("2021-03", &json!({}));
    // One agreement all of March and one for 15 of its 31 days: 1 + 15/31 = 1.483871; × 3500 = 5193.5485. The 16 days that
    // follow are SOF's: 0.516129 × 3500 = 1806.4515.
    let id = "2021-03.KLF.110200.driftavtal.agreement.bas";
    assert_eq!(books.line(id)[..5], ["1.483871", "3500.00", "5193.55", "0.00", "5193.55"]);
    let id = "2021-03.SOF.520310.driftavtal.agreement.bas";
    assert_eq!(books.line(id)[..5], ["0.516129", "3500.00", "1806.45", "0.00", "1806.45"]);

    books.send(usual("2021-04"));
    books.send([Sent::Usage(used("moved", &HOURS, "110200", "2021-04-20", 250))]);
    books.close("2021-04", &json!({}));
    // Monitoring is financed jointly from April to June: before and after it bears 3 % of 38.00, 1.14; then nothing. The
    // robots' central costs are under development, without surcharge, and half joint until June.
    let central = ["1", "42000.00", "42000.00", "21000.00", "21000.00", "0.00"];
    by_hand(
        books,
        &[
            ("2021-03.LEJON.B0100.overvakning.object.-", ["1", "38.00", "38.00", "0.00", "38.00", "1.14"]),
            ("2021-04.LEJON.B0100.overvakning.object.-", ["1", "38.00", "38.00", "38.00", "0.00", "0.00"]),
            ("2021-04.KLF.110300.rpa-tjanst.central.-", central),
        ],
    );

    books.send(usual("2021-05"));
    books.close("2021-05", &json!({}));
    let none: [&str; 0] = [];
    for month in ["2021-02", "2021-03", "2021-04", "2021-05"] {
        assert_eq!(books.corrections(month), none, "nothing was late so far");
    }
}

/// June to August: what is late, moved and taken back.
fn summer(books: &mut Books<'_>) {
    // May is closed. Now 1,000 hours of March come, × 0.48 = 480.00, 3 % of it 14.40; and April's 250 hours turn out to be
    // UAF's, 300, and of May: −120.00 and −3.60 for KLF, 144.00 and 4.32 for UAF.
    let moved = used("moved", &HOURS, "441001", "2021-05-20", 300);
    books.send([
        Sent::Usage(used("late in March", &HOURS, "110200", "2021-03-17", 1000)),
        Sent::Usage(Usage { seq: 1, ..moved }),
    ]);
    books.send(usual("2021-06"));
    books.close("2021-06", &json!({}));
    let june = [
        (
            "2021-06.2021-03.KLF.110200.e-moten.participant_hour.-",
            ["1000", "0.48", "480.00", "0.00", "480.00", "14.40"],
        ),
        (
            "2021-06.2021-04.KLF.110200.e-moten.participant_hour.-",
            ["-250", "0.48", "-120.00", "0.00", "-120.00", "-3.60"],
        ),
        (
            "2021-06.2021-05.UAF.441001.e-moten.participant_hour.-",
            ["300", "0.48", "144.00", "0.00", "144.00", "4.32"],
        ),
    ];
    by_hand(books, &june);
    assert_eq!(books.corrections("2021-06"), june.map(|(id, _)| id));

    // In July, when a tablet costs 50.00 and monitoring is each customer's own again, a tablet is found that June's last
    // snapshot lacked: 29 and 30 June are 2/30 = 0.066667 × 48.00 = 3.20 more (32/30 = 1.066667 × 48.00 = 51.200016). And
    // a host of 29 to 31 May: 34/31 = 1.096774 × 38.00 = 41.677412, so 0.096774 and 3.68 more, all of it joint. Half of what
    // a robot ran in May is joint as well, 35.00 and 17.50, and bears no surcharge.
    books.send([
        Sent::Usage(observed(&TABLETS, "dev:t9", "520310", date("2021-06-29"))),
        Sent::Usage(observed(&MONITORED, "host:o9", "B0100", date("2021-05-29"))),
        Sent::Usage(used("late run", &ROBOT_MINUTES, "110300", "2021-05-31", 100)),
        Sent::Usage(used("a company's", &HOURS, "B0100", "2021-07-05", 100)),
    ]);
    books.send(usual("2021-07"));
    books.close("2021-07", &json!({}));
    let tablet = "2021-07.2021-06.SOF.520310.pekplatta.device.-";
    let host = "2021-07.2021-05.LEJON.B0100.overvakning.object.-";
    let robot = "2021-07.2021-05.KLF.110300.rpa-tjanst.robot_minute.-";
    assert_eq!(books.corrections("2021-07"), [robot, host, tablet]);
    assert_eq!(books.line(robot), ["100", "0.35", "35.00", "17.50", "17.50", "0.00"]);
    assert_eq!(books.line(host), ["0.096774", "38.00", "3.68", "3.68", "0.00", "0.00"]);
    assert_eq!(books.line(tablet)[..5], ["0.066667", "48.00", "3.20", "0.00", "3.20"]);
    let own = [
        ("2021-06.UAF.441001.pekplatta.device.-", ["1", "48.00", "48.00", "0.00", "48.00", "1.44"]),
        ("2021-07.UAF.441001.pekplatta.device.-", ["1", "50.00", "50.00", "0.00", "50.00", "1.50"]),
        ("2021-07.LEJON.B0100.overvakning.object.-", ["1", "38.00", "38.00", "0.00", "38.00", "1.14"]),
        (
            "2021-07.KLF.110300.rpa-tjanst.central.-",
            ["1", "42000.00", "42000.00", "42000.00", "0.00", "0.00"],
        ),
    ];
    by_hand(books, &own);

    // July is closed. In August 200 hours of March are taken back, −96.00 and −2.88; the same event once more, as it was,
    // comes too late to matter.
    let taken_back = used("taken back", &HOURS, "110200", "2021-03-10", 200);
    books.send([
        Sent::Usage(Usage { seq: 1, retracted: true, ..taken_back.clone() }),
        Sent::Usage(taken_back),
    ]);
    books.send(usual("2021-08"));
    books.close("2021-08", &json!({}));
    let august = [(
        "2021-08.2021-03.KLF.110200.e-moten.participant_hour.-",
        ["-200", "0.48", "-96.00", "0.00", "-96.00", "-2.88"],
    )];
    by_hand(books, &august);
    assert_eq!(books.corrections("2021-08"), august.map(|(id, _)| id));
}

/// September to December: others pay, but not for what was used before.
fn autumn(books: &mut Books<'_>) {
    // 100 hours of 31 August at the cost centre that SOF has taken over since are KLF's: 48.00 and 1.44. The company's 100
    // hours of July turn out to be 110 of KLF's, of September: a credit of 48.00 and 1.44.
    books.send([
        Sent::Usage(used("late in August", &HOURS, "110300", "2021-08-31", 100)),
        Sent::Usage(Usage { seq: 7, ..used("a company's", &HOURS, "110200", "2021-09-06", 110) }),
    ]);
    books.send(usual("2021-09"));
    books.close("2021-09", &json!({}));
    let september = [
        (
            "2021-09.2021-07.LEJON.B0100.e-moten.participant_hour.-",
            ["-100", "0.48", "-48.00", "0.00", "-48.00", "-1.44"],
        ),
        (
            "2021-09.2021-08.KLF.110300.e-moten.participant_hour.-",
            ["100", "0.48", "48.00", "0.00", "48.00", "1.44"],
        ),
    ];
    by_hand(books, &september);
    assert_eq!(books.corrections("2021-09"), september.map(|(id, _)| id));
    // 3 % of 78000.00 for the e-service platform, which the cost centre's new owner pays for as well.
    let platform = ["1", "78000.00", "78000.00", "0.00", "78000.00", "2340.00"];
    by_hand(
        books,
        &[
            ("2021-08.KLF.110300.e-tjansteplattform-drift.agreement.-", platform),
            ("2021-09.SOF.110300.e-tjansteplattform-drift.agreement.-", platform),
        ],
    );

    books.send(usual("2021-10"));
    books.close("2021-10", &json!({}));
    // The school's tablet is UAF's for 15 days and KLF's for 16: 0.483871 × 50.00 = 24.19355, 0.516129 × 50.00 = 25.80645.
    let id = "2021-10.UAF.441004.pekplatta.device.-";
    assert_eq!(books.line(id)[..5], ["0.483871", "50.00", "24.19", "0.00", "24.19"]);
    let id = "2021-10.KLF.441004.pekplatta.device.-";
    assert_eq!(books.line(id)[..5], ["0.516129", "50.00", "25.81", "0.00", "25.81"]);

    // A tablet that October's snapshot of the 5th had was not there. The snapshot stays complete, and four of 31 days fall
    // away: 27/31 = 0.870968 × 50.00 = 43.5484, so −0.129032 and −6.45.
    let gone = observed(&TABLETS, "dev:t1", "441001", date("2021-10-05"));
    books.send([Sent::Usage(Usage { seq: 1, retracted: true, ..gone })]);
    books.send(usual("2021-11"));
    books.close("2021-11", &json!({}));
    let id = "2021-11.2021-10.UAF.441001.pekplatta.device.-";
    assert_eq!(books.corrections("2021-11"), [id]);
    assert_eq!(books.line(id)[..5], ["-0.129032", "50.00", "-6.45", "0.00", "-6.45"]);

    books.send(usual("2021-12"));
    books.close("2021-12", &json!({}));
}

/// January and February: another rate, but not for what was used before.
fn turn_of_the_year(books: &mut Books<'_>) {
    // 1,000 hours of December, 480.00, bear December's 3 %, 14.40, in January when 3.48 % would be 16.70.
    books.send([Sent::Usage(used("late in December", &HOURS, "441001", "2021-12-31", 1000))]);
    books.send(usual("2022-01"));
    books.close("2022-01", &json!({}));
    // A tablet's 50.00: 1.50 in December, 1.74 in January.
    let january = [
        (
            "2022-01.2021-12.UAF.441001.e-moten.participant_hour.-",
            ["1000", "0.48", "480.00", "0.00", "480.00", "14.40"],
        ),
        ("2021-12.UAF.441001.pekplatta.device.-", ["1", "50.00", "50.00", "0.00", "50.00", "1.50"]),
        ("2022-01.UAF.441001.pekplatta.device.-", ["1", "50.00", "50.00", "0.00", "50.00", "1.74"]),
    ];
    by_hand(books, &january);
    assert_eq!(books.corrections("2022-01"), [january[0].0]);

    // 1,250 hours of January, 600.00, bear 3.48 %: 20.88. And March once more, eleven months later: the 1,000 hours were
    // 1,100.
    books.send([
        Sent::Usage(used("late in January", &HOURS, "110200", "2022-01-31", 1250)),
        Sent::Usage(Usage { seq: 1, ..used("late in March", &HOURS, "110200", "2021-03-17", 1100) }),
    ]);
    books.send(usual("2022-02"));
    books.close("2022-02", &json!({}));
    let february = [
        (
            "2022-02.2021-03.KLF.110200.e-moten.participant_hour.-",
            ["100", "0.48", "48.00", "0.00", "48.00", "1.44"],
        ),
        (
            "2022-02.2022-01.KLF.110200.e-moten.participant_hour.-",
            ["1250", "0.48", "600.00", "0.00", "600.00", "20.88"],
        ),
    ];
    by_hand(books, &february);
    assert_eq!(books.corrections("2022-02"), february.map(|(id, _)| id));
}

#[test]
fn a_year_of_closes_and_corrections_comes_to_a_fresh_reckoning_of_every_month() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("katalog");
    catalogue::write(&directory);
    let program = Program::start(&format!("catalog = {:?}\n", directory.to_str().unwrap()));
    let mut books = Books::new(&program);
    spring(&mut books);
    summer(&mut books);
    // The reorganisation is decided when August is closed, and cannot reach back into it.
    catalogue::reorganise(&directory, "2021-08-31");
    let (status, refused) = program.post("/v1/catalogue", &catalogue::files(&directory));
    assert_eq!((status, refused["code"].as_str()), (422, Some("changes_closed_month")), "{refused}");
    catalogue::write(&directory);
    catalogue::reorganise(&directory, "2021-09-01");
    let changes = program.command(&["catalog", "apply", directory.to_str().unwrap()]);
    assert!(changes.contains("110300") && changes.contains("441004"), "{changes}");
    books.no_closed_month_changed();
    autumn(&mut books);
    turn_of_the_year(&mut books);
    books.no_closed_month_changed();
    books.every_month_is_a_fresh_reckoning();
    let told = program.command(&["explain", "2021-08.2021-03.KLF.110200.e-moten.participant_hour.-"]);
    for said in ["2021-03", "FIKTIV-2019-017", "ΔG = G(", " = -96.00 kr"] {
        assert!(told.contains(said), "{said} is not in\n{told}");
    }
    let audit = program.command(&["audit", "verify"]);
    assert!(audit.contains(" 0 wrong;"), "{audit}");
}
