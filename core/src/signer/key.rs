//! A secp256k1 key in memory.

use std::fmt;

use k256::ecdsa::SigningKey;
use zeroize::Zeroizing;

use super::recover::address_of;
use super::{Address, Signature, Signer};
use crate::error::{Error, ErrorKind, Result};
use crate::hex::checksum_address;
use crate::seed::random_bytes;

/// A private key in memory: deterministic nonces (RFC 6979), low s, zeroized when dropped.
pub struct KeySigner {
    // `SigningKey` zeroizes itself on drop.
    key: SigningKey,
    address: Address,
}

impl KeySigner {
    /// A fresh key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the operating system has none.
    pub fn random() -> Result<Self> {
        // A draw outside 1..n has probability below 2^-127; it comes back as an error.
        Self::from_bytes(&Zeroizing::new(random_bytes("key")?))
    }

    /// From the key's 32 bytes, big-endian.
    ///
    /// # Errors
    /// [`ErrorKind::Signer`]: zero, or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let key = SigningKey::from_slice(bytes).map_err(|_| {
            Error::new(ErrorKind::Signer, "key", "the key is zero or not below the group order")
        })?;
        let address = address_of(key.verifying_key());
        Ok(KeySigner { key, address })
    }

    /// The key's 32 bytes, big-endian; they are zeroized when dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes().into())
    }
}

impl Signer for KeySigner {
    fn address(&self) -> Address {
        self.address
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature> {
        let (signature, id) = self
            .key
            .sign_prehash_recoverable(digest)
            .map_err(|_| Error::new(ErrorKind::Signer, "key", "the digest could not be signed"))?;
        // r at or above the order minus p cannot be expressed by v 27/28; its probability is about 2^-127.
        if id.is_x_reduced() {
            return Err(Error::new(ErrorKind::Signer, "key", "the signature's r does not fit v 27 or 28"));
        }
        let mut out = [0; 65];
        out[..64].copy_from_slice(&signature.to_bytes());
        out[64] = 27 + u8::from(id.is_y_odd());
        Ok(out)
    }
}

impl fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySigner({})", checksum_address(&self.address))
    }
}

#[cfg(test)]
mod tests {
    use super::super::recover;
    use super::*;
    use crate::abi::keccak256;

    #[test]
    fn a_key_out_of_range_is_refused() {
        assert!(KeySigner::from_bytes(&[0; 32]).is_err());
        assert!(KeySigner::from_bytes(&[255; 32]).is_err());
    }

    #[test]
    fn debug_shows_the_address_alone() {
        let signer = KeySigner::from_bytes(&[0x11; 32]).unwrap();
        assert_eq!(format!("{signer:?}"), "KeySigner(0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A)");
    }

    #[test]
    fn signing_is_deterministic() {
        let signer = KeySigner::from_bytes(&[0x46; 32]).unwrap();
        let digest = keccak256(b"same");
        assert_eq!(signer.sign_digest(&digest).unwrap(), signer.sign_digest(&digest).unwrap());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn what_a_key_signs_recovers_to_its_address(digest: [u8; 32]) {
            let signer = KeySigner::random().unwrap();
            proptest::prop_assert_eq!(
                recover(&digest, &signer.sign_digest(&digest).unwrap()).unwrap(),
                signer.address()
            );
        }
    }
}
