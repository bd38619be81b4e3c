//! A signature made elsewhere: by a wallet, an HSM, a KMS.

use std::fmt;

use k256::ecdsa::Signature as Ecdsa;

use super::{recover, Address, Signature, Signer};
use crate::error::{Error, ErrorKind, Result};
use crate::hex::checksum_address;

/// Signs through a caller's function, whose every answer is checked.
///
/// The function gets the 32-byte digest and answers r, s and v (65 bytes). HSMs often return a
/// high s or v as 0/1; both are brought to the one valid form here. An answer that then does
/// not recover to the stated address is an error, so a wrong key or a message prefix added by
/// a wallet is seen before a receipt leaves the house.
pub struct CallbackSigner<F> {
    address: Address,
    sign: F,
}

impl<F> CallbackSigner<F>
where
    F: Fn(&[u8; 32]) -> Result<Vec<u8>> + Send + Sync,
{
    /// A signer in the name of `address`; `sign` is called once per digest, from any thread.
    pub fn new(address: Address, sign: F) -> Self {
        CallbackSigner { address, sign }
    }
}

impl<F> Signer for CallbackSigner<F>
where
    F: Fn(&[u8; 32]) -> Result<Vec<u8>> + Send + Sync,
{
    fn address(&self) -> Address {
        self.address
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature> {
        checked("signer callback", digest, &(self.sign)(digest)?, &self.address)
    }
}

impl<F> fmt::Debug for CallbackSigner<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackSigner({})", checksum_address(&self.address))
    }
}

/// A signature made elsewhere, in its one valid form: r, s and v, by `address`.
///
/// # Errors
/// [`ErrorKind::Signer`] about `field`.
pub(crate) fn checked(
    field: &'static str,
    digest: &[u8; 32],
    answer: &[u8],
    address: &Address,
) -> Result<Signature> {
    let fail = |why: String| Error::new(ErrorKind::Signer, field, why);
    let length = answer.len();
    let answer: Signature = answer
        .try_into()
        .map_err(|_| fail(format!("the answer has {length} bytes; a signature has 65 (r, s, v)")))?;
    let signature = normalized(answer).map_err(|e| fail(e.message().to_string()))?;
    let signed = recover(digest, &signature).map_err(|e| fail(e.message().to_string()))?;
    if signed != *address {
        return Err(fail(format!(
            "the signature is by {}, not by the stated {}",
            checksum_address(&signed),
            checksum_address(address)
        )));
    }
    Ok(signature)
}

fn normalized(mut signature: Signature) -> Result<Signature> {
    let fail = |why: &str| Error::new(ErrorKind::Signer, "signature", why);
    let (rs, v) = signature.split_at_mut(64);
    let ecdsa = Ecdsa::from_slice(rs).map_err(|_| fail("r or s is zero or not below the group order"))?;
    let mut odd = match v {
        [0 | 27] => 0,
        [1 | 28] => 1,
        _ => return Err(fail("v must be 27 or 28 (or 0 or 1)")),
    };
    if let Some(low) = ecdsa.normalize_s() {
        rs.copy_from_slice(&low.to_bytes());
        odd ^= 1; // -s belongs to the mirrored point
    }
    v.fill(27 + odd);
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::super::KeySigner;
    use super::*;
    use crate::abi::keccak256;
    use k256::elliptic_curve::ops::Neg;

    fn key() -> KeySigner {
        KeySigner::from_bytes(&[0x2a; 32]).unwrap()
    }

    fn answering(change: impl Fn(Signature) -> Vec<u8> + Send + Sync) -> Result<Signature> {
        let signer =
            CallbackSigner::new(key().address(), move |digest| Ok(change(key().sign_digest(digest)?)));
        signer.sign_digest(&keccak256(b"digest"))
    }

    #[test]
    fn high_s_and_small_v_are_brought_to_the_valid_form() {
        let expected = key().sign_digest(&keccak256(b"digest")).unwrap();
        assert_eq!(answering(|s| s.to_vec()).unwrap(), expected);
        assert_eq!(
            answering(|mut s| {
                s[64] -= 27;
                s.to_vec()
            })
            .unwrap(),
            expected
        );
        let high = answering(|mut s| {
            let signature = Ecdsa::from_slice(&s[..64]).unwrap();
            let flipped = Ecdsa::from_scalars(signature.r(), signature.s().neg()).unwrap();
            s[..64].copy_from_slice(&flipped.to_bytes());
            s[64] = 55 - s[64];
            s.to_vec()
        });
        assert_eq!(high.unwrap(), expected);
    }

    #[test]
    fn wrong_answers_are_refused() {
        let text = |r: Result<Signature>| r.unwrap_err().to_string();
        assert_eq!(
            text(answering(|s| s[..64].to_vec())),
            "signer callback: the answer has 64 bytes; a signature has 65 (r, s, v)"
        );
        assert_eq!(
            text(answering(|mut s| {
                s[64] = 2;
                s.to_vec()
            })),
            "signer callback: v must be 27 or 28 (or 0 or 1)"
        );
        assert_eq!(
            text(answering(|_| vec![0; 65])),
            "signer callback: r or s is zero or not below the group order"
        );
        let other = KeySigner::from_bytes(&[0x2b; 32]).unwrap();
        let by_another = text(answering(move |_| other.sign_digest(&keccak256(b"digest")).unwrap().to_vec()));
        assert!(by_another.starts_with("signer callback: the signature is by 0x"), "{by_another}");
        // A wallet that prefixes the message signs another digest.
        assert!(answering(|_| key().sign_digest(&keccak256(b"prefixed")).unwrap().to_vec()).is_err());
    }

    #[test]
    fn the_callbacks_own_error_comes_through() {
        let signer = CallbackSigner::new([1; 20], |_: &[u8; 32]| {
            Err(Error::new(ErrorKind::Signer, "hsm", "the card is locked"))
        });
        assert_eq!(signer.sign_digest(&[0; 32]).unwrap_err().to_string(), "hsm: the card is locked");
    }
}
