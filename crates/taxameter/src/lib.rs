//! The program: it reads the configuration, puts the stages together, and talks to people in a terminal.
//!
//! It is the only crate that reads the environment, and the only one that knows all stages. Start with [`serve`] (what
//! runs), [`demo`] (all of it at work), [`client`] (how commands reach it) and [`commands`].

mod catalogue;
pub mod client;
pub mod commands;
pub mod config;
pub mod demo;
pub mod generate;
mod listener;
pub mod output;
pub mod send;
pub mod serve;
