//! The work a template may do. A GGUF's template is untrusted: every byte it makes and every
//! value it walks is charged here before it is made, so that memory and time stay bounded.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use minijinja::value::ObjectRepr;
use minijinja::{Error, ErrorKind, Value};
use once_cell::sync::Lazy;

use super::text::MAX_DEPTH;

/// Units a render may spend: 1 a byte written, [`NODE`] a value walked.
const WORK: i64 = 64 * 1024 * 1024;

/// The cost of walking one value: about the bytes a `Value` takes.
const NODE: usize = 16;

/// What is left of a render's allowance, and the first refusal.
pub(super) struct Meter {
    left: AtomicI64,
    failure: Mutex<Option<String>>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Meter { left: AtomicI64::new(WORK), failure: Mutex::new(None) }
    }

    /// An error of ours; its text is fixed, so it may be shown (the engine's may hold content).
    pub(super) fn fail(&self, why: impl Into<String>) -> Error {
        let why = why.into();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        Error::new(ErrorKind::InvalidOperation, failure.get_or_insert(why).clone())
    }

    /// The first error made by [`Self::fail`].
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Spends `units`.
    pub(super) fn charge(&self, units: usize) -> Result<(), Error> {
        // A larger charge than the whole allowance must not wrap the counter.
        let units = i64::try_from(units).unwrap_or(WORK).min(WORK) + 1;
        if self.left.fetch_sub(units, Ordering::Relaxed) < units {
            self.left.store(0, Ordering::Relaxed);
            return Err(self.fail("the template does too much work (it makes or walks too much data)"));
        }
        Ok(())
    }

    /// Spends the cost of walking `count` values.
    pub(super) fn charge_nodes(&self, count: usize) -> Result<(), Error> {
        self.charge(count.saturating_mul(NODE))
    }

    /// Spends the cost of one pass over a value; a string costs its length.
    pub(super) fn walk(&self, value: &Value) -> Result<(), Error> {
        match value.as_str() {
            Some(text) => self.charge(text.len()),
            None => self.walk_nested(value, MAX_DEPTH, false),
        }
    }

    /// Refuses what must not be kept in a list, map or namespace: values nested too deeply,
    /// and everything but plain data. Chains of namespaces or macros could otherwise grow so
    /// long that dropping them overflows the stack.
    pub(super) fn storable(&self, value: &Value) -> Result<(), Error> {
        self.walk_nested(value, MAX_DEPTH, true)
    }

    fn walk_nested(&self, value: &Value, depth: usize, plain: bool) -> Result<(), Error> {
        self.charge_nodes(1)?;
        if let Some(text) = value.as_str() {
            return self.charge(text.len() / NODE);
        }
        let Some(object) = value.as_object() else { return Ok(()) };
        let depth = depth.checked_sub(1).ok_or_else(|| self.fail("a value is nested too deeply"))?;
        if plain && !value.is_kwargs() && !is_plain(value) {
            return Err(self.fail("only plain values can be kept in a list, map or namespace"));
        }
        match object.repr() {
            ObjectRepr::Seq | ObjectRepr::Iterable => {
                for item in object.try_iter().into_iter().flatten() {
                    self.walk_nested(&item, depth, plain)?;
                }
            }
            ObjectRepr::Map => {
                for (key, item) in object.try_iter_pairs().into_iter().flatten() {
                    self.walk_nested(&key, depth, plain)?;
                    self.walk_nested(&item, depth, plain)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Turns lazy sequences into lists. Lazy ones can wrap one another without end, and
    /// walking such a chain overflows the stack.
    pub(super) fn settle(&self, value: Value) -> Result<Value, Error> {
        if let Some(text) = value.as_str() {
            self.charge(text.len())?;
            return Ok(value);
        }
        match value.as_object().map(|object| (object, object.repr())) {
            Some((object, ObjectRepr::Seq | ObjectRepr::Iterable)) if !is_plain(&value) => {
                let mut items = Vec::new();
                for item in object.try_iter().into_iter().flatten() {
                    self.charge_nodes(1)?;
                    items.push(self.settle(item)?);
                }
                Ok(Value::from_object(items))
            }
            _ => Ok(value),
        }
    }
}

static MAP: Lazy<Value> = Lazy::new(|| [("key", 0)].into_iter().collect());

/// Whether an object is one of the two plain containers.
fn is_plain(value: &Value) -> bool {
    let map = MAP.as_object().map(minijinja::value::DynObject::type_name);
    value.downcast_object_ref::<Vec<Value>>().is_some()
        || value.as_object().map(minijinja::value::DynObject::type_name) == map
}
