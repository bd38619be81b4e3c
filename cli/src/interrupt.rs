//! Ctrl-C: the first asks the work to end in order, the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use attestlm::session::CancelHandle;
use attestlm::{Error, ErrorKind, Result};

use crate::fail::Status;

/// Whether, and whom, an interrupt cancels.
#[derive(Clone, Default)]
pub struct Interrupt {
    raised: Arc<AtomicBool>,
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
            if ours.raised.swap(true, Ordering::SeqCst) {
                std::process::exit(Status::Cancelled as i32);
            }
            if let Some(session) = &*ours.session.lock().unwrap_or_else(PoisonError::into_inner) {
                session.cancel();
            }
        })
        .map_err(|e| Error::new(ErrorKind::Internal, "interrupt", e.to_string()))?;
        Ok(interrupt)
    }

    /// Whether an interrupt came.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// The flag itself, for work that watches one.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.raised)
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
