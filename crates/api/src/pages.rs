//! The pages that people read: rendered here, whole without JavaScript, in Swedish or English, on screen and paper.
//!
//! Every page is made in three steps: a handler asks `billing` and `store` (as far as the viewer sees), a function of its
//! answers sums, sorts and words, and a template writes. Pages multiply no price and know no SQL; a figure on a page is one
//! of the API's. Start with [`visit`] (who asks, in which language), [`frame`] (what every page has) and [`cube`] (the sums
//! that pages are made of), then one file for each page.

mod causes;
pub(crate) mod cube;
pub(crate) mod frame;
pub(crate) mod line;
mod months;
pub(crate) mod named;
pub(crate) mod object;
pub(crate) mod operations;
pub(crate) mod overview;
pub(crate) mod payer;
pub(crate) mod prices;
pub(crate) mod service;
pub(crate) mod simulate;
pub(crate) mod visit;
mod words;
