//! SIE files, read by the crate `sie4`, which knows nothing of ours.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sie4::item::{Item, Ver};

/// What a file books, by account, when it holds: it can be read, has the records that an import wants in their order, every
/// account is declared, and every voucher sums to nothing.
pub(crate) fn read(file: &[u8]) -> Result<BTreeMap<u32, Decimal>, String> {
    let vouchers = file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"#VER ")).count();
    let items = items(&readable(file))?;
    let mut accounts = BTreeMap::new();
    let mut read = 0;
    for item in &items {
        if let Item::Konto(account) = item {
            accounts.insert(account.no, Decimal::ZERO);
        }
        if let Item::Ver(voucher) = item {
            read += 1;
            book(voucher, &mut accounts)?;
        }
    }
    let has = |is: fn(&Item) -> bool| items.iter().any(is);
    let head = [
        has(|item| matches!(item, Item::Flagga(_))),
        has(|item| matches!(item, Item::Program(_))),
        has(|item| matches!(item, Item::Format(_))),
        has(|item| matches!(item, Item::SieTyp(_))),
        has(|item| matches!(item, Item::FNamn(_))),
        has(|item| matches!(item, Item::Orgnr(_))),
    ];
    if head.contains(&false) {
        return Err(format!("the head lacks a record: {head:?}"));
    }
    if read == 0 || read != vouchers {
        return Err(format!("{read} of {vouchers} vouchers could be read"));
    }
    Ok(accounts)
}

/// The records, which must come in the order of their groups (SIE 4B §6).
fn items(file: &[u8]) -> Result<Vec<Item>, String> {
    let mut items: Vec<Item> = Vec::new();
    let mut rest = file;
    while !rest.trim_ascii().is_empty() {
        let (unread, item) = Item::parse(sie4::Span::new(rest)).map_err(|error| {
            format!("{:?}: {error:?}", String::from_utf8_lossy(&rest[..rest.len().min(120)]))
        })?;
        rest = &rest[unread.location_offset()..];
        if items.last().is_some_and(|last| last.group() > item.group()) {
            return Err(format!("out of order: {item:?}"));
        }
        items.push(item);
    }
    Ok(items)
}

/// What the crate can read. It knows no dimensions, objects and comments, which others skip when they do not know them (SIE
/// 4B §7.1), and only vouchers with a number, which an import may leave to the ledger.
fn readable(file: &[u8]) -> Vec<u8> {
    let unknown: [&[u8]; 4] = [b"#DIM ", b"#UNDERDIM ", b"#OBJEKT ", b"#PROSA "];
    let lines = file.split_inclusive(|byte| *byte == b'\n');
    let known = lines.filter(|line| !unknown.iter().any(|label| line.starts_with(label)));
    known.flat_map(|line| replaced(line, b"#VER \"LK\" \"\" ", b"#VER \"LK\" 1 ")).collect()
}

fn book(voucher: &Ver, accounts: &mut BTreeMap<u32, Decimal>) -> Result<(), String> {
    let mut sum = Decimal::ZERO;
    for transaction in &voucher.transactions.0 {
        let account = transaction.account;
        let booked =
            accounts.get_mut(&account).ok_or_else(|| format!("account {account} is not declared"))?;
        *booked += transaction.amount;
        sum += transaction.amount;
    }
    if sum == Decimal::ZERO { Ok(()) } else { Err(format!("voucher {:?} sums to {sum}", voucher.text)) }
}

pub(crate) fn replaced(file: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(file.len());
    let mut rest = file;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        bytes.extend_from_slice(&rest[..at]);
        bytes.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    bytes.extend_from_slice(rest);
    bytes
}
