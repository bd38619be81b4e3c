//! What a call must answer: success, or the class of an error and the field it is about.

use attestlm::ErrorKind;
use serde_json::{json, Value};

use crate::{header, Failure};

/// A class and a field; `None`: success.
pub type Outcome = Option<(ErrorKind, &'static str)>;

/// Writes outcomes with the numbers that the C header has.
pub struct Statuses {
    header: String,
}

impl Statuses {
    /// The statuses of the interface.
    ///
    /// # Errors
    /// As the header.
    pub fn read() -> Result<Self, Failure> {
        Ok(Statuses { header: header::text()? })
    }

    /// Adds `code` and, of an error, `name` and `field` to a case.
    ///
    /// # Errors
    /// A class without a status.
    pub fn add(&self, outcome: Outcome, case: &mut Value) -> Result<(), Failure> {
        case["code"] = json!(0);
        if let Some((kind, field)) = outcome {
            let define = format!("#define ATTESTLM_ERR_{} ", kind.name().to_uppercase());
            let code = self.header.lines().find_map(|line| line.strip_prefix(&define));
            case["code"] =
                code.ok_or_else(|| format!("no status for `{}`", kind.name()))?.parse::<i64>()?.into();
            case["name"] = kind.name().into();
            case["field"] = field.into();
        }
        Ok(())
    }
}
