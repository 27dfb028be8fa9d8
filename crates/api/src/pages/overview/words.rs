//! The sentences and key figures of the first page.

use std::collections::BTreeMap;

use billing::MonthState;
use domain::{Money, Month};

use super::Figured;
use crate::language::Language;
use crate::numbers::{self, Scale};
use crate::pages::cube::Figures;
use crate::pages::months;
use crate::pages::words::{self, Card};

/// A service whose cost moved.
pub(crate) struct Moved {
    pub(crate) name: String,
    pub(crate) amount: String,
    pub(crate) change: String,
    pub(crate) why: String,
    pub(crate) href: String,
}

/// How many services are named among those that moved most: what one takes in at a glance.
const MOVED_MAX: usize = 5;

impl Figured<'_> {
    /// The month that is compared with others: the last one that is over, else the last one.
    pub(super) fn focus(&self) -> Month {
        let over = self
            .window
            .iter()
            .rev()
            .filter(|month| !self.is_running(**month) && self.by_month.contains_key(month));
        over.copied().next().unwrap_or(self.input.last)
    }

    /// Whether a month is not over yet: its figures are a part of it, and compare with nothing.
    pub(super) fn is_running(&self, month: Month) -> bool {
        month >= self.input.now.month()
    }

    fn total(&self, month: Month) -> Option<Figures> {
        self.by_month.get(&month).map(|figures| figures.total())
    }

    fn cost(&self, month: Month) -> Option<Money> {
        self.total(month).map(|figures| figures.gross)
    }

    /// The page in one sentence or two.
    pub(super) fn lead(&self) -> String {
        let focus = self.focus();
        let Some(cost) = self.cost(focus) else { return self.t.nothing_moved.to_owned() };
        let amount = numbers::with_unit(self.language, cost, Scale::fitting(cost));
        let (name, month) =
            (numbers::long_month(self.language, focus), numbers::month_name(self.language, focus.previous()));
        let change =
            self.cost(focus.previous()).and_then(|before| numbers::change(self.language, before, cost));
        let most = self.moved_services().into_iter().next().filter(|(_, moved)| moved.ore() != 0);
        let mut lead = match self.language {
            Language::Swedish => format!("I {name} kostade tjänsterna {amount}"),
            Language::English => format!("In {name} the services cost {amount}"),
        };
        if let Some(change) = change {
            lead.push_str(&match self.language {
                Language::Swedish => format!(", {change} mot {month}"),
                Language::English => format!(", {change} against {month}"),
            });
        }
        lead.push('.');
        if let Some((service, moved)) = most {
            let (name, amount) = (self.service_name(&service), numbers::signed(self.language, moved));
            lead.push_str(&match self.language {
                Language::Swedish => format!(" Mest ändrades {name} ({amount})."),
                Language::English => format!(" {name} moved most ({amount})."),
            });
        }
        lead
    }

    /// What the chart shows, for those who do not see it.
    pub(super) fn description(&self) -> String {
        let costs = self.window.iter().filter_map(|month| Some((self.cost(*month)?, *month)));
        let costs: Vec<(Money, Month)> = costs.collect();
        let (Some(least), Some(greatest)) = (costs.iter().min(), costs.iter().max()) else {
            return String::new();
        };
        let say = |(cost, month): &(Money, Month)| {
            let name = numbers::long_month(self.language, *month);
            (name, numbers::with_unit(self.language, *cost, Scale::fitting(*cost)))
        };
        let ((low_month, low), (high_month, high)) = (say(least), say(greatest));
        match self.language {
            Language::Swedish => format!(
                "Staplar för {} månader, delade på objektprodukter. Lägst {low} i {low_month}, högst {high} i {high_month}. \
                 Samma värden finns i tabellen Tjänster.",
                costs.len()
            ),
            Language::English => format!(
                "Bars for {} months, split by object product. Lowest {low} in {low_month}, highest {high} in {high_month}. \
                 The table Services has the same values.",
                costs.len()
            ),
        }
    }

    pub(super) fn cards(&self) -> Vec<Card> {
        let mut cards = Vec::new();
        let (focus, last) = (self.focus(), self.input.last);
        if focus != last
            && let Some(cost) = self.cost(last)
        {
            cards.push(self.open_card(last, cost));
        }
        if let Some(figures) = self.total(focus) {
            cards.push(self.focus_card(focus, figures));
            cards.push(self.surcharge_card(focus, figures));
        }
        if self.input.sees_all {
            cards.push(self.year_surcharge_card());
        }
        if cards.len() < 4 {
            cards.push(self.year_card());
        }
        cards
    }

    fn open_card(&self, month: Month, cost: Money) -> Card {
        let name = numbers::long_month(self.language, month);
        let complete = self.input.quality.complete_to.filter(|day| Month::of(*day) == month);
        let note =
            complete.map_or_else(|| self.t.not_closed.to_owned(), |day| format!("{} {day}", self.t.until));
        Card {
            label: format!("{name}, {}", self.t.so_far),
            value: numbers::kronor(self.language, cost),
            notes: std::iter::once(note).chain(self.expected(month, cost)).collect(),
        }
    }

    /// What a month that is not over is expected to come to, from the whole months before it; that it has come to more,
    /// where it has.
    fn expected(&self, month: Month, so_far: Money) -> Option<String> {
        let costs =
            self.by_month.iter().map(|(month, figures)| (*month, figures.total().gross.ore())).collect();
        let forecast = months::expect(&costs, self.input.now.month())?;
        let expected = forecast.months.iter().find(|expected| expected.month == month)?;
        let write = |ore: i128| {
            let amount = Money::from_ore(i64::try_from(ore).unwrap_or(i64::MAX));
            numbers::with_unit(self.language, amount, Scale::fitting(amount))
        };
        if i128::from(so_far.ore()) > expected.band.map_or(expected.mid, |band| band.high) {
            return Some(format!("{} {}", self.t.above_expected, write(expected.mid)));
        }
        let band = expected
            .band
            .map_or_else(String::new, |band| format!(" ({} – {})", write(band.low), write(band.high)));
        Some(format!("{} {}{band}", write(expected.mid), self.t.expected))
    }

    fn focus_card(&self, month: Month, figures: Figures) -> Card {
        let compare = |other: Month| {
            let change = numbers::change(self.language, self.cost(other)?, figures.gross)?;
            Some(format!("{change} {} {}", self.t.towards, numbers::long_month(self.language, other)))
        };
        let mut notes: Vec<String> =
            [month.previous(), month.plus(-12)].into_iter().filter_map(compare).collect();
        if notes.is_empty() {
            notes.push(self.t.no_comparison.to_owned());
        }
        if self.by_month.get(&month).is_some_and(|figures| figures.state != MonthState::Closed) {
            notes.push(self.t.not_closed.to_owned());
        }
        Card {
            label: numbers::long_month(self.language, month),
            value: numbers::kronor(self.language, figures.gross),
            notes,
        }
    }

    fn surcharge_card(&self, month: Month, figures: Figures) -> Card {
        let rate = self.input.catalogue.rate(month).map(|rate| {
            // A rate has at most eight decimals: in per cent, two tell all that is decided.
            let hundredths = (rate.rate.fraction() * rust_decimal::Decimal::from(10_000)).round();
            let value = i128::try_from(hundredths).unwrap_or_default();
            format!("{} % {}", numbers::fixed(self.language, value, 2), self.t.rate)
        });
        Card {
            label: format!("{} {}", self.t.surcharge, numbers::long_month(self.language, month)),
            value: numbers::kronor(self.language, figures.surcharge),
            notes: vec![rate.unwrap_or_else(|| self.t.no_rate.to_owned())],
        }
    }

    fn year_surcharge_card(&self) -> Card {
        let year = self.input.last.year();
        let of_year = self.by_month.range(..=self.input.last).filter(|(month, _)| month.year() == year);
        let collected: Money = of_year.map(|(_, figures)| figures.total().surcharge).sum();
        let mut notes = vec![self.t.surcharge_year_note.to_owned()];
        if let Some(planned) = self.input.to_collect {
            let share = numbers::share(self.language, collected, planned);
            notes.push(format!("{share} {} ({})", self.t.budget, numbers::kronor(self.language, planned)));
        }
        Card {
            label: format!("{} {year}", self.t.surcharge_year),
            value: numbers::kronor(self.language, collected),
            notes,
        }
    }

    fn year_card(&self) -> Card {
        let cost = self.window.iter().skip(1).filter_map(|month| self.cost(*month)).sum();
        Card {
            label: self.t.year_total.to_owned(),
            value: numbers::kronor(self.language, cost),
            notes: vec![self.t.year_total_note.to_owned()],
        }
    }

    /// Each service's difference between the compared month and the one before, the greatest first.
    fn moved_services(&self) -> Vec<(String, Money)> {
        let focus = self.focus();
        let (Some(now), Some(before)) = (self.by_month.get(&focus), self.by_month.get(&focus.previous()))
        else {
            return Vec::new();
        };
        let mut moved: BTreeMap<&str, Money> = BTreeMap::new();
        for (service, figures) in &now.services {
            *moved.entry(service).or_default() += figures.gross;
        }
        for (service, figures) in &before.services {
            *moved.entry(service).or_default() -= figures.gross;
        }
        let mut moved: Vec<(String, Money)> =
            moved.into_iter().map(|(service, by)| (service.to_owned(), by)).collect();
        moved.sort_by_key(|(service, by)| (std::cmp::Reverse(by.ore().abs()), service.clone()));
        moved
    }

    pub(super) fn moved(&self) -> Vec<Moved> {
        let focus = self.focus();
        let before = |service: &str| {
            let figures = self.by_month.get(&focus.previous())?.services.get(service)?;
            Some(figures.gross)
        };
        let moved = self.moved_services().into_iter().filter(|(_, by)| by.ore() != 0).take(MOVED_MAX);
        let word = |(service, by): (String, Money)| Moved {
            name: self.service_name(&service).to_owned(),
            amount: numbers::signed(self.language, by),
            why: (self.input.why)(&service),
            href: format!("/services/{service}?month={focus}"),
            change: before(&service)
                .and_then(|before| numbers::change(self.language, before, before + by))
                .unwrap_or_else(|| "–".to_owned()),
        };
        moved.map(word).collect()
    }

    /// Why no service moved: there is no month before, or all cost what they did.
    pub(super) fn still(&self) -> &'static str {
        let focus = self.focus();
        let both = [focus, focus.previous()].iter().all(|month| self.by_month.contains_key(month));
        if both { self.t.unchanged } else { self.t.nothing_moved }
    }

    /// Which months are compared.
    pub(super) fn moved_period(&self) -> String {
        let focus = self.focus();
        let name = |month| numbers::long_month(self.language, month);
        format!("{} {} {}", name(focus), self.t.towards, name(focus.previous()))
    }

    pub(super) fn service_name<'s>(&'s self, slug: &'s str) -> &'s str {
        self.input
            .catalogue
            .services
            .get(slug)
            .map_or(slug, |service| words::of(self.language, service.name.as_str(), service.name_en.as_str()))
    }
}
