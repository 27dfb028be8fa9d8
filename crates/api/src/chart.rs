//! Charts as inline SVG: axes with round numbers, stacked bars and sparklines.
//!
//! Values are whole hundredths (öre of kronor, hundredths of a unit) and lengths tenths of a pixel; no float comes near an
//! amount. Colours and patterns are classes of the style sheet, so that the dark and the printed page look right too, and
//! series differ by pattern as well as by colour.

use std::fmt;

use askama::Template;

/// A length in tenths of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Px(i64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.unsigned_abs();
        write!(f, "{}{}", if self.0 < 0 { "-" } else { "" }, tenths / 10)?;
        if tenths.is_multiple_of(10) { Ok(()) } else { write!(f, ".{}", tenths % 10) }
    }
}

/// Round values for an axis that covers `least..=greatest` and zero, about `steps` of them.
pub(crate) fn ticks(least: i64, greatest: i64, steps: i64) -> Vec<i64> {
    let (least, greatest) = (least.min(0), greatest.max(0));
    let step = round_step((greatest - least) / steps.max(1));
    let (first, last) =
        (least.div_euclid(step), greatest.div_euclid(step) + i64::from(greatest.rem_euclid(step) > 0));
    (first..=last.max(first + 1)).map(|n| n * step).collect()
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `wanted`, from one whole unit on.
fn round_step(wanted: i64) -> i64 {
    let mut power = 100_i64;
    loop {
        for factor in [1, 2, 5] {
            if factor * power >= wanted {
                return factor * power;
            }
        }
        power *= 10;
    }
}

/// A chart of stacked bars, one for each month or day.
pub(crate) struct Bars<'a> {
    /// What its elements' ids begin with.
    pub(crate) id: &'a str,
    /// Its class in the style sheet: for wide pages, or for narrow ones.
    pub(crate) class: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What one sees in it, in a sentence or two: for those who do not.
    pub(crate) description: &'a str,
    /// Its columns, in order.
    pub(crate) columns: &'a [Column],
    /// Its size in pixels.
    pub(crate) width: i64,
    /// See `width`.
    pub(crate) height: i64,
    /// Room to the left of the axis, in pixels.
    pub(crate) margin: i64,
    /// Every how manieth column is named below the axis, counted from the last.
    pub(crate) label_every: usize,
    /// Whether each column's total stands above it.
    pub(crate) totals: bool,
    /// Writes a value of the axis.
    pub(crate) tick: &'a dyn Fn(i64) -> String,
}

/// A bar and its parts.
pub(crate) struct Column {
    /// The month's or day's short name.
    pub(crate) label: String,
    /// What stands below the label: the year, below the first month and each January.
    pub(crate) year: Option<String>,
    /// The value of each series, from below.
    pub(crate) parts: Vec<i64>,
    /// The sum, as it stands above the bar.
    pub(crate) total: String,
    /// All of it in a sentence.
    pub(crate) tip: String,
    /// How it looks.
    pub(crate) look: Look,
    /// Between which values it is expected to end; none for what is known.
    pub(crate) band: Option<(i64, i64)>,
}

/// How a bar looks: what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It does not change any more.
    Known,
    /// It may still change.
    Provisional,
    /// It is expected.
    Forecast,
    /// It is known, and unlike its neighbours.
    Odd,
    /// There should be something, and is nothing.
    Missing,
}

impl Look {
    /// Its class in the style sheet.
    const fn class(self) -> &'static str {
        match self {
            Look::Known => "",
            Look::Provisional => "provisional",
            Look::Forecast => "forecast",
            Look::Odd => "odd",
            Look::Missing => "missing",
        }
    }
}

#[derive(Template)]
#[template(path = "bars.svg")]
struct Drawing<'a> {
    id: &'a str,
    kind: &'a str,
    title: &'a str,
    description: &'a str,
    width: i64,
    height: i64,
    left: Px,
    right: Px,
    base: Px,
    grid: Vec<Tick>,
    columns: Vec<DrawnColumn<'a>>,
}

struct Tick {
    y: Px,
    text_y: Px,
    label: String,
}

struct DrawnColumn<'a> {
    column: &'a Column,
    center: Px,
    label_y: Px,
    year_y: Px,
    total_y: Option<Px>,
    labelled: bool,
    year: Option<&'a str>,
    class: &'static str,
    bars: Vec<Bar>,
    /// Where nothing is, from side to side.
    hole: Option<Bar>,
    whisker: Option<(Px, Px)>,
}

struct Bar {
    series: usize,
    x: Px,
    y: Px,
    width: Px,
    height: Px,
}

/// Room above the highest value, for its total, and below the axis, for months and years; in tenths of a pixel.
const ABOVE: i64 = 220;
const BELOW: i64 = 420;

impl Bars<'_> {
    /// The chart as an SVG element.
    pub(crate) fn svg(&self) -> Result<String, askama::Error> {
        let positive = |column: &Column| column.parts.iter().map(|part| (*part).max(0)).sum::<i64>();
        let negative = |column: &Column| column.parts.iter().map(|part| (*part).min(0)).sum::<i64>();
        let highest = |column: &Column| positive(column).max(column.band.map_or(0, |(_, high)| high));
        let greatest = self.columns.iter().map(highest).max().unwrap_or(0);
        let least = self.columns.iter().map(negative).min().unwrap_or(0);
        let ticks = ticks(least, greatest, 4);
        let axis = Axis {
            low: ticks.first().copied().unwrap_or(0),
            high: ticks.last().copied().unwrap_or(1),
            top: ABOVE,
            bottom: self.height * 10 - BELOW,
        };
        let grid = ticks.iter().map(|value| Tick {
            y: axis.y(*value),
            text_y: Px(axis.y(*value).0 + 40),
            label: (self.tick)(*value),
        });
        let drawing = Drawing {
            id: self.id,
            kind: self.class,
            title: self.title,
            description: self.description,
            width: self.width,
            height: self.height,
            left: Px(self.margin * 10),
            right: Px(self.width * 10),
            base: axis.y(0),
            grid: grid.collect(),
            columns: self.columns.iter().enumerate().map(|(n, column)| self.draw(n, column, &axis)).collect(),
        };
        drawing.render()
    }

    fn draw<'a>(&self, n: usize, column: &'a Column, axis: &Axis) -> DrawnColumn<'a> {
        let count = self.columns.len().max(1) as i64;
        let slot = (self.width - self.margin) * 10 / count;
        let center = self.margin * 10 + slot * n as i64 + slot / 2;
        let width = (slot * 62 / 100).min(640);
        let (mut up, mut down) = (0_i64, 0_i64);
        let mut bars = Vec::new();
        for (series, part) in column.parts.iter().enumerate().filter(|(_, part)| **part != 0) {
            let side = if *part > 0 { &mut up } else { &mut down };
            let (from, to) = (axis.y(*side).0, axis.y(*side + part).0);
            *side += part;
            bars.push(Bar {
                series,
                x: Px(center - width / 2),
                y: Px(from.min(to)),
                width: Px(width),
                height: Px((from - to).abs()),
            });
        }
        DrawnColumn {
            column,
            center: Px(center),
            label_y: Px(self.height * 10 - BELOW + 180),
            year_y: Px(self.height * 10 - BELOW + 350),
            // Above the whisker too: a line through a figure hides it.
            total_y: self.totals.then(|| Px(axis.y(column.band.map_or(up, |(_, high)| up.max(high))).0 - 70)),
            labelled: (self.columns.len() - 1 - n).is_multiple_of(self.label_every.max(1)),
            year: column.year.as_deref().filter(|_| !self.year_is_near(n)),
            class: column.look.class(),
            bars,
            hole: (column.look == Look::Missing).then(|| Bar {
                series: 0,
                x: Px(center - slot / 2),
                y: Px(axis.top),
                width: Px(slot),
                height: Px(axis.y(0).0 - axis.top),
            }),
            whisker: column.band.map(|(low, high)| (axis.y(low), axis.y(high))),
        }
    }

    /// Whether another year stands so near to the right of a column's that the two would overlap.
    fn year_is_near(&self, n: usize) -> bool {
        self.columns
            .iter()
            .skip(n + 1)
            .take(self.label_every.saturating_sub(1))
            .any(|column| column.year.is_some())
    }
}

struct Axis {
    low: i64,
    high: i64,
    top: i64,
    bottom: i64,
}

impl Axis {
    fn y(&self, value: i64) -> Px {
        let span = i128::from((self.high - self.low).max(1));
        let height = i128::from(self.bottom - self.top);
        let up = i128::from(value - self.low) * height / span;
        // Never more than the axis is high, so it always fits.
        Px(self.bottom - i64::try_from(up).unwrap_or(0))
    }
}

/// The size of a sparkline, in tenths of a pixel.
const SPARK_WIDTH: i64 = 760;
const SPARK_HEIGHT: i64 = 220;
const SPARK_EDGE: i64 = 30;

/// A line without axes that shows the shape of a row's values, with a dot at the last. Its floor is the least value, or
/// four fifths of the greatest when that is lower: a change of some per cent is seen and one of some per mille is not
/// blown up. It only repeats what stands in the row, so it is hidden from those who hear the page.
pub(crate) fn sparkline(values: &[Option<i64>]) -> String {
    let known = || values.iter().flatten().copied();
    let high = known().max().unwrap_or(0).max(0);
    let axis = Axis {
        low: known().min().unwrap_or(0).min(high / 5 * 4),
        high,
        top: SPARK_EDGE,
        bottom: SPARK_HEIGHT - SPARK_EDGE,
    };
    let step = (SPARK_WIDTH - 2 * SPARK_EDGE) / (values.len().max(2) as i64 - 1);
    let mut path = String::new();
    let mut last = None;
    let mut drawing = false;
    for (n, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = (Px(SPARK_EDGE + step * n as i64), axis.y(*value));
            path.push_str(&format!("{}{x} {y}", if drawing { "L" } else { "M" }));
            last = Some((x, y));
        }
        drawing = value.is_some();
    }
    let Some((x, y)) = last else { return String::new() };
    format!(
        r#"<svg class="spark" viewBox="0 0 {} {}" aria-hidden="true"><path d="{path}"/><circle cx="{x}" cy="{y}" r="2.2"/></svg>"#,
        Px(SPARK_WIDTH),
        Px(SPARK_HEIGHT)
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_axis_has_round_numbers_and_covers_its_values() {
        let cases: [((i64, i64), &[i64]); 5] = [
            ((0, 1_123_000_000), &[0, 500_000_000, 1_000_000_000, 1_500_000_000]),
            ((0, 95_000), &[0, 50_000, 100_000]),
            ((-30_000, 70_000), &[-50_000, 0, 50_000, 100_000]),
            ((0, 0), &[0, 100]),
            ((0, 400), &[0, 100, 200, 300, 400]),
        ];
        for ((least, greatest), want) in cases {
            assert_eq!(ticks(least, greatest, 4), want, "{least}..{greatest}");
        }
    }

    #[test]
    fn lengths_have_at_most_one_decimal() {
        assert_eq!([Px(120), Px(125), Px(-5), Px(0)].map(|px| px.to_string()), ["12", "12.5", "-0.5", "0"]);
    }

    #[test]
    fn a_sparkline_breaks_where_nothing_is_known() {
        let values = [Some(100), Some(200), None, Some(50)];
        expect![[r#"<svg class="spark" viewBox="0 0 76 22" aria-hidden="true"><path d="M3 13.7L26.3 3M72.9 19"/><circle cx="72.9" cy="19" r="2.2"/></svg>"#]]
            .assert_eq(&sparkline(&values));
        assert_eq!(sparkline(&[None, None]), "");
    }

    #[test]
    fn bars_stack_their_parts_from_zero_and_escape_their_texts() {
        let column = |parts: [i64; 2], look| Column {
            label: "jan".to_owned(),
            year: Some("2021".to_owned()),
            parts: parts.to_vec(),
            total: "4".to_owned(),
            tip: "a < b".to_owned(),
            look,
            band: None,
        };
        let bars = Bars {
            id: "c",
            class: "k",
            title: "T & t",
            description: "D",
            columns: &[column([30_000, 10_000], Look::Known), column([20_000, -10_000], Look::Provisional)],
            width: 200,
            height: 100,
            margin: 40,
            label_every: 1,
            totals: true,
            tick: &|value| (value / 100).to_string(),
        };
        expect![[r#"
            <svg class="chart k" role="img" aria-labelledby="c-title c-desc" viewBox="0 0 200 100">
            <title id="c-title">T &#38; t</title>
            <desc id="c-desc">D</desc>
            <line class="grid" x1="40" x2="200" y1="58" y2="58"/><text class="tick" x="40" y="62" dx="-8">-200</text>
            <line class="grid" x1="40" x2="200" y1="46" y2="46"/><text class="tick" x="40" y="50" dx="-8">0</text>
            <line class="grid" x1="40" x2="200" y1="34" y2="34"/><text class="tick" x="40" y="38" dx="-8">200</text>
            <line class="grid" x1="40" x2="200" y1="22" y2="22"/><text class="tick" x="40" y="26" dx="-8">400</text>
            <g><title>a &#60; b</title><rect class="s0" fill="url(#s0)" x="55.2" y="28" width="49.6" height="18"/><rect class="s1" fill="url(#s1)" x="55.2" y="22" width="49.6" height="6"/><text class="value" x="80" y="15">4</text><text class="label" x="80" y="76">jan</text><text class="year" x="80" y="93">2021</text></g>
            <g class="provisional"><title>a &#60; b</title><rect class="s0" fill="url(#s0)" x="135.2" y="34" width="49.6" height="12"/><rect class="s1" fill="url(#s1)" x="135.2" y="46" width="49.6" height="6"/><text class="value" x="160" y="27">4</text><text class="label" x="160" y="76">jan</text><text class="year" x="160" y="93">2021</text></g>
            <line class="axis" x1="40" x2="200" y1="46" y2="46"/>
            </svg>"#]].assert_eq(&bars.svg().unwrap());
    }
}
