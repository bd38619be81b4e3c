//! What a redacted receipt still shows.

use crate::error::{Error, Result};
use crate::json::{self, Limits, Object};

/// What may be read to know what is shown.
const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_depth: 2, max_values: 1 << 17 };

/// What is readable in a redacted receipt ([`Document::redacted`](super::Document::redacted)).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Indices of steps, rising.
    pub steps: Vec<u32>,
}

impl Shown {
    /// These steps, in any order.
    #[must_use]
    pub fn steps(steps: &[u32]) -> Self {
        let mut steps = steps.to_vec();
        steps.sort_unstable();
        steps.dedup();
        Shown { steps }
    }

    /// Reads `{"steps": [0, 2]}`: indices of steps, at least one.
    ///
    /// # Errors
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) naming the field.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        let value = json::parse("shown", text, LIMITS)?;
        if !value.is_object() {
            return Err(Error::argument("shown", "must be a JSON object"));
        }
        let mut object = Object::new("", value)?;
        let shown = Self::steps(&object.uint32_array("steps")?);
        object.finish()?;
        shown.check()?;
        Ok(shown)
    }

    /// # Errors
    /// No step.
    pub(super) fn check(&self) -> Result<()> {
        if self.steps.is_empty() {
            return Err(Error::argument("steps", "must name at least one step"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_strictly() {
        assert_eq!(Shown::from_json(br#"{"steps": [3, 1, 3]}"#).unwrap().steps, [1, 3]);
        for (text, field) in [
            ("{}", "steps"),
            (r#"{"steps": []}"#, "steps"),
            (r#"{"steps": [-1]}"#, "steps"),
            (r#"{"steps": [4294967296]}"#, "steps"),
            (r#"{"steps": [1], "request": true}"#, "request"),
            ("[1]", "shown"),
            ("", "shown"),
        ] {
            let error = Shown::from_json(text.as_bytes()).unwrap_err();
            assert!(error.field().starts_with(field), "{text}: {error}");
        }
    }
}
