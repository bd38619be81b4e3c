//! How the blocks of each format become vectors.

use super::wide::Wide;
use super::Rows;
use crate::kernels::format::UNEVEN;
use crate::kernels::Format;

// There are few closures here: one that is used twice becomes a function, to and from which vectors of the caller's
// instruction set go through memory.

/// 16 bytes of every row, from byte `at` of their blocks on.
///
/// # Safety
/// The blocks reach there.
#[inline(always)]
unsafe fn load<W: Wide>(rows: &Rows, at: usize) -> [W; 4] {
    // SAFETY: by the contract.
    unsafe { [W::load(rows, 0, at), W::load(rows, 1, at), W::load(rows, 2, at), W::load(rows, 3, at)] }
}

/// The four words of each row.
#[inline(always)]
pub fn by_row<W: Wide>([a, b, c, d]: [W; 4]) -> [W; 4] {
    let (low, high) = ([a.low_words(b), c.low_words(d)], [a.high_words(b), c.high_words(d)]);
    [
        low[0].low_pairs(low[1]),
        low[0].high_pairs(low[1]),
        high[0].low_pairs(high[1]),
        high[0].high_pairs(high[1]),
    ]
}

/// The same in every byte.
#[inline(always)]
fn byte<W: Wide>(value: u8) -> W {
    W::splat(i32::from_ne_bytes([value; 4]))
}

/// What is in `mask` of each byte after a shift of words, from whose other bytes nothing gets there.
#[inline(always)]
fn bits<W: Wide>(bytes: W, shift: i32, mask: u8) -> W {
    bytes.shift(shift).and(byte(mask))
}

/// The nibbles of 16 bytes: the low ones, then the high ones.
#[inline(always)]
fn nibbles<W: Wide>(bytes: W) -> [W; 2] {
    [bits(bytes, 0, 15), bits(bytes, -4, 15)]
}

/// The integers that nibbles stand for.
#[inline(always)]
fn uneven<W: Wide>([low, high]: [W; 2]) -> [W; 2] {
    let table = W::parts(UNEVEN.map(i8::cast_unsigned));
    [table.pick(low), table.pick(high)]
}

/// 16 in each byte whose bit is set in bytes `at` and `at + 1` of `head`.
#[inline(always)]
fn sixteen<W: Wide>(head: W, at: u8) -> W {
    let next = at + 1;
    let spread = W::parts([at, at, at, at, at, at, at, at, next, next, next, next, next, next, next, next]);
    let bits = W::parts([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
    head.pick(spread).sixteen_where(bits)
}

/// Nibbles, and 16 more where the bit of the four bytes from `at` on of `head` is set.
#[inline(always)]
fn fifth<W: Wide>([low, high]: [W; 2], head: W, at: u8) -> [W; 2] {
    [low.or(sixteen(head, at)), high.or(sixteen(head, at + 2))]
}

/// Four low bits of each byte, and two above them.
#[inline(always)]
fn six<W: Wide>(low: W, high: W) -> W {
    low.and(byte(15)).or(high.and(byte(48)))
}

/// What is made once for a block of each row: the factors of its unit, or what those of its units are made of.
#[derive(Clone, Copy)]
pub struct Head<W: Wide> {
    scales: [W::Floats; 2],
    words: [W; 4],
}

/// A format.
pub trait Blocks {
    const FORMAT: Format;
    /// The integers are unsigned by 2 to this power, or could be made so; 0: by nothing.
    const OFFSET: u32;
    /// They are signed in the block.
    const IS_SIGNED: bool = false;

    /// Whether the integers are multiplied as unsigned ones, greater by the offset.
    #[inline(always)]
    fn is_lifted<W: Wide>() -> bool {
        Self::OFFSET > 0 && (W::LIFTS || !Self::IS_SIGNED)
    }

    /// The head of a block of each row. Of blocks of one unit its scales are the factors.
    ///
    /// # Safety
    /// A whole block lies at each of `rows`.
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W>;

    /// The factors of unit `unit`: two scales; or one, and what is added to each weight, the minimum's opposite.
    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, _unit: usize) -> [W::Floats; 2] {
        head.scales
    }

    /// The integers of unit `unit`, as they are in the blocks, of rows `i`, `i + 4` and so on: of either half.
    ///
    /// # Safety
    /// A whole block lies at each of `rows`.
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2];

    /// Those of all rows.
    ///
    /// # Safety
    /// As of [`Blocks::integers`].
    #[inline(always)]
    unsafe fn all_integers<W: Wide>(rows: &Rows, unit: usize) -> [[W; 2]; 4] {
        // SAFETY: by the contract.
        unsafe {
            [
                Self::integers(rows, 0, unit),
                Self::integers(rows, 1, unit),
                Self::integers(rows, 2, unit),
                Self::integers(rows, 3, unit),
            ]
        }
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

/// Formats of one unit a block, which begins with its scale, and with what is added if the format has it.
macro_rules! of_one_unit {
    ($($format:ident: $name:ident, $offset:literal, $is_signed:literal, |$rows:ident, $i:ident| $integers:expr;)*) => {$(
        impl Blocks for $format {
            const FORMAT: Format = Format::$name;
            const OFFSET: u32 = $offset;
            const IS_SIGNED: bool = $is_signed;

            #[inline(always)]
            unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
                // SAFETY: no block has less than 18 bytes.
                let scales = unsafe {
                    if Self::FORMAT.has_min() {
                        W::load_halves::<true>(rows)
                    } else {
                        W::load_halves::<false>(rows)
                    }
                };
                Head { scales, words: [W::splat(0); 4] }
            }

            #[inline(always)]
            unsafe fn integers<W: Wide>($rows: &Rows, $i: usize, _unit: usize) -> [W; 2] {
                // SAFETY: the integers are the last 16 bytes of a block, or 32.
                unsafe { $integers }
            }
        }
    )*};
}

of_one_unit! {
    Q8_0: Q8_0, 7, true, |rows, i| [W::load(rows, i, 2), W::load(rows, i, 18)];
    Q4_0: Q4_0, 3, false, |rows, i| nibbles(W::load(rows, i, 2));
    Q4_1: Q4_1, 0, false, |rows, i| nibbles(W::load(rows, i, 4));
    Q5_0: Q5_0, 4, false, |rows, i| fifth(nibbles(W::load(rows, i, 6)), W::load(rows, i, 0), 2);
    Q5_1: Q5_1, 0, false, |rows, i| fifth(nibbles(W::load(rows, i, 8)), W::load(rows, i, 0), 4);
    Iq4Nl: IQ4_NL, 7, true, |rows, i| uneven(nibbles(W::load(rows, i, 2)));
}

/// `bits` for each unit before this one: how far to shift.
#[inline(always)]
const fn left(unit: usize, bits: i32) -> i32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // below 8
    let unit = unit as i32;
    unit * bits
}

impl Blocks for Iq4Xs {
    const FORMAT: Format = Format::IQ4_XS;
    const OFFSET: u32 = 7;
    const IS_SIGNED: bool = true;

    #[inline(always)]
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
        // SAFETY: the first bytes of a block.
        let words = by_row(unsafe { load::<W>(rows, 0) });
        Head { scales: [words[0].halves(); 2], words }
    }

    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
        let low = head.words[1].shift(left(unit, -4)).and(W::splat(15));
        let high = head.words[0].shift(left(unit, -2) - 16).and(W::splat(3)).shift(4);
        [W::mul(low.or(high).sub(W::splat(32)).floats(), head.scales[0]); 2]
    }

    #[inline(always)]
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2] {
        // SAFETY: 16 bytes for each unit, from byte 8 on.
        uneven(nibbles(unsafe { W::load(rows, i, 8 + unit * 16) }))
    }
}

/// The scales of a unit's halves, which are bytes of the head's words.
#[inline(always)]
fn of_halves<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
    let words = head.words[unit / 2];
    let first = words.shift(left(unit % 2, -16) + 24).shift_signed(24);
    let second = words.shift(left(unit % 2, -16) + 16).shift_signed(24);
    [W::mul(first.floats(), head.scales[0]), W::mul(second.floats(), head.scales[1])]
}

/// 32 bytes of rows `i`, `i + 4` and so on.
///
/// # Safety
/// The blocks reach from byte `at` so far.
#[inline(always)]
unsafe fn two<W: Wide>(rows: &Rows, i: usize, at: usize) -> [W; 2] {
    // SAFETY: by the contract.
    unsafe { [W::load(rows, i, at), W::load(rows, i, at + 16)] }
}

/// Low bits of 32 integers and high ones, each after a shift: see [`bits`].
#[inline(always)]
fn join<W: Wide>(low: [W; 2], to: i32, mask: u8, high: [W; 2], to_high: i32, mask_high: u8) -> [W; 2] {
    [
        bits(low[0], to, mask).or(bits(high[0], to_high, mask_high)),
        bits(low[1], to, mask).or(bits(high[1], to_high, mask_high)),
    ]
}

impl Blocks for Q3K {
    const FORMAT: Format = Format::Q3_K;
    const OFFSET: u32 = 2;

    #[inline(always)]
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
        // SAFETY: the scales are bytes 96 to 107, their own scale is the last two.
        let [a, b, c, d] = unsafe { load::<W>(rows, 94) };
        let order = W::parts([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 128, 128]);
        let [a, b, high, scale] = by_row([a.pick(order), b.pick(order), c.pick(order), d.pick(order)]);
        let words = [
            six(a, high.shift(4)).sub_bytes(byte(32)),
            six(b, high.shift(2)).sub_bytes(byte(32)),
            six(a.shift(-4), high).sub_bytes(byte(32)),
            six(b.shift(-4), high.shift(-2)).sub_bytes(byte(32)),
        ];
        Head { scales: [scale.halves(); 2], words }
    }

    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
        of_halves(head, unit)
    }

    #[inline(always)]
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2] {
        // SAFETY: the high bits are bytes 0 to 31, the low ones bytes 32 to 95.
        let (low, high): ([W; 2], [W; 2]) = unsafe { (two(rows, i, 32 + unit / 4 * 32), two(rows, i, 0)) };
        join(low, left(unit % 4, -2), 3, high, left(unit, -1) + 2, 4)
    }
}

/// The head of a block that packs scales and minima in six bits.
///
/// # Safety
/// The rows' blocks have 16 bytes.
#[inline(always)]
unsafe fn packed<W: Wide>(rows: &Rows) -> Head<W> {
    // SAFETY: by the contract.
    let [both, low, middle, high] = by_row(unsafe { load::<W>(rows, 0) });
    let words = [
        low.and(byte(63)),
        six(high, low.shift(-2)),
        middle.and(byte(63)),
        six(high.shift(-4), middle.shift(-2)),
    ];
    // What is added is the minimum's opposite.
    Head { scales: [both.halves(), W::neg(both.shift(-16).halves())], words }
}

/// The factors of a unit whose head is [`packed`].
#[inline(always)]
fn unpacked<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
    let (group, shift) = (unit / 4, left(unit % 4, -8));
    let scale = head.words[group].shift(shift).and(W::splat(255)).floats();
    let added = head.words[2 + group].shift(shift).and(W::splat(255)).floats();
    [W::mul(scale, head.scales[0]), W::mul(added, head.scales[1])]
}

impl Blocks for Q4K {
    const FORMAT: Format = Format::Q4_K;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
        // SAFETY: as ours.
        unsafe { packed(rows) }
    }

    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
        unpacked(head, unit)
    }

    #[inline(always)]
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2] {
        // SAFETY: the integers are bytes 16 to 143.
        let low: [W; 2] = unsafe { two(rows, i, 16 + unit / 2 * 32) };
        let shift = left(unit % 2, -4);
        [bits(low[0], shift, 15), bits(low[1], shift, 15)]
    }
}

impl Blocks for Q5K {
    const FORMAT: Format = Format::Q5_K;
    const OFFSET: u32 = 0;

    #[inline(always)]
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
        // SAFETY: as ours.
        unsafe { packed(rows) }
    }

    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
        unpacked(head, unit)
    }

    #[inline(always)]
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2] {
        // SAFETY: the high bits are bytes 16 to 47, the low ones bytes 48 to 175.
        let (low, high): ([W; 2], [W; 2]) = unsafe { (two(rows, i, 48 + unit / 2 * 32), two(rows, i, 16)) };
        join(low, left(unit % 2, -4), 15, high, left(unit, -1) + 4, 16)
    }
}

impl Blocks for Q6K {
    const FORMAT: Format = Format::Q6_K;
    const OFFSET: u32 = 5;

    #[inline(always)]
    unsafe fn head<W: Wide>(rows: &Rows) -> Head<W> {
        // SAFETY: the scales are bytes 192 to 207, their own scale is the last two.
        let (words, last) = unsafe { (by_row(load::<W>(rows, 192)), by_row(load::<W>(rows, 194))) };
        Head { scales: [last[3].shift(-16).halves(); 2], words }
    }

    #[inline(always)]
    fn factors<W: Wide>(head: &Head<W>, unit: usize) -> [W::Floats; 2] {
        of_halves(head, unit)
    }

    #[inline(always)]
    unsafe fn integers<W: Wide>(rows: &Rows, i: usize, unit: usize) -> [W; 2] {
        let (part, quarter) = (unit / 4, unit % 4);
        // SAFETY: the low bits are bytes 0 to 127, the high ones bytes 128 to 191.
        let (low, high): ([W; 2], [W; 2]) =
            unsafe { (two(rows, i, part * 64 + quarter % 2 * 32), two(rows, i, 128 + part * 32)) };
        join(low, left(quarter / 2, -4), 15, high, left(quarter, -2) + 4, 48)
    }
}

/// The same for every unit of a block, written out: each has shifts of its own.
macro_rules! every_unit {
    ($blocks:ident, |$unit:ident| $body:block) => {
        every_unit!($blocks, $unit, $body, 0 1 2 3 4 5 6 7)
    };
    ($blocks:ident, $unit:ident, $body:block, $($number:literal)*) => {$(
        if $number < $blocks::FORMAT.block_units() {
            let $unit = $number;
            $body
        }
    )*};
}
pub(super) use every_unit;
