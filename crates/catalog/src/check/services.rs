//! `tjanster/*.toml`: the services.

use std::collections::BTreeMap;

use domain::Month;
use domain::catalogue::{Meter, Service};

use super::{Draft, SERVICES, meters};
use crate::finding::{Code, say};
use crate::rows::Object;
use crate::table::{Fields, Table};
use crate::values;

const SERVICE_CELLS: &[&str] =
    &["slug", "namn", "namn_en", "produkt", "start", "etablerad_fran", "manadsmatt", "focus_underkategori"];

pub(super) fn read(draft: &mut Draft) {
    let paths: Vec<String> = draft.texts.keys().filter(|path| path.starts_with(SERVICES)).cloned().collect();
    for path in paths {
        let Some(root) = draft.document(&path) else { continue };
        root.expect(Fields { tables: &["tjanst"], ..Fields::default() }, &mut draft.findings);
        for table in root.tables("tjanst") {
            read_service(draft, table);
        }
    }
}

fn read_service(draft: &mut Draft, table: &Table) {
    table.expect(
        Fields { cells: SERVICE_CELLS, tables: &["matare"], ..Fields::default() },
        &mut draft.findings,
    );
    let slug = table.required("slug", &mut draft.findings).cloned();
    let valid = slug.as_ref().and_then(|cell| values::slug(cell, &mut draft.findings));
    let Some(slug) = valid else {
        draft.declare(Object::Service, slug.map(|cell| cell.text).unwrap_or_default());
        // Its meters are still checked, under a name that nothing can refer to.
        meters::read(draft, table, "");
        return;
    };
    if let Some(first) = draft.places.get(&(Object::Service, slug.clone())) {
        let (file, line) = (first.file.clone(), first.number());
        draft.find(
            Code::ServiceTwice,
            &table.place,
            say(
                format!("tjänsten {slug} finns redan i {file}:{line}"),
                format!("service {slug} is already in {file}:{line}"),
            ),
            say(
                "ta bort den ena eller ge den en egen slug",
                "remove one of them or give it a slug of its own",
            ),
        );
        return;
    }
    draft.places.insert((Object::Service, slug.clone()), table.place.clone());
    let meters = meters::read(draft, table, &slug);
    if let Some(focus) = table.cell("focus_underkategori") {
        let known = values::service_subcategory(focus, &mut draft.findings);
        draft.catalogue.focus.extend(known.map(|known| (slug.clone(), known)));
    }
    let service = service_of(draft, table, &slug, meters);
    match service {
        Some(service) => _ = draft.catalogue.services.insert(slug, service),
        None => draft.declare(Object::Service, slug),
    }
}

fn service_of(
    draft: &mut Draft,
    table: &Table,
    slug: &str,
    meters: BTreeMap<String, Meter>,
) -> Option<Service> {
    let findings = &mut draft.findings;
    let name = table.required("namn", findings).map(|cell| cell.text.clone());
    let name_en = table.required("namn_en", findings).map(|cell| cell.text.clone());
    let start = table.required("start", findings).and_then(|cell| values::day(cell, findings));
    let established = table.cell("etablerad_fran").map(|cell| values::first_month(cell, findings));
    let measured = table.cell("manadsmatt").map_or(Some(true), |cell| values::flag(cell, findings));
    let product = table.required("produkt", findings).cloned();
    if let Some(cell) = &product
        && !draft.catalogue.products.contains_key(&cell.text)
        && !draft.is_broken(Object::Product, &cell.text)
    {
        let known: Vec<String> = draft.catalogue.products.keys().cloned().collect();
        draft.unknown(Code::UnknownProduct, cell, ("produkten", "product"), "organisation.toml", &known);
    }
    if let (Some(start), Some(Some(month)), Some(cell)) = (start, established, table.cell("etablerad_fran"))
        && month < Month::of(start)
    {
        draft.find(
            Code::EstablishedBeforeStart,
            &cell.place,
            say(format!("etablerad före starten {start}"), format!("established before the start {start}")),
            say(
                "låt etablerad_fran vara startens månad eller senare",
                "let it be the start's month or later",
            ),
        );
    }
    Some(Service {
        slug: slug.to_owned(),
        name: name?,
        name_en: name_en?,
        product: product?.text,
        start: start?,
        established_from: match established {
            Some(month) => Some(month?),
            None => None,
        },
        monthly_measured: measured?,
        meters,
    })
}
