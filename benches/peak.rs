//! What this machine can do at most: how fast memory is read, and how many integers are multiplied.

use std::time::Instant;

use attestlm::kernels::Isa;

use crate::stats::{count, spread};

/// Bytes that are read: more than any cache holds.
const READ: usize = 512 << 20;
/// Vectors of a round of multiplications: enough to hide what each has to wait for.
const AT_ONCE: usize = 16;
const ROUNDS: usize = 4_000_000;
const TIMES: usize = 5;

/// The peaks of some threads together.
#[derive(Debug, Clone, Copy)]
pub struct Peak {
    /// Bytes a second.
    pub read: f64,
    /// Products of integers of 8 bits, each with an addition, a second.
    pub products: f64,
}

impl Peak {
    /// Measures: the best of some times.
    pub fn measure(threads: u32) -> Self {
        let threads = threads.max(1) as usize;
        let memory: Vec<u64> = (0..READ as u64 / 8).collect();
        let read = best(|| {
            std::thread::scope(|scope| {
                for part in memory.chunks(memory.len().div_ceil(threads)) {
                    scope.spawn(move || std::hint::black_box(sum(part)));
                }
            });
        });
        let products = best(|| {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(multiply);
                }
            });
        });
        let each = if Isa::Avx512.is_here() { 64 } else { 32 };
        Peak { read: count(READ) / read, products: count(threads * ROUNDS * AT_ONCE * each) / products }
    }
}

/// The shortest time, in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    let times: Vec<f64> = (0..TIMES)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed().as_secs_f64()
        })
        .collect();
    spread(&times).least
}

/// A sum in so many parts that none waits for another.
fn sum(values: &[u64]) -> u64 {
    let mut sums = [0u64; 32];
    for values in values.chunks_exact(32) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter().fold(0, |all, sum| all.wrapping_add(*sum))
}

fn multiply() {
    // SAFETY: only where the processor has the instructions.
    unsafe {
        if Isa::Avx512.is_here() {
            multiply_avx512();
        } else if Isa::Avx2.is_here() {
            multiply_avx2();
        }
    }
}

#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn multiply_avx512() {
    use std::arch::x86_64::{_mm512_dpbusd_epi32, _mm512_set1_epi8, _mm512_setzero_si512};
    let (a, b) = (_mm512_set1_epi8(3), _mm512_set1_epi8(-2));
    let mut sums = [_mm512_setzero_si512(); AT_ONCE];
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, a, b);
        }
    }
    std::hint::black_box(sums);
}

#[target_feature(enable = "avx2")]
unsafe fn multiply_avx2() {
    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16, _mm256_set1_epi8,
        _mm256_setzero_si256,
    };
    let (a, one) = (_mm256_set1_epi8(3), _mm256_set1_epi16(1));
    let mut sums = [_mm256_setzero_si256(); AT_ONCE];
    for round in 0..ROUNDS {
        // Not the same each time, or it would be done once.
        let b = _mm256_set1_epi8(if std::hint::black_box(round) % 2 == 0 { 2 } else { 1 });
        for sum in &mut sums {
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), one));
        }
    }
    std::hint::black_box(sums);
}
