//! The signer of a receipt: a keystore's key, or a fresh one.

use std::path::Path;
use std::sync::Arc;

use attestlm::signer::{format_address, keystore, KeySigner, Signer};
use attestlm::Result;

use crate::{password, terminal};

/// The key of a keystore.
///
/// # Errors
/// It cannot be read or decrypted.
pub fn from_keystore(path: &Path) -> Result<Arc<dyn Signer>> {
    // Read first: nobody should be asked for the password of a file that is not there.
    let text = keystore::read(path)?;
    Ok(Arc::new(keystore::decrypt(&text, &password::existing()?)?))
}

/// A fresh key, and a line on standard error that says so.
///
/// # Errors
/// The system gave no random numbers.
pub fn fresh() -> Result<Arc<dyn Signer>> {
    let signer = KeySigner::random()?;
    let address = format_address(&signer.address());
    terminal::note(&format!("no --key: signing with a fresh key, {address}"));
    Ok(Arc::new(signer))
}
