//! A signature to be made later, elsewhere: the receipt waits for it.

use super::{Address, Signature, Signer, UNSIGNED};
use crate::error::Result;

/// Signs nothing: documents come out unsigned, to be completed with
/// [`Document::add_signature`](crate::receipt::Document::add_signature). For wallets and services that cannot
/// be called from within a generation.
#[derive(Debug, Clone, Copy)]
pub struct ExternalSigner {
    address: Address,
}

impl ExternalSigner {
    /// In the name of `address`.
    #[must_use]
    pub fn new(address: Address) -> Self {
        ExternalSigner { address }
    }
}

impl Signer for ExternalSigner {
    fn address(&self) -> Address {
        self.address
    }

    fn sign_digest(&self, _digest: &[u8; 32]) -> Result<Signature> {
        Ok(UNSIGNED)
    }
}
