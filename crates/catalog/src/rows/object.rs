//! The object's own economy as flat rows.

use domain::object::{Budget, BudgetPart, Entry, Post, Project};

use super::{Object, Row, row, text};

pub(super) fn budget_row(year: i32, budget: &Budget) -> Row {
    let part = |part: BudgetPart| text(budget.parts.get(&part));
    let roles = budget.roles.iter().map(|r| format!("{} {} ({})", r.name, r.share, r.financing.name()));
    let transfers = budget
        .transfers
        .iter()
        .map(|t| format!("{} {} {} ({})", t.customer, t.service, t.amount, t.decision));
    row(
        Object::Budget,
        &year.to_string(),
        [
            ("management", "förvaltning", part(BudgetPart::Management)),
            ("planned", "planerad utveckling", part(BudgetPart::Planned)),
            ("unplanned", "oplanerad utveckling", part(BudgetPart::Unplanned)),
            ("joint", "gemensamma tjänster", part(BudgetPart::Joint)),
            ("carried_over", "överfört", budget.carried_over.to_string()),
            ("full_time_cost", "heltid", text(budget.full_time_cost)),
            ("roles", "roller", roles.collect::<Vec<_>>().join(", ")),
            ("transfers", "överföringar", transfers.collect::<Vec<_>>().join(", ")),
            ("decision", "beslut", budget.decision.clone()),
        ],
    )
}

pub(super) fn project_row(project: &Project) -> Row {
    row(
        Object::Project,
        &project.id,
        [
            ("name", "namn", project.name.clone()),
            ("from", "från", project.from.to_string()),
            ("to", "till", text(project.to)),
            ("funds", "medel", project.funds.to_string()),
            ("financier", "finansiär", project.financier.clone()),
            ("decision", "beslut", project.decision.clone()),
        ],
    )
}

pub(super) fn entry_row(entry: &Entry) -> Row {
    let post = match &entry.post {
        Post::Part(part) => part.name(),
        Post::Project(id) => id,
    };
    row(
        Object::Entry,
        &format!("{} {post} {}", entry.day, entry.reference),
        [
            ("day", "datum", entry.day.to_string()),
            ("post", "post", post.to_owned()),
            ("cost", "belopp", entry.cost.to_string()),
            ("text", "text", entry.text.clone()),
            ("reference", "underlag", entry.reference.clone()),
        ],
    )
}
