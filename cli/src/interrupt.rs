//! Ctrl-C: the first asks the work to end in order, the second ends the process.

use std::sync::{Arc, Mutex, PoisonError};

use attestlm::operation::Operation;
use attestlm::session::CancelHandle;
use attestlm::{Error, ErrorKind, Result};

use crate::fail::Status;

/// Whether, and whom, an interrupt cancels.
#[derive(Clone, Default)]
pub struct Interrupt {
    operation: Operation,
    session: Arc<Mutex<Option<CancelHandle>>>,
}

impl Interrupt {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the handler cannot be set.
    pub fn listen() -> Result<Self> {
        let interrupt = Interrupt::default();
        let ours = interrupt.clone();
        ctrlc::set_handler(move || {
            if ours.is_raised() {
                std::process::exit(Status::Cancelled as i32);
            }
            ours.operation.cancel();
            if let Some(session) = &*ours.session.lock().unwrap_or_else(PoisonError::into_inner) {
                session.cancel();
            }
        })
        .map_err(|e| Error::new(ErrorKind::Internal, "interrupt", e.to_string()))?;
        Ok(interrupt)
    }

    /// Whether an interrupt came.
    pub fn is_raised(&self) -> bool {
        self.operation.is_cancelled()
    }

    /// What an interrupt cancels, for calls that take one.
    pub fn operation(&self) -> Operation {
        self.operation.clone()
    }

    /// From now on an interrupt cancels this session.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if one came before.
    pub fn guard(&self, session: CancelHandle) -> Result<()> {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        self.check()
    }

    /// # Errors
    /// [`ErrorKind::Cancelled`] if an interrupt came.
    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            return Err(Error::new(ErrorKind::Cancelled, "", "cancelled"));
        }
        Ok(())
    }
}
