//! keccak256 and the part of the contract ABI encoding that receipts use: static 32-byte
//! words, one after another. Dynamic data enters only through its hash.

use sha3::{Digest, Keccak256};

/// A 32-byte word: `bytes32`, or an integer as 32-byte big-endian.
pub type Word = [u8; 32];

/// The all-zero word.
pub const ZERO: Word = [0; 32];

/// keccak256 as Ethereum uses it (the padding before FIPS 202).
#[must_use]
pub fn keccak256(bytes: &[u8]) -> Word {
    Keccak256::digest(bytes).into()
}

/// `keccak256(abi.encode(words…))`: keccak256 of the words, concatenated.
#[must_use]
pub fn keccak_words(words: &[Word]) -> Word {
    let mut hasher = Keccak256::new();
    for word in words {
        hasher.update(word);
    }
    hasher.finalize().into()
}

/// `uint8`…`uint64` as a word.
#[must_use]
pub fn uint(value: impl Into<u64>) -> Word {
    let mut word = ZERO;
    word[24..].copy_from_slice(&value.into().to_be_bytes());
    word
}

/// `int64` as a word: two's complement, sign-extended.
#[must_use]
pub fn int(value: i64) -> Word {
    let mut word = if value < 0 { [0xff; 32] } else { ZERO };
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// `address` as a word: 12 zero bytes, then the address.
#[must_use]
pub fn address(value: &[u8; 20]) -> Word {
    let mut word = ZERO;
    word[12..].copy_from_slice(value);
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn keccak_of_the_empty_string() {
        // The code hash of an account without code, as EIP-1052 gives it.
        assert_eq!(
            hex::encode(&keccak256(b"")),
            "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
    }

    #[test]
    fn words_follow_the_contract_abi() {
        use alloy_sol_types::private::{Address, I256, U256};
        use alloy_sol_types::SolValue;
        for value in [0, 1, -1, 700_000, i64::MIN, i64::MAX] {
            assert_eq!(int(value).to_vec(), I256::try_from(value).unwrap().abi_encode());
        }
        for value in [0, 1, u64::MAX] {
            assert_eq!(uint(value).to_vec(), U256::from(value).abi_encode());
        }
        assert_eq!(address(&[7; 20]).to_vec(), Address::from([7; 20]).abi_encode());
        assert_eq!(
            keccak_words(&[uint(1u32), int(-2)]),
            keccak256(&(U256::from(1), I256::try_from(-2).unwrap()).abi_encode())
        );
    }
}
