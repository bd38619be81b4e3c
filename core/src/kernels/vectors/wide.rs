//! Vectors whose 16-byte parts are rows: what integer products are written in, once for all instruction sets.

use super::Rows;

/// A vector of 16-byte parts. Part `p` belongs to row `i + 4 p`, where four vectors, `i` from 0 to 3, hold all rows; once the
/// four are one, word `w` of all belongs to row `w`.
///
/// As of [`crate::kernels::lanes::Lanes`], methods may be called only where the machine has the instructions and the caller is
/// compiled for them: whoever names such a type has seen to that.
pub trait Wide: Copy {
    /// As many floats as there are words.
    type Floats: Copy;
    /// Rows: words of a vector.
    const ROWS: usize;
    /// Whether signed weights are multiplied as unsigned ones, 128 more than they are.
    const LIFTS: bool;

    /// 16 bytes of rows `i`, `i + 4` and so on, from byte `at` of their blocks on.
    ///
    /// # Safety
    /// The blocks reach there.
    unsafe fn load(rows: &Rows, i: usize, at: usize) -> Self;
    /// The two binary16 that each row's block begins with; without `BOTH`, the second may be anything.
    ///
    /// # Safety
    /// The blocks have 16 bytes.
    unsafe fn load_halves<const BOTH: bool>(rows: &Rows) -> [Self::Floats; 2];
    /// The same bytes in every part.
    fn parts(bytes: [u8; 16]) -> Self;
    /// The same in every word.
    fn splat(word: i32) -> Self;
    /// The same in every float.
    fn splat_float(value: f32) -> Self::Floats;

    /// Of bits.
    fn and(self, other: Self) -> Self;
    /// Of bits.
    fn or(self, other: Self) -> Self;
    /// Of words.
    fn add(self, other: Self) -> Self;
    /// Of words.
    fn sub(self, other: Self) -> Self;
    /// Of bytes.
    fn sub_bytes(self, other: Self) -> Self;
    /// Words 0 and 1 of each part of both, in turn.
    fn low_words(self, other: Self) -> Self;
    /// Words 2 and 3 of each part of both, in turn.
    fn high_words(self, other: Self) -> Self;
    /// The low half of each part of both, in turn.
    fn low_pairs(self, other: Self) -> Self;
    /// The high half of each part of both, in turn.
    fn high_pairs(self, other: Self) -> Self;
    /// For each byte of `order`, that byte of the same part of `self`; 0 where its highest bit is set.
    fn pick(self, order: Self) -> Self;
    /// Words, by so many bits to the left, or to the right if it is negative.
    fn shift(self, bits: i32) -> Self;
    /// As [`Wide::shift`] to the right, with the sign.
    fn shift_signed(self, right: i32) -> Self;
    /// 16 where a byte and that of `bits` have a bit in common, elsewhere 0.
    fn sixteen_where(self, bits: Self) -> Self;

    /// Signed weights as they are multiplied: see [`Wide::LIFTS`].
    fn lift(self) -> Self;
    /// To memory.
    ///
    /// # Safety
    /// `to` has room.
    unsafe fn store(self, to: *mut u8);
    /// From memory.
    ///
    /// # Safety
    /// A whole vector lies at `from`, which is a multiple of its size.
    unsafe fn read(from: *const u8) -> Self;
    /// Floats from memory.
    ///
    /// # Safety
    /// As of [`Wide::read`].
    unsafe fn read_floats(from: *const u8) -> Self::Floats;

    /// `self`, and what each group of four unsigned weights makes with four integers of a column.
    fn add_dot(self, weights: Self, column: Self) -> Self;
    /// As [`Wide::add_dot`], of signed weights that went through [`Wide::lift`].
    fn add_signed_dot(self, weights: Self, column: Self) -> Self;

    /// What groups of four unsigned weights and four integers of a column make.
    #[inline(always)]
    fn dot(self, column: Self) -> Self {
        Self::splat(0).add_dot(self, column)
    }

    /// Of two vectors each.
    #[inline(always)]
    fn dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        weights[0].dot(column[0]).add_dot(weights[1], column[1])
    }

    /// As [`Wide::dots`], of signed weights.
    #[inline(always)]
    fn signed_dots(weights: [Self; 2], column: [Self; 2]) -> Self {
        let first = Self::splat(0).add_signed_dot(weights[0].lift(), column[0]);
        first.add_signed_dot(weights[1].lift(), column[1])
    }

    /// The sum of each row's four words.
    #[inline(always)]
    fn sum([a, b, c, d]: [Self; 4]) -> Self {
        let (ab, cd) = (a.low_words(b).add(a.high_words(b)), c.low_words(d).add(c.high_words(d)));
        ab.low_pairs(cd).add(ab.high_pairs(cd))
    }

    /// Of words.
    fn floats(self) -> Self::Floats;
    /// The binary16 in the low half of each word.
    fn halves(self) -> Self::Floats;
    /// The sign turned around.
    fn neg(a: Self::Floats) -> Self::Floats;
    /// `a * b`.
    fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// The first `rows`, or as many as there are.
    ///
    /// # Safety
    /// `out` holds them.
    unsafe fn store_floats(floats: Self::Floats, out: *mut f32, rows: usize);
}

/// Methods of two vectors that are one instruction, for a [`Wide`] that holds one register.
macro_rules! instructions {
    ($($method:ident = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            // SAFETY: as of every method of the type.
            Self(unsafe { $intrinsic(self.0, other.0) })
        }
    )*};
}
pub(in crate::kernels) use instructions;
