//! Strict public-key recovery: one digest and one address have exactly one valid signature form.

use k256::ecdsa::{RecoveryId, Signature as Ecdsa, VerifyingKey};

use super::{Address, Signature};
use crate::abi::keccak256;
use crate::error::{Error, ErrorKind, Result};

/// The address that signed `digest`.
///
/// # Errors
/// [`ErrorKind::Signer`] about `signature`: v other than 27 or 28, r or s zero or not below the
/// group order, s in the upper half of the order (a second form of a valid signature, which
/// EIP-2 forbids), or no point with that r.
pub fn recover(digest: &[u8; 32], signature: &Signature) -> Result<Address> {
    let fail = |why: &str| Error::new(ErrorKind::Signer, "signature", why);
    let (rs, v) = signature.split_at(64);
    let odd = match v {
        [27] => false,
        [28] => true,
        _ => return Err(fail("v must be 27 or 28")),
    };
    let ecdsa = Ecdsa::from_slice(rs).map_err(|_| fail("r or s is zero or not below the group order"))?;
    if ecdsa.normalize_s().is_some() {
        return Err(fail("s is in the upper half of the group order (high s): the signature is malleable"));
    }
    let key = VerifyingKey::recover_from_prehash(digest, &ecdsa, RecoveryId::new(odd, false))
        .map_err(|_| fail("no public key has this signature"))?;
    Ok(address_of(&key))
}

pub(super) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    // The leading byte 0x04 says "uncompressed" and is not hashed.
    let hash = keccak256(point.as_bytes().get(1..).unwrap_or_default());
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    address
}

#[cfg(test)]
mod tests {
    use super::super::{KeySigner, Signer};
    use super::*;

    fn example() -> ([u8; 32], Signature, Address) {
        let signer = KeySigner::from_bytes(&[7; 32]).unwrap();
        let digest = keccak256(b"recover");
        (digest, signer.sign_digest(&digest).unwrap(), signer.address())
    }

    /// n - s, big-endian; n is the order of secp256k1 (SEC 2).
    fn negate(s: &mut [u8]) {
        const N: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
            0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
        ];
        let mut borrow = 0i16;
        for (digit, n) in s.iter_mut().zip(N).rev() {
            let difference = i16::from(n) - i16::from(*digit) - borrow;
            borrow = i16::from(difference < 0);
            *digit = u8::try_from(difference.rem_euclid(256)).unwrap();
        }
    }

    #[test]
    fn each_wrong_form_has_its_own_reason() {
        let (digest, good, address) = example();
        assert_eq!(recover(&digest, &good).unwrap(), address);
        let reason = |change: &dyn Fn(&mut Signature)| {
            let mut signature = good;
            change(&mut signature);
            recover(&digest, &signature).unwrap_err().to_string()
        };
        for v in [0, 1, 26, 29, 255] {
            assert_eq!(reason(&|s| s[64] = v), "signature: v must be 27 or 28");
        }
        let range = "signature: r or s is zero or not below the group order";
        assert_eq!(reason(&|s| s[..32].fill(0)), range);
        assert_eq!(reason(&|s| s[32..64].fill(0)), range);
        assert_eq!(reason(&|s| s[..32].fill(255)), range);
        assert_eq!(reason(&|s| s[32..64].fill(255)), range);
        let high = reason(&|s| {
            negate(&mut s[32..64]);
            s[64] = 55 - s[64];
        });
        assert_eq!(
            high,
            "signature: s is in the upper half of the group order (high s): the signature is malleable"
        );
    }

    #[test]
    fn another_digest_or_v_is_another_signer() {
        let (mut digest, mut signature, address) = example();
        digest[0] ^= 1;
        assert_ne!(recover(&digest, &signature).ok(), Some(address));
        digest[0] ^= 1;
        signature[64] = 55 - signature[64];
        assert_ne!(recover(&digest, &signature).ok(), Some(address));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_recover_or_err(digest: [u8; 32], rs in proptest::collection::vec(0u8.., 65)) {
            let _ = recover(&digest, &rs.try_into().unwrap());
        }
    }
}
