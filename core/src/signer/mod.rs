//! Signers of receipts: an in-memory secp256k1 key, a key read from a keystore V3 file, or a
//! caller's callback (wallet, HSM, KMS) that signs a 32-byte digest.

mod callback;
mod external;
mod key;
pub mod keystore;
mod recover;
mod scrypt;

pub(crate) use callback::checked;
pub use callback::CallbackSigner;
pub use external::ExternalSigner;
pub use key::KeySigner;
pub use recover::recover;

pub use crate::hex::{checksum_address as format_address, parse_address};

use crate::error::Result;

/// An Ethereum address: the last 20 bytes of the keccak256 of the uncompressed public key.
pub type Address = [u8; 20];

/// A recoverable secp256k1 signature: r (32 bytes), s (32 bytes, at most half the order), v (27 or 28).
pub type Signature = [u8; 65];

/// What stands in place of a signature that is still to be made; no signature is all zero.
pub(crate) const UNSIGNED: Signature = [0; 65];

/// Something that signs digests in the name of one address.
pub trait Signer: Send + Sync {
    /// The address its signatures recover to.
    fn address(&self) -> Address;

    /// Signs a 32-byte digest (EIP-712's final hash) as it is, without a message prefix.
    ///
    /// # Errors
    /// [`ErrorKind::Signer`](crate::ErrorKind::Signer) when no valid signature came about.
    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature>;
}

impl<S: Signer + ?Sized> Signer for Box<S> {
    fn address(&self) -> Address {
        (**self).address()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature> {
        (**self).sign_digest(digest)
    }
}

impl<S: Signer + ?Sized> Signer for std::sync::Arc<S> {
    fn address(&self) -> Address {
        (**self).address()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature> {
        (**self).sign_digest(digest)
    }
}
