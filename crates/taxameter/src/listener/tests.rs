//! Every limit, reached over real sockets.

mod connections;
mod place;
mod requests;
mod streams;
mod tls;
