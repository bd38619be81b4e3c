//! Opening models and adapters, with progress for people and an interrupt for all.

use std::path::Path;

use attestlm::model::{Adapter, Model, Progress as Step};
use attestlm::profile::Profile;
use attestlm::Result;

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
    Model::open_with(path, &mut |step| {
        match step {
            Step::Hashing(done, total) => progress.show("hashing", done, total),
            // A bar counts whole things: thousandths of the load.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Step::Loading(fraction) => progress.show("loading", (fraction * 1000.0) as u64, 1000),
        }
        !interrupt.is_raised()
    })
}

/// The adapter at `path`, if one is given.
///
/// # Errors
/// As [`Adapter::open`].
pub fn adapter(path: Option<&Path>, model: &Model) -> Result<Option<Adapter>> {
    path.map(|path| Adapter::open(path, model)).transpose()
}

/// The profile a flag names.
pub fn profile(name: ProfileName) -> Profile {
    match name {
        ProfileName::Exact => Profile::Exact1,
        ProfileName::Fast => Profile::Fast1,
    }
}
