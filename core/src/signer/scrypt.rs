//! scrypt (RFC 7914). By hand, because the crate refuses n >= 2^(16 r), a condition that the
//! published test vector of the keystore definition (n = 2^18, r = 1) breaks and other
//! implementations do not check; and because a failed allocation must be an error.

use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The words of one Salsa20 block.
type Block = [u32; 16];

/// Fills `output` with `scrypt(password, salt, n, r, p)`. The caller has bounded the cost;
/// `n` is a power of two above 1, `r` and `p` are above 0.
///
/// `None`: the `128 r (n + p + 2)` bytes of memory could not be had, or a size overflows.
pub(super) fn scrypt(password: &[u8], salt: &[u8], n: u64, r: u64, p: u64, output: &mut [u8]) -> Option<()> {
    let n = usize::try_from(n).ok()?;
    let blocks = usize::try_from(r).ok()?.checked_mul(2)?;
    let lanes = usize::try_from(p).ok()?;
    let mut state = filled(0u8, blocks.checked_mul(64)?.checked_mul(lanes)?)?;
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, 1, &mut state).ok()?;

    let mut table = filled([0u32; 16], n.checked_mul(blocks)?)?;
    let mut x = filled([0u32; 16], blocks)?;
    let mut y = filled([0u32; 16], blocks)?;
    for lane in state.chunks_exact_mut(blocks * 64) {
        for (word, bytes) in x.iter_mut().flatten().zip(lane.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        mix(&mut x, &mut y, &mut table, n);
        for (word, bytes) in x.iter().flatten().zip(lane.as_chunks_mut::<4>().0) {
            *bytes = word.to_le_bytes();
        }
    }
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password, &state, 1, output).ok()
}

/// A buffer, unless there is no memory for it.
fn filled<T: Clone + zeroize::Zeroize>(value: T, count: usize) -> Option<Zeroizing<Vec<T>>> {
    let mut buffer = Zeroizing::new(Vec::new());
    buffer.try_reserve_exact(count).ok()?;
    buffer.resize(count, value);
    Some(buffer)
}

/// scryptROMix.
fn mix(x: &mut [Block], y: &mut [Block], table: &mut [Block], n: usize) {
    for row in table.chunks_exact_mut(x.len()) {
        row.copy_from_slice(x);
        mix_blocks(x, y);
    }
    for _ in 0..n {
        // Integerify: the first word of the last block, modulo the power of two n.
        let j = x.last().map_or(0, |block| block[0] as usize) & (n - 1);
        let row = table.get(j * x.len()..(j + 1) * x.len()).unwrap_or_default();
        for (a, b) in x.iter_mut().flatten().zip(row.iter().flatten()) {
            *a ^= *b;
        }
        mix_blocks(x, y);
    }
}

/// scryptBlockMix, in place; `y` is scratch of the same length.
fn mix_blocks(x: &mut [Block], y: &mut [Block]) {
    let Some(mut block) = x.last().copied() else { return };
    let half = x.len() / 2;
    for (i, input) in x.iter().enumerate() {
        for (a, b) in block.iter_mut().zip(input) {
            *a ^= *b;
        }
        salsa20_8(&mut block);
        // Even blocks first, then the odd ones.
        if let Some(place) = y.get_mut(i / 2 + if i % 2 == 0 { 0 } else { half }) {
            *place = block;
        }
    }
    x.copy_from_slice(y);
}

/// The Salsa20/8 core: four double rounds, then the input is added.
fn salsa20_8(block: &mut Block) {
    /// The quarter rounds of a column round, then those of a row round.
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [5, 9, 13, 1],
        [10, 14, 2, 6],
        [15, 3, 7, 11],
        [0, 1, 2, 3],
        [5, 6, 7, 4],
        [10, 11, 8, 9],
        [15, 12, 13, 14],
    ];
    let input = *block;
    for _ in 0..4 {
        for [a, b, c, d] in QUARTERS {
            block[b] ^= block[a].wrapping_add(block[d]).rotate_left(7);
            block[c] ^= block[b].wrapping_add(block[a]).rotate_left(9);
            block[d] ^= block[c].wrapping_add(block[b]).rotate_left(13);
            block[a] ^= block[d].wrapping_add(block[c]).rotate_left(18);
        }
    }
    for (word, before) in block.iter_mut().zip(input) {
        *word = word.wrapping_add(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    #[test]
    fn the_test_vectors_of_rfc_7914() {
        for (password, salt, n, r, p, expected) in [
            (
                "",
                "",
                16,
                1,
                1,
                "0x77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906",
            ),
            (
                "password",
                "NaCl",
                1024,
                8,
                16,
                "0xfdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640",
            ),
            (
                "pleaseletmein",
                "SodiumChloride",
                16384,
                8,
                1,
                "0x7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
            ),
        ] {
            let mut output = [0; 64];
            scrypt(password.as_bytes(), salt.as_bytes(), n, r, p, &mut output).unwrap();
            assert_eq!(hex::encode(&output), expected, "{password}");
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_no_abort() {
        assert_eq!(scrypt(b"", b"", 1 << 55, 8, 1, &mut [0; 32]), None);
        assert_eq!(scrypt(b"", b"", 1 << 63, 1 << 63, 1, &mut [0; 32]), None);
        assert_eq!(scrypt(b"", b"", 2, 1, 1 << 50, &mut [0; 32]), None);
        assert_eq!(scrypt(b"", b"", 2, 1 << 50, 1, &mut [0; 32]), None);
    }
}
