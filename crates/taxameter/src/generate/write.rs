//! Specs → CloudEvents JSON, written straight into a buffer.

use super::account::Kind;
use super::days::Days;
use super::faults::IDENTITY_NUMBERS;
use super::flow::{Flow, Flows};
use super::habit::Subject;
use super::population::{Population, write_hex, write_pseudonym};
use super::random::{below, mix, purpose};
use super::spec::{Form, Spec};

/// Writes quantities, instants and names.
pub(super) fn write(spec: &Spec, flows: &Flows, population: &Population, days: &Days, out: &mut Vec<u8>) {
    let day = usize::from(spec.day);
    if let Form::Marker { count, refused } = spec.form {
        let group = &flows.groups[usize::from(spec.flow)];
        let mut time = Vec::with_capacity(25);
        days.write_time(day, spec.time, &mut time);
        let source = &flows.sources[usize::from(group.source)];
        return group.write_marker(source, &days.day(day).text, count, refused, &time, out);
    }
    let flow = &flows.flows[usize::from(spec.flow)];
    out.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":\"");
    out.extend_from_slice(flow.id_prefix.as_bytes());
    out.push(b':');
    write_hex(spec.identity, out);
    if spec.form == Form::Observation {
        out.push(b':');
        out.extend_from_slice(days.day(day).text.as_bytes());
    }
    out.extend_from_slice(flow.head.as_bytes());
    write_subject(spec, flow, out);
    out.extend_from_slice(b"\",\"time\":\"");
    days.write_time(day, spec.time, out);
    out.extend_from_slice(flow.middle.as_bytes());
    write_quantity(spec.quantity, out);
    out.extend_from_slice(flow.unit.as_bytes());
    if spec.seq > 0 {
        out.extend_from_slice(b"\"seq\":");
        out.push(b'0' + spec.seq);
        out.push(b',');
    }
    if spec.retracted {
        out.extend_from_slice(b"\"retracted\":true,");
    }
    out.extend_from_slice(population.fragments[usize::from(spec.costcentre)].as_bytes());
    if flow.ordered_by_object {
        out.extend_from_slice(b",\"object\":\"system:");
        write_number(100 + below(mix(spec.subject, purpose::OBJECT), 400), out);
        out.push(b'"');
    }
    out.push(b'}');
    write_dims(spec, flow, out);
    if spec.form == Form::Observation {
        out.extend_from_slice(b",\"day\":\"");
        out.extend_from_slice(days.day(day).text.as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b"}}");
}

/// Personal data stands where careless systems put it: in the subject, or in a dimension.
fn careless(spec: &Spec) -> Option<(bool, &'static str)> {
    let number = IDENTITY_NUMBERS[below(spec.identity, IDENTITY_NUMBERS.len() as u64) as usize];
    (spec.kind == Kind::PersonalData).then_some((spec.identity & 1 == 0, number))
}

fn write_subject(spec: &Spec, flow: &Flow, out: &mut Vec<u8>) {
    if let Some((true, number)) = careless(spec) {
        out.extend_from_slice(b"user:");
        return out.extend_from_slice(number.as_bytes());
    }
    match flow.habit.subject {
        Subject::Person => write_pseudonym(spec.subject, out),
        Subject::Thing(kind) => {
            out.extend_from_slice(kind.as_bytes());
            out.push(b':');
            write_hex(spec.subject, out);
        }
    }
}

fn write_dims(spec: &Spec, flow: &Flow, out: &mut Vec<u8>) {
    let careless = careless(spec);
    let note = careless.filter(|(in_subject, _)| !in_subject);
    if flow.dims.is_empty() && flow.extra.is_empty() && note.is_none() {
        return;
    }
    out.extend_from_slice(b",\"dims\":{");
    let start = out.len();
    out.extend_from_slice(flow.dims.as_bytes());
    let comma = |out: &mut Vec<u8>| {
        if out.len() > start {
            out.push(b',');
        }
    };
    for (at, (name, values)) in flow.extra.iter().enumerate() {
        comma(out);
        let value = &values
            [below(mix(mix(spec.identity, purpose::DIMENSION), at as u64), values.len() as u64) as usize];
        for part in ["\"", name, "\":\"", value, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    if let Some((_, number)) = note {
        comma(out);
        for part in ["\"note\":\"", number, "\""] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.push(b'}');
}

/// Millionths as a decimal without trailing zeros.
fn write_quantity(micros: i64, out: &mut Vec<u8>) {
    if micros < 0 {
        out.push(b'-');
    }
    let size = micros.unsigned_abs();
    write_number(size / 1_000_000, out);
    let mut fraction = size % 1_000_000;
    if fraction == 0 {
        return;
    }
    out.push(b'.');
    let mut place = 100_000;
    while fraction > 0 {
        out.push(b'0' + (fraction / place) as u8);
        fraction %= place;
        place /= 10;
    }
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_the_domain_writes_them() {
        for micros in [0, 1, -1, 500_000, 738_095, 12_000_000, -12_500_000, 1_834_217_984, 100_000] {
            let mut out = Vec::new();
            write_quantity(micros, &mut out);
            let want = domain::Quantity::from_micros(i128::from(micros)).to_string();
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
