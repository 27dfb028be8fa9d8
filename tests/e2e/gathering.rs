//! A month is gathered from the systems of the example configuration and billed: what is counted equals what the systems hold,
//! through outages, a kill and a restart, and what could not be gathered is a gap.

#[path = "gathering/accounts.rs"]
mod accounts;
#[path = "gathering/calls.rs"]
mod calls;
#[path = "gathering/checks.rs"]
mod checks;
#[path = "gathering/month.rs"]
mod month;
#[path = "gathering/reckoning.rs"]
mod reckoning;
#[path = "gathering/relay.rs"]
mod relay;
#[path = "../../crates/collect/tests/pull/server.rs"]
mod server;
#[path = "gathering/systems.rs"]
mod systems;
#[path = "gathering/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use crate::fixtures::write_catalogue;
use crate::program::Program;
use month::Month;
use reckoning::{Volumes, volumes};
use world::{END, NOBODY, World, at};

const SEED: u64 = 20_210_301;
/// The day on which there is no directory.
const ACCOUNTS_AWAY: u32 = 20;
/// The day on which the storage is away in the night.
const STORAGE_AWAY: u32 = 9;
/// The days on which the managed devices cannot be read.
const DEVICES_AWAY: [u32; 5] = [11, 12, 13, 14, 15];
/// The day on which the program is killed while it is sent devices.
const KILLED: u32 = 17;
/// From noon of this day until noon of the next no calls can be read.
const CALLS_AWAY: u32 = 23;

/// Of which day's accounts a day has the number.
fn konton_day(day: u32) -> Option<u32> {
    Some(if day == ACCOUNTS_AWAY { day - 1 } else { day })
}

/// Of which day's devices a day has the number: a missing day has that of the last one, at most three days on.
fn mdm_day(day: u32) -> Option<u32> {
    match day {
        11..=13 => Some(10),
        14 | 15 => None,
        day => Some(day),
    }
}

/// All turns of a day, in their order.
fn day(month: &mut Month, program: &mut Program, day: u32) {
    match day {
        ACCOUNTS_AWAY => month.accounts.go_away(),
        _ => {
            if day == ACCOUNTS_AWAY + 1 {
                month.accounts.come_back();
            }
            month.accounts.turn_to(day);
        }
    }
    let month = &*month;
    let gathers = |name: &str, hour: u32| {
        let said = month.collect(name, at(day, hour, 0)).unwrap();
        assert!(said.ends_with(" 0 avvisade\n"), "{said}");
    };
    let fails = |name: &str, hour: u32| {
        let said = month.collect(name, at(day, hour, 0)).unwrap_err();
        assert!(said.contains("was not gathered"), "{said}");
    };
    // The turn of two o'clock, an hour that the 28th does not have.
    if day == ACCOUNTS_AWAY {
        fails("konton", 3)
    } else {
        gathers("konton", 3)
    }

    month.systems.set_away("lagring", day == STORAGE_AWAY);
    if day == STORAGE_AWAY {
        fails("lagring", 3)
    } else {
        gathers("lagring", 3)
    }

    month.systems.set_away("mdm", DEVICES_AWAY.contains(&day));
    if DEVICES_AWAY.contains(&day) {
        fails("mdm", 4);
        fails("mdm", 22);
    } else if day == KILLED {
        is_killed_while_it_is_sent_devices(month, program);
    } else {
        gathers("mdm", 4);
    }

    gathers_or_fails(day, 6, &gathers, &fails);
    if day == STORAGE_AWAY {
        fails("lagring", 8);
        month.systems.set_away("lagring", false);
        gathers("lagring", 10);
    }
    month.systems.set_away("e-moten", day == CALLS_AWAY);
    for hour in [14, 22] {
        gathers_or_fails(day, hour, &gathers, &fails);
    }
}

/// The turn of the calls, which cannot be read for a day.
fn gathers_or_fails(day: u32, hour: u32, gathers: &impl Fn(&str, u32), fails: &impl Fn(&str, u32)) {
    let is_away = (at(CALLS_AWAY, 12, 0)..at(CALLS_AWAY + 1, 12, 0)).contains(&at(day, hour, 0));
    if is_away { fails("e-moten", hour) } else { gathers("e-moten", hour) }
}

/// The program takes the devices and dies before it can say so. After its restart the same turn goes on.
fn is_killed_while_it_is_sent_devices(month: &Month, program: &mut Program) {
    let turn = at(KILLED, 4, 0);
    month.relay.kill_at_next(program.pid());
    let said = month.collect("mdm", turn).unwrap_err();
    assert!(said.contains("could not be handed over"), "{said}");
    program.kill_and_restart();
    month.relay.pass_to(program.url());
    let said = month.collect("mdm", turn).unwrap();
    assert!(said.ends_with(" 0 avvisade\n") && !said.contains(" 0 händelser"), "{said}");
}

/// The catalogue without agreements: nothing is billed but what is gathered.
fn catalogue(directory: &Path) {
    let mut files = catalog::linkoping();
    files.insert("avtal.csv", "id;tjänst;mätare;klass;kostnadsställe;antal;från;till\n".to_owned());
    write_catalogue(&files, directory);
}

/// Those who did not say what cost centre they belong to become KLF's.
fn nobody_gets_an_owner(program: &Program, directory: &Path) {
    let path = directory.join("kostnadsstallen.csv");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!("{NOBODY};Utan kostnadsställe;KLF;2019-01-01;\n"));
    std::fs::write(path, text).unwrap();
    let changes = program.command(&["catalog", "apply", directory.to_str().unwrap()]);
    assert!(changes.contains(NOBODY), "{changes}");
}

/// What stands in the way of closing March: the days that nobody knows, and what belongs to nobody.
fn blockers(volumes: &Volumes) -> Vec<String> {
    let gap = |day| format!("gaps mdm device data saknas {day} från /lkdata/collector/intune/linkoping");
    // Of all classes together.
    let mut of_nobody: BTreeMap<[&str; 2], Decimal> = BTreeMap::new();
    for ([service, meter, _, costcentre], quantity) in volumes {
        if costcentre == NOBODY {
            *of_nobody.entry([service, meter]).or_default() += quantity;
        }
    }
    let of_nobody = of_nobody.into_iter().map(|([service, meter], quantity)| {
        let quantity = quantity.normalize().to_string().replace('.', ",");
        let said = format!(
            "kostnadsställe {NOBODY} saknar betalare i 2021-03 (kvantitet {quantity}): lägg till det i kostnadsstallen.csv och kör taxameter catalog apply"
        );
        format!("unattributed {service} {meter} {said}")
    });
    [gap("2021-03-14–2021-03-15")].into_iter().chain(of_nobody).collect()
}

#[test]
fn what_is_gathered_and_billed_is_what_the_systems_hold_through_outages_a_kill_and_a_gap() {
    let home = tempfile::tempdir().unwrap();
    catalogue(home.path());
    let world = Arc::new(World::new(SEED));
    let mut month = Month::begin(&world, home.path());
    let mut program = Program::start(&format!("catalog = {:?}\n", home.path().to_str().unwrap()));
    month.relay.pass_to(program.url());
    for number in 1..END {
        day(&mut month, &mut program, number);
    }
    // What of March's calls is reported late.
    month.collect("e-moten", at(END + 1, 12, 0)).unwrap();

    // A system knows the present only: what was missed cannot be made up for.
    let said = month.collect("mdm", at(14, 4, 0)).unwrap_err();
    assert!(said.contains("cannot be taken any more"), "{said}");

    let expected = volumes(&world, konton_day, mdm_day);
    checks::is_counted(&program, &expected);
    checks::gaps_are(
        &program,
        &[
            "it-bastjanst-konto account estimated 2021-03-20 not_needed",
            "mdm device estimated 2021-03-11 not_needed",
            "mdm device estimated 2021-03-12 not_needed",
            "mdm device estimated 2021-03-13 not_needed",
            "mdm device missing 2021-03-14 needed",
            "mdm device missing 2021-03-15 needed",
        ],
    );
    // The devices that the program had taken when it was killed came once more, and nothing else of them did.
    let resent = reckoning::own_devices(&world, KILLED).count() as u64;
    assert_eq!(checks::duplicates(&program, "/lkdata/collector/intune/linkoping"), resent);
    checks::nothing_personal_left(&program, &month, &world);

    let close = "/v1/months/2021-03/close";
    let (status, refused) = program.post(close, &json!({}));
    assert_eq!((status, checks::blockers(&refused)), (409, blockers(&expected)));
    nobody_gets_an_owner(&program, home.path());
    let why = "Intune svarade inte 11–15 mars";
    let (status, closed) = program.post(close, &json!({"accept": {"gaps": why}}));
    assert_eq!((status, closed["state"].as_str()), (200, Some("closed")), "{closed}");
    checks::is_billed(&program, &expected);
    checks::is_counted(&program, &expected);
}
