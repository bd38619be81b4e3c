//! Objects of the caller: what may be used by many at once, what by one, and what a panic broke.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{RwLock, TryLockError};

use crate::error::Failure;
use crate::status::{ATTESTLM_ERR_BUSY, ATTESTLM_ERR_PANIC};

/// An object behind an opaque pointer. `const T *` functions share it, `T *` functions have it alone; who
/// comes in between gets `ATTESTLM_ERR_BUSY`, never undefined behaviour.
pub(crate) struct Handle<T> {
    value: RwLock<T>,
    poisoned: AtomicBool,
}

impl<T> Handle<T> {
    pub(crate) fn new(value: T) -> Self {
        Handle { value: RwLock::new(value), poisoned: AtomicBool::new(false) }
    }

    /// For `const T *` functions.
    pub(crate) fn shared<R>(&self, f: impl FnOnce(&T) -> Result<R, Failure>) -> Result<R, Failure> {
        let guard = match self.value.try_read() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Poisoned(_)) => return Err(broken()),
        };
        self.unless_broken(|| f(&guard))
    }

    /// For `T *` functions.
    pub(crate) fn alone<R>(&self, f: impl FnOnce(&mut T) -> Result<R, Failure>) -> Result<R, Failure> {
        let mut guard = match self.value.try_write() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Poisoned(_)) => return Err(broken()),
        };
        self.unless_broken(|| f(&mut guard))
    }

    fn unless_broken<R>(&self, f: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
        if self.poisoned.load(Ordering::Relaxed) {
            return Err(broken());
        }
        let on_panic = Poison(&self.poisoned);
        let outcome = f();
        std::mem::forget(on_panic);
        outcome
    }
}

struct Poison<'a>(&'a AtomicBool);

impl Drop for Poison<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn busy() -> Failure {
    Failure::new(ATTESTLM_ERR_BUSY, "object", "it is in use by another call")
}

fn broken() -> Failure {
    Failure::new(ATTESTLM_ERR_PANIC, "object", "an earlier call on it panicked; it can only be freed")
}

/// A new object for the caller.
pub(crate) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Frees an object; null is none.
///
/// # Safety
/// `object` is null or came from [`give`] and is not used afterwards.
pub(crate) unsafe fn free<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: as the caller promises.
        crate::guard::quietly(|| drop(unsafe { Box::from_raw(object) }));
    }
}

/// An object of the caller's.
///
/// # Safety
/// `object` is null or came from [`give`] and is not freed during `'a`.
pub(crate) unsafe fn borrow<'a, T>(name: &'static str, object: *const T) -> Result<&'a T, Failure> {
    crate::guard::check_process()?;
    // SAFETY: as the caller promises.
    unsafe { object.as_ref() }.ok_or_else(|| Failure::null(name))
}

/// As [`borrow`], where null means none.
///
/// # Safety
/// As [`borrow`].
pub(crate) unsafe fn maybe<'a, T>(object: *const T) -> Option<&'a T> {
    // SAFETY: as the caller promises.
    unsafe { object.as_ref() }
}
