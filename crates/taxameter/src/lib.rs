//! The program: it reads the configuration, puts the stages together, and talks to people in a terminal.
//!
//! It is the only crate that reads the environment, and the only one that knows all stages. Start with [`serve`] (what
//! runs), [`demo`] (all of it at work), [`client`] (how commands reach it) and [`commands`].

pub mod config;
pub mod serve;
mod apply;
mod catalogue;
mod listener;
pub mod client;
pub mod output;
pub mod commands;
pub mod demo;
pub mod generate;
pub mod send;
