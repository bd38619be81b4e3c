//! How the blocks of each format become registers: what AVX2 and AVX-512 have in common.

use std::arch::x86_64::*;

use crate::kernels::format::UNEVEN;
use crate::kernels::Format;

/// A format.
pub trait Blocks {
    const FORMAT: Format;
    /// The integers are unsigned by 2 to this power, or could be made so; 0: by nothing.
    const OFFSET: u32;
    /// They are signed in the block.
    const IS_SIGNED: bool = false;

    /// The 32 integers of unit `unit` of a block, as they are in it.
    ///
    /// # Safety
    /// A whole block lies at `block`; the caller has AVX2.
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i;

    /// The scales of the block's units, and their minima; or the scales of its first 8 halves and of the others. Not asked of
    /// a format whose blocks have one unit: they begin with its scale, and what is added to each weight if there is a minimum.
    ///
    /// # Safety
    /// A whole block lies at `block`; the caller has AVX2 and F16C.
    #[inline(always)]
    unsafe fn factors(_block: *const u8) -> [__m256; 2] {
        // SAFETY: no memory is touched.
        unsafe { [_mm256_setzero_ps(); 2] }
    }
}

pub struct Q8_0;
pub struct Q4_0;
pub struct Q4_1;
pub struct Q5_0;
pub struct Q5_1;
pub struct Iq4Nl;
pub struct Iq4Xs;
pub struct Q3K;
pub struct Q4K;
pub struct Q5K;
pub struct Q6K;

impl Blocks for Q8_0 {
    const FORMAT: Format = Format::Q8_0;
    const OFFSET: u32 = 7;
    const IS_SIGNED: bool = true;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: 32 bytes after the scale, by the contract.
        unsafe { _mm256_loadu_si256(block.add(2).cast()) }
    }
}

/// 32 integers of four bits: the low ones of 16 bytes, then the high ones.
///
/// # Safety
/// 16 bytes lie at `from`; the caller has AVX2.
#[inline(always)]
unsafe fn split(from: *const u8) -> __m256i {
    // SAFETY: by the contract.
    unsafe {
        let low = _mm_loadu_si128(from.cast());
        let both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_srli_epi16(low, 4), 1);
        _mm256_and_si256(both, _mm256_set1_epi8(15))
    }
}

/// 16 in each byte whose bit is set in the four bytes at `from`.
///
/// # Safety
/// Four bytes lie there; the caller has AVX2.
#[inline(always)]
unsafe fn fifth(from: *const u8) -> __m256i {
    // SAFETY: by the contract.
    unsafe {
        let bits = _mm256_set1_epi32(from.cast::<i32>().read_unaligned());
        let eight = [0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303];
        let bytes = _mm256_shuffle_epi8(bits, _mm256_set_epi64x(eight[3], eight[2], eight[1], eight[0]));
        let each = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
        let is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, each), each);
        _mm256_and_si256(is_set, _mm256_set1_epi8(16))
    }
}

/// The integers that four bits stand for.
///
/// # Safety
/// The caller has AVX2.
#[inline(always)]
unsafe fn uneven(bits: __m256i) -> __m256i {
    // SAFETY: the table has 16 bytes.
    unsafe {
        let table = _mm256_broadcastsi128_si256(_mm_loadu_si128(UNEVEN.as_ptr().cast()));
        _mm256_shuffle_epi8(table, bits)
    }
}

impl Blocks for Q4_0 {
    const FORMAT: Format = Format::Q4_0;
    const OFFSET: u32 = 3;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: 16 bytes after the scale, by the contract.
        unsafe { split(block.add(2)) }
    }
}

impl Blocks for Q4_1 {
    const FORMAT: Format = Format::Q4_1;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: 16 bytes after the scale and the minimum, by the contract.
        unsafe { split(block.add(4)) }
    }
}

impl Blocks for Q5_0 {
    const FORMAT: Format = Format::Q5_0;
    const OFFSET: u32 = 4;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: four bytes and 16 after the scale, by the contract.
        unsafe { _mm256_or_si256(split(block.add(6)), fifth(block.add(2))) }
    }
}

impl Blocks for Q5_1 {
    const FORMAT: Format = Format::Q5_1;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: four bytes and 16 after the scale and the minimum, by the contract.
        unsafe { _mm256_or_si256(split(block.add(8)), fifth(block.add(4))) }
    }
}

impl Blocks for Iq4Nl {
    const FORMAT: Format = Format::IQ4_NL;
    const OFFSET: u32 = 7;
    const IS_SIGNED: bool = true;

    #[inline(always)]
    unsafe fn quants(block: *const u8, _: usize) -> __m256i {
        // SAFETY: 16 bytes after the scale, by the contract.
        unsafe { uneven(split(block.add(2))) }
    }
}

impl Blocks for Iq4Xs {
    const FORMAT: Format = Format::IQ4_XS;
    const OFFSET: u32 = 7;
    const IS_SIGNED: bool = true;

    #[inline(always)]
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i {
        // SAFETY: 16 bytes for each unit, from byte 8 on.
        unsafe { uneven(split(block.add(8 + unit * 16))) }
    }

    #[inline(always)]
    unsafe fn factors(block: *const u8) -> [__m256; 2] {
        // SAFETY: bytes 0 to 7 of the block.
        unsafe {
            let all = block.cast::<u64>().read_unaligned();
            let words = _mm256_set1_epi64x(all.cast_signed());
            // In the words of 32 bits that each lane sees: two bits of the low one, four of the high one.
            let high = _mm256_srlv_epi32(
                _mm256_shuffle_epi32(words, 0),
                _mm256_set_epi32(30, 28, 26, 24, 22, 20, 18, 16),
            );
            let low = _mm256_srlv_epi32(
                _mm256_shuffle_epi32(words, 0x55),
                _mm256_set_epi32(28, 24, 20, 16, 12, 8, 4, 0),
            );
            let high = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(3)), 4);
            let six = _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(15)), high);
            let signed = _mm256_sub_epi32(six, _mm256_set1_epi32(32));
            let scale = _mm256_broadcastss_ps(_mm_cvtph_ps(_mm256_castsi256_si128(words)));
            [_mm256_mul_ps(_mm256_cvtepi32_ps(signed), scale), _mm256_setzero_ps()]
        }
    }
}

impl Blocks for Q3K {
    const FORMAT: Format = Format::Q3_K;
    const OFFSET: u32 = 2;

    #[inline(always)]
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i {
        // SAFETY: the high bits are bytes 0 to 31, the low ones bytes 32 to 95.
        unsafe {
            let low = _mm256_loadu_si256(block.add(32 + unit / 4 * 32).cast());
            let high = _mm256_loadu_si256(block.cast());
            #[allow(clippy::cast_possible_truncation)] // below 8
            let (shift, bit) = (_mm_cvtsi32_si128(unit as i32 % 4 * 2), _mm_cvtsi32_si128(unit as i32));
            let low = _mm256_and_si256(_mm256_srl_epi16(low, shift), _mm256_set1_epi8(3));
            let high = _mm256_and_si256(_mm256_srl_epi16(high, bit), _mm256_set1_epi8(1));
            _mm256_or_si256(low, _mm256_slli_epi16(high, 2))
        }
    }

    #[inline(always)]
    unsafe fn factors(block: *const u8) -> [__m256; 2] {
        // SAFETY: the scales are bytes 96 to 107, their own scale follows.
        unsafe {
            let low = block.add(96).cast::<u64>().read_unaligned();
            let high = u64::from(block.add(104).cast::<u32>().read_unaligned());
            // Of units 0 to 3: two bits each of a byte, and the next two.
            let first = high & 0x0303_0303 | (high & 0x0c0c_0c0c) << 30;
            let second = (high & 0x3030_3030) >> 4 | (high & 0xc0c0_c0c0) << 26;
            let nibbles = 0x0f0f_0f0f_0f0f_0f0f;
            let scale = i32::from(block.add(108).cast::<u16>().read_unaligned());
            let scale = _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(scale)));
            let floats = |bytes: u64| {
                let six = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes.cast_signed()));
                _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(six, _mm256_set1_epi32(32))), scale)
            };
            [floats(low & nibbles | first << 4), floats(low >> 4 & nibbles | second << 4)]
        }
    }
}

/// The nibbles of unit `unit` of a block whose low bits begin at `low`.
///
/// # Safety
/// 128 bytes lie at `low`; the caller has AVX2.
#[inline(always)]
unsafe fn nibbles(low: *const u8, unit: usize) -> __m256i {
    // SAFETY: unit / 2 is at most 3.
    unsafe {
        let pair = _mm256_loadu_si256(low.add(unit / 2 * 32).cast());
        let shifted = if unit.is_multiple_of(2) { pair } else { _mm256_srli_epi16(pair, 4) };
        _mm256_and_si256(shifted, _mm256_set1_epi8(15))
    }
}

/// Scales and minima of a block that packs them in six bits, at byte 4.
///
/// # Safety
/// 16 bytes lie at `block`; the caller has AVX2 and F16C.
#[inline(always)]
unsafe fn packed(block: *const u8) -> [__m256; 2] {
    // SAFETY: bytes 0 to 15 of the block.
    unsafe {
        let low = block.add(4).cast::<u32>().read_unaligned();
        let middle = block.add(8).cast::<u32>().read_unaligned();
        let high = block.add(12).cast::<u32>().read_unaligned();
        let join = |first: u32, second: u32| u64::from(first) | u64::from(second) << 32;
        let scale = join(low & 0x3f3f_3f3f, high & 0x0f0f_0f0f | low >> 2 & 0x3030_3030);
        let min = join(middle & 0x3f3f_3f3f, high >> 4 & 0x0f0f_0f0f | middle >> 2 & 0x3030_3030);
        let floats =
            |bytes: u64| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(bytes.cast_signed())));
        let both = _mm_cvtph_ps(_mm_cvtsi32_si128(block.cast::<i32>().read_unaligned()));
        [
            _mm256_mul_ps(floats(scale), _mm256_broadcastss_ps(both)),
            _mm256_mul_ps(floats(min), _mm256_broadcastss_ps(_mm_movehdup_ps(both))),
        ]
    }
}

impl Blocks for Q4K {
    const FORMAT: Format = Format::Q4_K;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i {
        // SAFETY: the low bits are bytes 16 to 143.
        unsafe { nibbles(block.add(16), unit) }
    }

    #[inline(always)]
    unsafe fn factors(block: *const u8) -> [__m256; 2] {
        // SAFETY: as ours.
        unsafe { packed(block) }
    }
}

impl Blocks for Q5K {
    const FORMAT: Format = Format::Q5_K;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i {
        // SAFETY: the high bits are bytes 16 to 47, the low ones bytes 48 to 175.
        unsafe {
            let high = _mm256_loadu_si256(block.add(16).cast());
            #[allow(clippy::cast_possible_truncation)] // below 8
            let bit = _mm_cvtsi32_si128(unit as i32);
            let high = _mm256_and_si256(_mm256_srl_epi16(high, bit), _mm256_set1_epi8(1));
            _mm256_or_si256(nibbles(block.add(48), unit), _mm256_slli_epi16(high, 4))
        }
    }

    #[inline(always)]
    unsafe fn factors(block: *const u8) -> [__m256; 2] {
        // SAFETY: as ours.
        unsafe { packed(block) }
    }
}

impl Blocks for Q6K {
    const FORMAT: Format = Format::Q6_K;
    const OFFSET: u32 = 5;

    #[inline(always)]
    unsafe fn quants(block: *const u8, unit: usize) -> __m256i {
        let (part, quarter) = (unit / 4, unit % 4);
        // SAFETY: the low bits are bytes 0 to 127, the high ones bytes 128 to 191.
        unsafe {
            let low = _mm256_loadu_si256(block.add(part * 64 + quarter % 2 * 32).cast());
            let low = if quarter < 2 { low } else { _mm256_srli_epi16(low, 4) };
            let high = _mm256_loadu_si256(block.add(128 + part * 32).cast());
            #[allow(clippy::cast_possible_truncation)] // below 4
            let bit = _mm_cvtsi32_si128(2 * quarter as i32);
            let high = _mm256_srl_epi16(high, bit);
            let high = _mm256_slli_epi16(_mm256_and_si256(high, _mm256_set1_epi8(3)), 4);
            _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi8(15)), high)
        }
    }

    #[inline(always)]
    unsafe fn factors(block: *const u8) -> [__m256; 2] {
        // SAFETY: the scales are bytes 192 to 207, their own scale follows.
        unsafe {
            let bytes = _mm_loadu_si128(block.add(192).cast());
            let scale = i32::from(block.add(208).cast::<u16>().read_unaligned());
            let scale = _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(scale)));
            let floats = |bytes| _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), scale);
            [floats(bytes), floats(_mm_unpackhi_epi64(bytes, bytes))]
        }
    }
}
