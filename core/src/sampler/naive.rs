//! The specification read out step by step, over the whole vocabulary, with full sorts and no
//! shortcut: what the fast paths are tested against.

use super::TokenMask;
use crate::policy::SamplingPolicy;
use crate::Token;

/// What the steps before the draw leave, and the draw.
pub(super) struct Naive {
    /// Logits after bias and penalties, by token; `None`: excluded.
    pub(super) logits: Vec<Option<f64>>,
    /// The tokens left by the filters, in no particular order, with their scaled logits.
    pub(super) left: Vec<(f64, Token)>,
    /// The perturbed score of every token that is not excluded.
    pub(super) scores: Vec<Option<f64>>,
    pub(super) drawn: Option<Token>,
}

/// `None` for a greedy draw with nothing left.
#[allow(clippy::cast_precision_loss, clippy::float_cmp)]
pub(super) fn naive(
    policy: &SamplingPolicy,
    (seed, stream, index): (&[u8; 32], u32, u64),
    logits: &[f32],
    history: &[Token],
    eog: &[Token],
    mask: Option<&TokenMask>,
) -> Naive {
    let window = &history[history.len().saturating_sub(policy.penalty_window as usize)..];
    let adjusted: Vec<Option<f64>> = logits
        .iter()
        .zip(0..)
        .map(|(&logit, token): (&f32, Token)| {
            let mut logit = f64::from(logit);
            if let Some(&(_, bias)) = policy.logit_bias.iter().find(|b| b.0 == token) {
                logit += bias.to_f64();
            }
            let count = window.iter().filter(|t| **t == token).count();
            if count > 0 {
                let repeat = policy.repeat_penalty.to_f64();
                logit = if logit > 0.0 { logit / repeat } else { logit * repeat };
                logit -= count as f64 * policy.frequency_penalty.to_f64() + policy.presence_penalty.to_f64();
            }
            let excluded = policy.bans.contains(&token)
                || (policy.ignore_eog && eog.contains(&token))
                || mask.is_some_and(|m| !m.is_allowed(token));
            (!excluded).then_some(logit)
        })
        .collect();

    let best = |scores: &[(f64, Token)]| {
        let mut best: Option<(f64, Token)> = None;
        for &(score, token) in scores {
            if best.is_none_or(|b| score > b.0 || (score == b.0 && token < b.1)) {
                best = Some((score, token));
            }
        }
        best.map(|b| b.1)
    };
    let listed = |values: &[Option<f64>]| -> Vec<(f64, Token)> {
        values.iter().zip(0..).filter_map(|(v, token)| v.map(|v| (v, token))).collect()
    };
    if policy.is_greedy() {
        let left = listed(&adjusted);
        return Naive { drawn: best(&left), left, scores: adjusted.clone(), logits: adjusted };
    }

    let temperature = policy.temperature.to_f64();
    let scaled: Vec<_> = adjusted.iter().map(|l| l.map(|l| l / temperature)).collect();
    let mut left = listed(&scaled);
    left.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap().then(a.1.cmp(&b.1)));
    if policy.top_k > 0 {
        left.truncate(policy.top_k as usize);
    }
    let max = left.first().map_or(0.0, |first| first.0);
    let weight = |scaled: f64| libm::exp(scaled - max);
    let top_p = policy.top_p.to_f64();
    if top_p < 1.0 {
        let mut total = 0.0;
        for &(scaled, _) in &left {
            total += weight(scaled);
        }
        let mut sum = 0.0;
        for i in 0..left.len() {
            sum += weight(left[i].0);
            if sum >= top_p * total {
                left.truncate(i + 1);
                break;
            }
        }
    }
    if policy.min_p.to_f64() > 0.0 {
        left.retain(|c| weight(c.0) >= policy.min_p.to_f64());
    }
    let scores: Vec<_> = scaled
        .iter()
        .zip(0..)
        .map(|(scaled, token)| scaled.map(|scaled| scaled + gumbel(seed, stream, index, token)))
        .collect();
    let perturbed: Vec<_> =
        left.iter().filter_map(|&(_, token)| scores[token as usize].map(|score| (score, token))).collect();
    Naive { logits: adjusted, drawn: best(&perturbed), left, scores }
}

#[allow(clippy::cast_precision_loss)] // 53 bits
fn gumbel(seed: &[u8; 32], stream: u32, index: u64, token: Token) -> f64 {
    let block = chacha20_block(seed, token / 8, index, stream);
    let at = (token % 8) as usize * 8;
    let x = u64::from_le_bytes(block[at..at + 8].try_into().unwrap()) >> 12;
    let u = (2 * x + 1) as f64 / 2_f64.powi(53);
    -libm::log(-libm::log(u))
}

/// RFC 8439, section 2.3.
fn chacha20_block(key: &[u8; 32], counter: u32, index: u64, stream: u32) -> [u8; 64] {
    let mut state = [0_u32; 16];
    state[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    for (word, bytes) in state[4..12].iter_mut().zip(key.chunks(4)) {
        *word = u32::from_le_bytes(bytes.try_into().unwrap());
    }
    let [low, high] = [(index & 0xffff_ffff) as u32, (index >> 32) as u32];
    state[12..].copy_from_slice(&[counter, low, high, stream]);
    let mut s = state;
    for _ in 0..10 {
        for [a, b, c, d] in [
            [0, 4, 8, 12],
            [1, 5, 9, 13],
            [2, 6, 10, 14],
            [3, 7, 11, 15],
            [0, 5, 10, 15],
            [1, 6, 11, 12],
            [2, 7, 8, 13],
            [3, 4, 9, 14],
        ] {
            s[a] = s[a].wrapping_add(s[b]);
            s[d] = (s[d] ^ s[a]).rotate_left(16);
            s[c] = s[c].wrapping_add(s[d]);
            s[b] = (s[b] ^ s[c]).rotate_left(12);
            s[a] = s[a].wrapping_add(s[b]);
            s[d] = (s[d] ^ s[a]).rotate_left(8);
            s[c] = s[c].wrapping_add(s[d]);
            s[b] = (s[b] ^ s[c]).rotate_left(7);
        }
    }
    let mut block = [0; 64];
    for ((bytes, word), start) in block.chunks_mut(4).zip(s).zip(state) {
        bytes.copy_from_slice(&word.wrapping_add(start).to_le_bytes());
    }
    block
}

/// RFC 8439, section 2.3.2: the block function's test vector.
#[test]
fn the_block_function_is_that_of_the_rfc() {
    let key: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    // Nonce 00:00:00:09:00:00:00:4a:00:00:00:00, counter 1.
    let block = chacha20_block(&key, 1, 0x4a00_0000_0900_0000, 0);
    assert_eq!(block[..8], [0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15]);
    assert_eq!(block[56..], [0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e]);
}
