//! Step 8 of the specification: Gumbel-max, with random numbers that belong to a position and a
//! token, so that any one of them can be computed alone.

use std::sync::OnceLock;

use chacha20::cipher::consts::{U10, U64};
use chacha20::cipher::generic_array::GenericArray;
use chacha20::cipher::{KeyIvInit, StreamCipherCore, StreamCipherSeekCore};
use chacha20::ChaChaCore;

use super::adjust::Adjusted;
use super::filter::{narrow, Candidate};
use super::scan::first_max;
use super::{token_at, Share};
use crate::Token;

/// One 64-byte ChaCha block: the random numbers of 8 tokens.
type Block = GenericArray<u8, U64>;
const TOKENS_PER_BLOCK: usize = 8;
/// Blocks made at a time: 4 KiB, which stays in the first-level cache.
const BLOCKS: usize = 64;

/// Tokens of a part of a shared draw, a multiple of what is made at a time: some 40 us of work.
const PART: usize = 16 * BLOCKS * TOKENS_PER_BLOCK;

/// `-ln(-ln u)` is below this for every `u`: the largest, at `u = 1 - 2^-53`, is 36.7369.
const NOISE_MAX: f64 = 36.75;

/// The random numbers of one position of one stream.
pub(super) struct Noise(ChaChaCore<U10>);

impl Noise {
    pub(super) fn new(seed: &[u8; 32], stream: u32, index: u64) -> Self {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&index.to_le_bytes());
        nonce[8..].copy_from_slice(&stream.to_le_bytes());
        Noise(ChaChaCore::new(seed.into(), &nonce.into()))
    }

    /// The Gumbel noise of `token`.
    pub(super) fn gumbel(&mut self, token: Token) -> f64 {
        let mut block = Block::default();
        self.0.set_block_pos(token / 8);
        self.0.write_keystream_block(&mut block);
        gumbel(words(&block)[(token % 8) as usize])
    }

    /// Consecutive blocks, beginning with that of `token`, a multiple of 8.
    fn fill(&mut self, token: Token, blocks: &mut [Block]) {
        self.0.set_block_pos(token / 8);
        self.0.write_keystream_blocks(blocks);
    }
}

/// The 8 little-endian numbers of a block.
fn words(block: &Block) -> [u64; TOKENS_PER_BLOCK] {
    let (bytes, _) = block.as_chunks::<8>();
    let mut words = [0; TOKENS_PER_BLOCK];
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// The Gumbel noise made of a random number, of which the top 52 bits count.
#[allow(clippy::cast_precision_loss)] // 2x + 1 has 53 bits
fn gumbel(word: u64) -> f64 {
    let u = (2 * (word >> 12) + 1) as f64 / 9_007_199_254_740_992.0;
    -libm::log(-libm::log(u))
}

/// The best token so far, by perturbed score, then by smaller token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Best {
    pub(super) score: f64,
    pub(super) token: Token,
}

impl Best {
    /// Below every score.
    const NONE: Best = Best { score: f64::NEG_INFINITY, token: Token::MAX };

    fn offer(&mut self, score: f64, token: Token) {
        if score > self.score || (score == self.score && token < self.token) {
            *self = Best { score, token };
        }
    }

    fn offer_all(&mut self, noise: &mut Noise, candidates: impl Iterator<Item = (Token, f64)>) {
        for (token, scaled) in candidates {
            if scaled + NOISE_MAX >= self.score {
                self.offer(scaled + noise.gumbel(token), token);
            }
        }
    }
}

/// Draws from the listed candidates; `dense` holds one f32 per token of the vocabulary and is
/// overwritten.
pub(super) fn draw_listed(
    noise: &mut Noise,
    list: &[Candidate],
    logits: &[f32],
    temperature: f64,
    dense: &mut [f32],
) -> Best {
    let mut best = Best::NONE;
    // A block made alone costs about as much as four made in a row.
    if list.len() < dense.len() / (4 * TOKENS_PER_BLOCK) {
        best.offer_all(noise, list.iter().map(|c| (c.token, c.scaled)));
        return best;
    }
    best.offer_all(noise, list.iter().filter(|c| c.changed).map(|c| (c.token, c.scaled)));
    dense.fill(f32::NEG_INFINITY);
    for c in list.iter().filter(|c| !c.changed) {
        if let (Some(slot), Some(&logit)) = (dense.get_mut(c.token as usize), logits.get(c.token as usize)) {
            *slot = logit;
        }
    }
    draw_plain(noise, dense, temperature, &mut best);
    best
}

/// Draws from every token that is not excluded.
pub(super) fn draw_all(noise: &mut Noise, logits: &Adjusted<'_>, temperature: f64) -> Best {
    let mut best = Best::NONE;
    best.offer_all(noise, logits.changed.iter().map(|c| (c.token, c.logit / temperature)));
    draw_plain(noise, logits.plain, temperature, &mut best);
    best
}

/// As [`draw_all`], in parts of the vocabulary that `share` has computed in any order. The best of the
/// parts' best is the best of all: bounds only leave out what cannot win.
pub(super) fn draw_all_shared(
    noise: &(dyn Fn() -> Noise + Sync),
    logits: &Adjusted<'_>,
    temperature: f64,
    share: &Share<'_>,
) -> Best {
    let mut best = Best::NONE;
    best.offer_all(&mut noise(), logits.changed.iter().map(|c| (c.token, c.logit / temperature)));
    let Some((max, likely)) = first_max(logits.plain) else { return best };
    // A good score early is what lets the bound discard nearly everything.
    best.offer_all(&mut noise(), std::iter::once((likely, f64::from(max) / temperature)));
    let start = best;
    let parts: Vec<(usize, &[f32])> = logits.plain.chunks(PART).enumerate().collect();
    let found: Vec<OnceLock<Best>> = parts.iter().map(|_| OnceLock::new()).collect();
    let work = |part: usize| {
        if let (Some((number, logits)), Some(slot)) = (parts.get(part), found.get(part)) {
            slot.get_or_init(|| {
                let mut race = Race::new(temperature, start);
                race.run(&mut noise(), token_at(number * PART), logits);
                race.best
            });
        }
    };
    share(parts.len(), &work);
    for (part, slot) in found.iter().enumerate() {
        // A part that `share` left out is computed now.
        work(part);
        if let Some(found) = slot.get() {
            best.offer(found.score, found.token);
        }
    }
    best
}

/// Offers every token of `plain` that is not negative infinity.
fn draw_plain(noise: &mut Noise, plain: &[f32], temperature: f64, best: &mut Best) {
    let Some((max, likely)) = first_max(plain) else { return };
    // A good score early is what lets the bound discard nearly everything.
    best.offer_all(noise, std::iter::once((likely, f64::from(max) / temperature)));
    let mut race = Race::new(temperature, *best);
    race.run(noise, 0, plain);
    *best = race.best;
}

/// The pre-filter. It is no part of the specification: it may only discard tokens that cannot win.
///
/// With `u = 1 - c` the noise is at most `-ln c`, since `-ln(1 - c) >= c`. Only the top 31 bits of
/// `c` are looked at, rounded down, and its logarithm is read off its f32: `exponent + mantissa`
/// is a lower bound of `log2`, 0.09 off at most.
struct Race {
    best: Best,
    temperature: f64,
    inverse: f32,
    /// Tokens whose bound is below this cannot win.
    threshold: f32,
}

impl Race {
    /// Beyond this f32 products could overflow, and every token is computed in full.
    const MAGNITUDE_MAX: f64 = 1e30;

    fn new(temperature: f64, best: Best) -> Self {
        let mut race = Race { best, temperature, inverse: narrow(1.0 / temperature), threshold: 0.0 };
        race.set_threshold();
        race
    }

    fn set_threshold(&mut self) {
        let score = self.best.score;
        // Noise bounds lie between 0 and 110. A scaled logit above the score passes whatever its
        // bound, and one below score - 110 fails by far; for those between, the f32 roundings on
        // both sides add up to less than 2^-21 of the score's magnitude plus 1e-4.
        self.threshold = if score.abs() <= Self::MAGNITUDE_MAX {
            narrow(score - 1e-3 - score.abs() / 1_048_576.0)
        } else {
            f32::NEG_INFINITY
        };
    }

    /// Offers all of `plain`, which begins with token `first`, a multiple of 8.
    fn run(&mut self, noise: &mut Noise, first: Token, plain: &[f32]) {
        let mut blocks = [Block::default(); BLOCKS];
        for (chunk, logits) in plain.chunks(BLOCKS * TOKENS_PER_BLOCK).enumerate() {
            if !self.any_can_win(logits) {
                continue;
            }
            let first = first + token_at(chunk * BLOCKS * TOKENS_PER_BLOCK);
            let blocks = &mut blocks[..logits.len().div_ceil(TOKENS_PER_BLOCK)];
            noise.fill(first, blocks);
            for ((block, logits), number) in blocks.iter().zip(logits.chunks(TOKENS_PER_BLOCK)).zip(0_u32..) {
                let token = first + number * 8;
                if let Ok(logits) = logits.try_into() {
                    self.offer(token, logits, &words(block));
                } else {
                    let mut padded = [f32::NEG_INFINITY; TOKENS_PER_BLOCK];
                    padded[..logits.len()].copy_from_slice(logits);
                    self.offer(token, &padded, &words(block));
                }
            }
        }
    }

    /// Whether a token with one of `logits` can still win, whatever its noise.
    fn any_can_win(&self, logits: &[f32]) -> bool {
        let noise = narrow(NOISE_MAX);
        logits.iter().fold(false, |any, logit| any | (logit * self.inverse + noise >= self.threshold))
    }

    /// Offers 8 tokens, the first of which is `token`, with their random numbers.
    #[inline]
    fn offer(&mut self, token: Token, logits: &[f32; TOKENS_PER_BLOCK], words: &[u64; TOKENS_PER_BLOCK]) {
        let mut any = false;
        for (logit, word) in logits.iter().zip(words) {
            any |= logit * self.inverse + noise_bound(*word) >= self.threshold;
        }
        if any {
            self.offer_in_full(token, logits, words);
        }
    }

    #[cold]
    fn offer_in_full(
        &mut self,
        token: Token,
        logits: &[f32; TOKENS_PER_BLOCK],
        words: &[u64; TOKENS_PER_BLOCK],
    ) {
        for ((token, logit), word) in (token..).zip(logits).zip(words) {
            // The first test is needed where the threshold is negative infinity.
            if *logit == f32::NEG_INFINITY || logit * self.inverse + noise_bound(*word) < self.threshold {
                continue;
            }
            self.best.offer(f64::from(*logit) / self.temperature + gumbel(*word), token);
        }
        self.set_threshold();
    }
}

/// At least the Gumbel noise of a random number, f32 roundings (below 2^-14) aside.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // 31 bits fit; roundings are in the slack
fn noise_bound(word: u64) -> f32 {
    let complement = (!word >> 33) as i32 as f32;
    // The bits of a positive f32, as an integer, are 2^23 (127 + exponent + mantissa).
    let log2 = complement.to_bits().cast_signed() as f32 * (1.0 / 8_388_608.0) - 158.0;
    -log2 * std::f32::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: u64 = u64::MAX;

    /// A generator for test data: SplitMix64 (Steele, Lea, Flood 2014).
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn naive(logits: &[f32; 8], words: &[u64; 8], temperature: f64) -> Best {
        let mut best = Best::NONE;
        for ((token, logit), word) in (0..).zip(logits).zip(words) {
            if *logit != f32::NEG_INFINITY {
                best.offer(f64::from(*logit) / temperature + gumbel(*word), token);
            }
        }
        best
    }

    #[test]
    fn noise_at_both_ends_is_finite_and_within_its_bound() {
        assert!((gumbel(LAST) - 36.736_800_569_677_1).abs() < 1e-9);
        assert!((gumbel(0) + 3.6037789929704576).abs() < 1e-9);
        assert!(gumbel(LAST) + 1e-9 < NOISE_MAX);
    }

    #[test]
    fn noise_bound_is_a_bound() {
        let mut state = 1;
        for i in 0..1_000_000_u32 {
            // Every magnitude of 1 - u, and every magnitude of u.
            let word = match i % 3 {
                0 => next(&mut state),
                1 => LAST - (next(&mut state) >> (i / 3 % 64)),
                _ => next(&mut state) >> (i / 3 % 64),
            };
            let (noise, bound) = (gumbel(word), f64::from(noise_bound(word)));
            assert!(noise <= bound + 1e-4, "{word:#x}: {noise} {bound}");
        }
    }

    #[test]
    fn the_pre_filter_never_changes_the_draw() {
        let mut state = 7;
        let mut discarded = 0_u32;
        for case in 0..1_000_000_u32 {
            let draw = next(&mut state);
            let temperature = [1.0, 0.7, 0.000_001, 100.0, 1.3, 0.05][(case % 6) as usize];
            let spread = [1.0, 8.0, 30.0, 1e-3, 1e5, 1e20, f32::MAX][(draw % 7) as usize];
            let mut logits = [0.0; 8];
            let mut words = [0; 8];
            for (logit, word) in logits.iter_mut().zip(&mut words) {
                let random = next(&mut state);
                *logit = match random % 11 {
                    0 => f32::NEG_INFINITY,
                    1 => spread,
                    2 => 0.0,
                    _ => spread * ((random >> 40) as f32 / 8_388_608.0 - 1.0),
                };
                *word = match random >> 16 & 15 {
                    0 => 0,
                    1 => LAST,
                    2 => LAST - (random >> 20 & 0xffff),
                    3 => random >> 30,
                    4 => 1 << 63,
                    _ => next(&mut state),
                };
            }
            if draw >> 8 & 7 == 0 {
                // Perfect ties: equal logits and equal noise.
                logits = [logits[0]; 8];
                words = [words[0]; 8];
            }
            let expected = naive(&logits, &words, temperature);
            // From no score, from a score that wins nothing, and from a rival just beside the best.
            let mut race = Race::new(temperature, Best::NONE);
            race.offer(0, &logits, &words);
            assert_eq!(race.best, expected);
            for (rival, token) in [(expected.score.next_down(), 9), (expected.score, 9), (expected.score, 0)]
            {
                let mut race = Race::new(temperature, Best { score: rival, token });
                let mut expected = expected;
                expected.offer(rival, token);
                race.offer(0, &logits, &words);
                assert_eq!(race.best, expected);
                discarded += logits
                    .iter()
                    .zip(&words)
                    .map(|(logit, word)| {
                        u32::from(logit * race.inverse + noise_bound(*word) < race.threshold)
                    })
                    .sum::<u32>();
            }
        }
        assert!(discarded > 1_000_000, "a filter that discards nothing proves nothing: {discarded}");
    }
}
