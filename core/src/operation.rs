//! A call that takes long, watched and stopped from another thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What another thread sees of a call that takes long, and how it stops it: opening a model, scoring, verifying.
/// Clones are the same operation.
///
/// A cancel is for good: whatever is given the operation afterwards fails at once.
#[derive(Clone, Default)]
pub struct Operation(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
    /// Flags of the decodes that run for it.
    aborts: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Operation {
    /// An operation that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the call to end with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). It does not wait.
    pub fn cancel(&self) {
        let aborts = self.aborts();
        self.0.cancelled.store(true, Ordering::SeqCst);
        aborts.iter().for_each(|abort| abort.store(true, Ordering::SeqCst));
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// How much is done, and of how much: bytes of a file, or tokens. 0 of 0 before it is known.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let done = self.0.done.load(Ordering::Acquire);
        let total = self.0.total.load(Ordering::Acquire);
        // The two may be of different moments, and of different calls.
        (done.min(total), total)
    }

    /// Says how much is done, and answers whether to go on.
    pub fn advance(&self, done: u64, total: u64) -> bool {
        self.0.total.store(total, Ordering::Release);
        self.0.done.store(done, Ordering::Release);
        !self.is_cancelled()
    }

    /// For [`Model::open_with`](crate::model::Model::open_with): the bytes read and checked. Loading, which follows, can
    /// be cancelled, too.
    #[cfg(feature = "engine")]
    pub fn opening(&self, progress: crate::model::Progress) -> bool {
        match progress {
            crate::model::Progress::Hashing(done, total) => self.advance(done, total),
            crate::model::Progress::Loading(_) => !self.is_cancelled(),
        }
    }

    /// # Errors
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if it was cancelled.
    #[cfg(feature = "engine")]
    pub(crate) fn check(&self, what: &'static str) -> crate::Result<()> {
        if self.is_cancelled() {
            return Err(crate::Error::new(crate::ErrorKind::Cancelled, what, "cancelled"));
        }
        Ok(())
    }

    /// Until the guard is dropped a cancel raises this flag, which nobody else may raise.
    #[cfg(feature = "engine")]
    pub(crate) fn aborts_with(&self, flag: &Arc<AtomicBool>) -> Aborts<'_> {
        let mut aborts = self.aborts();
        flag.store(self.is_cancelled(), Ordering::SeqCst);
        aborts.push(Arc::clone(flag));
        Aborts { operation: self, flag: Arc::clone(flag) }
    }

    fn aborts(&self) -> MutexGuard<'_, Vec<Arc<AtomicBool>>> {
        self.0.aborts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A decode that an operation stops.
#[cfg(feature = "engine")]
pub(crate) struct Aborts<'a> {
    operation: &'a Operation,
    flag: Arc<AtomicBool>,
}

#[cfg(feature = "engine")]
impl Drop for Aborts<'_> {
    fn drop(&mut self) {
        let mut aborts = self.operation.aborts();
        if let Some(at) = aborts.iter().position(|flag| Arc::ptr_eq(flag, &self.flag)) {
            aborts.swap_remove(at);
        }
        self.flag.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_is_for_good() {
        let operation = Operation::new();
        assert_eq!(operation.progress(), (0, 0));
        assert!(operation.advance(3, 10));
        operation.clone().cancel();
        assert!(!operation.advance(4, 10));
        assert_eq!(operation.progress(), (4, 10));
    }

    #[cfg(feature = "engine")]
    #[test]
    fn a_cancel_raises_the_flags_of_what_runs_and_no_others() {
        let (operation, before, flag) = (Operation::new(), Arc::default(), Arc::default());
        drop(operation.aborts_with(&before));
        let running = operation.aborts_with(&flag);
        assert_eq!(operation.check("score").map_err(|e| e.kind()), Ok(()));
        operation.cancel();
        assert_eq!(operation.check("score").map_err(|e| e.kind()), Err(crate::ErrorKind::Cancelled));
        assert!(flag.load(Ordering::SeqCst) && !before.load(Ordering::SeqCst));
        drop(running);
        assert!(!flag.load(Ordering::SeqCst), "it is lowered for the next one");
        let again = operation.aborts_with(&flag);
        assert!(flag.load(Ordering::SeqCst), "and raised at once after a cancel");
        drop(again);
    }
}
