//! Opening models and adapters, with progress for people and an interrupt for all.

use std::path::Path;

use attestlm::model::{Adapter, Model, Progress as Step};
use attestlm::profile::Profile;
use attestlm::{Error, ErrorKind, Result};

use crate::args::ProfileName;
use crate::interrupt::Interrupt;
use crate::terminal::Progress;

/// The model at `path`, or the bundled one.
///
/// # Errors
/// As [`Model::open_with`], or the interrupt.
pub fn model(path: Option<&Path>, interrupt: &Interrupt) -> Result<Model> {
    let Some(path) = path else { return Model::bundled() };
    let mut progress = Progress::new();
    let opened = Model::open_with(path, &mut |step| {
        match step {
            Step::Hashing(done, total) => progress.show("hashing", done, total),
            // A bar counts whole things: thousandths of the load.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Step::Loading(fraction) => progress.show("loading", (fraction * 1000.0) as u64, 1000),
        }
        !interrupt.is_raised()
    });
    opened.map_err(|error| in_file(path, error))
}

/// The adapter at `path`, if one is given.
///
/// # Errors
/// As [`Adapter::open`].
pub fn adapter(path: Option<&Path>, model: &Model) -> Result<Option<Adapter>> {
    path.map(|path| Adapter::open(path, model).map_err(|error| in_file(path, error))).transpose()
}

/// With the file in front of the key or tensor that is wrong in it.
fn in_file(path: &Path, error: Error) -> Error {
    if error.kind() != ErrorKind::Model {
        return error;
    }
    Error::new(error.kind(), format!("{}: {}", path.display(), error.field()), error.message())
}

/// The profile a flag names.
pub fn profile(name: ProfileName) -> Option<Profile> {
    match name {
        ProfileName::Exact => None,
        ProfileName::Exact1 => Some(Profile::Exact1),
        ProfileName::Exact2 => Some(Profile::Exact2),
        ProfileName::Fast => Some(Profile::Fast1),
    }
}
