//! The profile that is proven, and what it says of itself.

use std::sync::OnceLock;

use attestlm::model::{KERNEL_TYPES, PROVEN_TYPES};
use attestlm::profile::Profile;
use attestlm::session::SessionOptions;
use attestlm_testkit::TensorType;

static PROFILE: OnceLock<Profile> = OnceLock::new();

/// Proves this one; before anything else is asked.
pub fn prove(profile: Profile) {
    let _ = PROFILE.set(profile);
}

/// The profile that is proven.
pub fn proven() -> Profile {
    *PROFILE.get_or_init(|| Profile::Exact1)
}

/// Name and text of the file of its pinned digests.
pub fn pinned_digests() -> (&'static str, &'static str) {
    if proven() == Profile::Exact2 {
        ("digests-2.txt", include_str!("digests-2.txt"))
    } else {
        ("digests.txt", include_str!("digests.txt"))
    }
}

/// The weight types that are on its list.
pub fn listed() -> &'static [&'static str] {
    if proven() == Profile::Exact2 {
        KERNEL_TYPES
    } else {
        PROVEN_TYPES
    }
}

/// The same, as the models here have them.
pub fn types() -> Vec<TensorType> {
    TensorType::ALL.into_iter().filter(|kind| listed().contains(&kind.name())).collect()
}

/// A session's options under it.
pub fn base() -> SessionOptions {
    SessionOptions { profile: Some(proven()), ..SessionOptions::default() }
}
