//! `GET /simulate`: what months would come to with another price, rate, joint share or volume. Nothing is written.

mod form;
mod result;
mod shown;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use billing::Error;
use billing::simulate::Simulation;
use domain::Month;
use domain::access::Viewer;
use domain::catalogue::Catalogue;

use super::frame::{Frame, Section};
use super::named::Named;
use super::visit::Visit;
use super::words;
use crate::Shared;
use crate::language::Language;
use crate::problem::Problem;
use crate::session::Asker;
use crate::texts::{Texts, texts};

use form::{Form, Refused};
use result::Outcome;
use shown::Field;

pub(crate) use form::selection;

texts! {
    /// The texts of the page that tries other decisions.
    Words {
        title: "Pröva priser och påslag", "Try prices and the surcharge";
        lead: "Fyll i en eller flera ändringar, så räknas månaderna om. Ingenting sparas eller beslutas här.", "Fill in one or more changes, and the months are reckoned anew. Nothing is stored or decided here.";
        what: "Vad ändras?", "What changes?";
        months: "Månader", "Months";
        from: "Från och med månad", "From month";
        to: "Till och med månad", "To month";
        month_hint: "som 2021-03, högst tio år", "like 2021-03, at most ten years";
        surcharge: "Påslaget", "The surcharge";
        rate: "Ny påslagssats, %", "New surcharge rate, %";
        service: "Tjänsten", "The service";
        of: "Tjänst, mätare och klass", "Service, meter and class";
        of_none: "Välj för pris, andel eller volym", "Choose for price, share or volume";
        whole: "hela tjänsten", "the whole service";
        price: "Nytt pris, kr per enhet", "New price, SEK per unit";
        price_percent: "Priset ändras med, %", "The price changes by, %";
        joint: "Ny gemensam andel, %", "New joint share, %";
        phase: "Fas för gemensam andel", "Phase of the joint share";
        volume: "Volymen ändras med, %", "The volume changes by, %";
        now: "nu", "now";
        hint_percent: "som 3,5", "like 3.5";
        hint_change: "som 10 eller −10", "like 10 or −10";
        hint_price: "som 105,50", "like 105.50";
        try_it: "Räkna", "Reckon";
        clear: "Töm formuläret", "Clear the form";
        errors: "Det här behöver rättas", "This needs to be put right";
        nothing_yet: "Fyll i vad som ska ändras, så visas effekten här.", "Fill in what is to change, and the effect is shown here.";
        no_usage: "Det finns ingen användning att räkna på än.", "There is no usage to reckon on yet.";
        usage_of: "Månader utan egen användning, och månaden vars användning de räknas med", "Months without usage of their own, and the month whose usage they are reckoned with";
        reckoned: "Både före och efter är räknade på nytt med dagens katalog och användning; stängda månader kan skilja sig från det som fakturerades.", "Before and after are both reckoned anew with today's catalogue and usage; closed months may differ from what was billed.";
        own: "Summorna är de tjänsters som du ansvarar för; objektets konto är hela objektets.", "The sums are those of the services that you lead; the object's account is that of all.";
        before: "Före, kr", "Before, SEK";
        after: "Efter, kr", "After, SEK";
        difference: "Skillnad, kr", "Difference, SEK";
        change: "Ändring", "Change";
        totals: "Summor", "Totals";
        post: "Post", "Item";
        gross: "Bruttokostnad", "Gross cost";
        joint_part: "Gemensamt finansierat", "Financed jointly";
        net: "Netto att fakturera", "Net to invoice";
        surcharge_post: "Påslag", "Surcharge";
        to_pay: "Betalarna betalar", "The payers pay";
        per_payer: "Per betalare", "By payer";
        per_service: "Per tjänst", "By service";
        payer: "Betalare", "Payer";
        pays_note: "netto och påslag, utan moms", "net and surcharge, without VAT";
        object: "Objektets konto", "The object's account";
        contributions: "Bidrag från justerade priser", "Contribution of adjusted prices";
        borne: "Gemensam kostnad som objektet bär", "Joint cost that the object bears";
        turnover: "Omsättning som påslaget räknas på", "Turnover that the surcharge is reckoned on";
        required: "Sats som krävs (r*)", "Required rate (r*)";
        year: "År", "Year";
        required_before: "Före", "Before";
        required_after: "Efter", "After";
        budget_used: "Budget m.m. att täcka, före, kr", "To be covered, before, SEK";
        budget_after: "Att täcka, efter, kr", "To be covered, after, SEK";
        no_whole_year: "Satsen som krävs visas för hela kalenderår.", "The required rate is shown for whole calendar years.";
        same_as: "Samma beräkning för program:", "The same reckoning for programs:";
    }
}

#[derive(Template)]
#[template(path = "simulate.html")]
struct SimulatePage {
    page: Frame,
    t: &'static Texts,
    w: &'static Words,
    fields: Fields,
    refused: Vec<Refused>,
    selections: Vec<shown::Group>,
    phases: Vec<super::prices::Choice>,
    outcome: Option<Outcome>,
    /// Whether the outcome is that of some services alone.
    is_partial: bool,
    has_no_usage: bool,
}

/// The fields of the form, as they were filled in.
struct Fields {
    months: Vec<Field>,
    rate: Field,
    of: Field,
    values: Vec<Field>,
    phase: Field,
}

impl Fields {
    /// What a field is called.
    fn label(&self, name: &str) -> &'static str {
        let single = [&self.rate, &self.of, &self.phase];
        let all = self.months.iter().chain(&self.values).chain(single);
        all.filter(|field| field.name == name).map(|field| field.label).next().unwrap_or_default()
    }
}

/// What became of a question.
enum Answer {
    /// Nothing was asked yet.
    Unasked,
    /// Some fields cannot be read.
    Refused(Vec<Refused>),
    /// There is no usage to reckon on.
    NoUsage,
    Simulated(Box<Simulation>),
}

/// `GET /simulate`
pub(crate) async fn get(
    State(shared): State<Shared>,
    asker: Asker,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let visit = Visit::read_form(&shared, asker, &uri, &headers, &form::NAMES)?;
    let form = Form::read(&visit.params, visit.now.month());
    let answer = match form.question(&visit.catalogue, visit.language) {
        Err(refused) => Answer::Refused(refused),
        Ok(question) if question.changes.is_empty() => Answer::Unasked,
        Ok(question) if question.is_foreign(&visit.viewer) => {
            let text = words::of(visit.language, "välj en av dina tjänster", "choose one of your services");
            Answer::Refused(vec![Refused { field: "of", text: text.to_owned() }])
        }
        Ok(question) => match shared.biller.simulate(question.from, question.to, question.changes).await {
            Ok(simulation) => Answer::Simulated(Box::new(simulation.seen_by(&visit.viewer))),
            Err(Error::NothingToSimulate) => Answer::NoUsage,
            Err(error) => return Err(crate::billing_problem(&error)),
        },
    };
    let is_refused = matches!(answer, Answer::Refused(_));
    let input = Input {
        catalogue: &visit.catalogue,
        language: visit.language,
        now: visit.now.month(),
        form: &form,
        answer,
        viewer: &visit.viewer,
        frame: visit.frame(Section::Prices),
    };
    let mut response = visit.respond(&SimulatePage::build(input))?;
    if is_refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// What the page is built from.
struct Input<'a> {
    catalogue: &'a Catalogue,
    language: Language,
    now: Month,
    form: &'a Form,
    answer: Answer,
    viewer: &'a Viewer,
    frame: Frame,
}

impl SimulatePage {
    fn build(input: Input<'_>) -> Self {
        let Input { catalogue, language, now, form, answer, viewer, frame } = input;
        let (w, named) = (Words::of(language), Named { catalogue, language });
        let (refused, has_no_usage, outcome) = match answer {
            Answer::Unasked => (Vec::new(), false, None),
            Answer::Refused(refused) => (refused, false, None),
            Answer::NoUsage => (Vec::new(), true, None),
            Answer::Simulated(simulation) => (Vec::new(), false, Some(Outcome::of(&simulation, named, w))),
        };
        Self {
            t: Texts::of(language),
            w,
            fields: form.fields(named, now, &refused, w),
            selections: form.groups(named, viewer, w),
            phases: form.phases(language),
            refused,
            outcome,
            is_partial: !viewer.sees_all(),
            has_no_usage,
            page: frame,
        }
    }
}

#[cfg(test)]
mod tests;
