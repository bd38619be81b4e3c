//! Drawing a token does not allocate, whichever way it takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use attestlm::micros::Micros;
use attestlm::policy::SamplingPolicy;
use attestlm::sampler::{Sampler, TokenMask};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator unchanged; the counter is a plain `Cell` of this
// thread, whose access neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn drawing_does_not_allocate() {
    const N_VOCAB: u16 = 5000;
    let n_vocab = usize::from(N_VOCAB);
    let micros = |text| Micros::parse("test", text).unwrap();
    let warm = SamplingPolicy {
        temperature: micros("0.8"),
        presence_penalty: micros("0.5"),
        logit_bias: vec![(5, micros("1.5")), (4000, micros("-2"))],
        bans: vec![3],
        ..SamplingPolicy::default()
    };
    let history: Vec<u32> = (0..100).map(|i| i * 7 % 50).collect();
    let mask = TokenMask::from_words(n_vocab, vec![0x7fff_ffff; n_vocab.div_ceil(32)]).unwrap();
    for policy in [
        SamplingPolicy::default(),
        SamplingPolicy { temperature: Micros::ZERO, ..warm.clone() },
        SamplingPolicy { top_k: 40, ..warm.clone() },
        SamplingPolicy { top_k: 3000, top_p: micros("0.999"), ..warm.clone() },
        SamplingPolicy { top_p: micros("0.9"), min_p: micros("0.01"), ..warm.clone() },
        SamplingPolicy { min_p: micros("0.000001"), ..warm.clone() },
        warm,
    ] {
        let mut sampler = Sampler::new(&policy, &[1; 32], 0, n_vocab, &[]).unwrap();
        for shift in 0..20_u64 {
            // Constant, rising, and ever more mixed logits.
            let factor = shift * 997 % 4999;
            let logits: Vec<f32> = (0..u64::from(N_VOCAB))
                .map(|v| f32::from(u16::try_from(v * factor % u64::from(N_VOCAB)).unwrap()) / 500.0)
                .collect();
            let before = ALLOCATIONS.get();
            sampler.sample(shift, &logits, &history, None).unwrap();
            sampler.sample(shift, &logits, &history, Some(&mask)).unwrap();
            sampler.judge(shift, &logits, &history, Some(&mask), 7).unwrap();
            assert_eq!(ALLOCATIONS.get(), before, "{policy:?}");
        }
    }
}
