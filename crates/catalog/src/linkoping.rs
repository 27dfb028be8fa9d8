//! Linköping's catalogue, built in as the default.

use crate::files::Files;

macro_rules! built_in {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_bytes!(concat!("../../../deploy/catalog/linkoping/", $path)).as_slice()),)+]
    };
}

/// The files of `deploy/catalog/linkoping/`, as they were when the program was built.
pub fn linkoping() -> Files {
    let files = built_in![
        "avtal.csv",
        "beslut.csv",
        "csv.toml",
        "budget.toml",
        "finansiering.toml",
        "kallor.toml",
        "kontering.toml",
        "kostnadsstallen.csv",
        "kunder.csv",
        "objektets-konto.csv",
        "omfattning.toml",
        "organisation.toml",
        "paslag.toml",
        "priser.csv",
        "tjanster/anvandarnara.toml",
        "tjanster/plattform.toml",
        "tjanster/under-utveckling.toml",
        "volymer.csv",
    ];
    files.into_iter().map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).collect()
}
