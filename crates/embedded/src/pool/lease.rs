//! A connection in the hands of one request, and where it goes afterwards.

use std::sync::Arc;

use super::profile::{Profile, undo_of};
use super::{Pool, Session};
use crate::exception::Exception;
use crate::library::Connection;

/// Where a connection goes after its request.
pub(super) enum Home {
    /// Back to the idle ones, if it is as it was.
    Shared {
        profile: Profile,
        /// It came with the profile set.
        is_set: bool,
    },
    /// Back to its session, after these statements.
    Session { session: Session, restore: Vec<String> },
}

/// A connection in the hands of one request.
pub(crate) struct Lease {
    pub(super) pool: Arc<Pool>,
    pub(super) connection: Option<Connection>,
    pub(super) home: Home,
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        #[expect(clippy::expect_used, reason = "it is taken only by finish and drop")]
        self.connection.as_mut().expect("a lease has its connection until it ends")
    }

    pub(super) fn apply(&mut self, profile: &Profile) -> Result<(), Exception> {
        match &self.home {
            Home::Shared { is_set: true, .. } => return Ok(()),
            Home::Shared { is_set: false, .. } => {}
            Home::Session { .. } if profile.is_empty() => return Ok(()),
            Home::Session { .. } => {
                let undo = undo_of(self.connection(), profile)?;
                if let Home::Session { restore, .. } = &mut self.home {
                    *restore = undo;
                }
            }
        }
        profile.apply(self.connection())
    }

    /// Ends the lease. `unchanged` says that the statement left nothing behind on the connection.
    pub(crate) fn finish(mut self, unchanged: bool) {
        let Some(connection) = self.connection.take() else { return };
        match std::mem::replace(&mut self.home, Home::Shared { profile: Profile::default(), is_set: false }) {
            Home::Shared { profile, .. } => {
                let mut connection = Some(connection);
                self.pool.give_back(|contents| {
                    contents.leased -= 1;
                    if unchanged && !contents.closed && contents.idle.len() < self.pool.idle_max {
                        contents.idle.extend(connection.take().map(|connection| (profile, connection)));
                    }
                });
            }
            Home::Session { session, restore } => self.pool.return_session(connection, &session, &restore),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match &self.home {
            // Whatever happened, this connection is not used again; a session's is, without losing what
            // the client has put there.
            Home::Shared { .. } => {
                drop(connection);
                self.pool.give_back(|contents| contents.leased -= 1);
            }
            Home::Session { session, restore } => self.pool.return_session(connection, session, restore),
        }
    }
}
