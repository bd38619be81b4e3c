//! Weights rounded by ggml's own quantizer.

use std::io::{self, Write};
use std::thread;

use llama_cpp_sys_2 as sys;

use crate::write::{Tensor, PIECE};
use crate::Rng;

/// Writes the tensor's data. Each piece has random numbers of its own, so that cores can share the work;
/// every type rounds the same weights.
pub(crate) fn write(tensor: &Tensor, out: &mut impl Write) -> io::Result<()> {
    let count: u64 = tensor.dims.iter().product();
    let pieces = count.div_ceil(PIECE);
    let workers = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    // A few pieces for each worker at a time: enough to keep them busy, little to hold in memory.
    let batch = workers * 8;
    for first in (0..pieces).step_by(usize::try_from(batch).unwrap_or(1)) {
        let last = pieces.min(first + batch);
        let share = (last - first).div_ceil(workers);
        let parts: Vec<Vec<u8>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..workers)
                .map(|w| (first + w * share).min(last)..(first + (w + 1) * share).min(last))
                .map(|range| {
                    scope.spawn(|| range.flat_map(|piece| quantized(tensor, piece, count)).collect())
                })
                .collect();
            threads.into_iter().map(|t| t.join().expect("a worker panicked")).collect()
        });
        parts.iter().try_for_each(|part| out.write_all(part))?;
    }
    Ok(())
}

fn quantized(tensor: &Tensor, piece: u64, count: u64) -> Vec<u8> {
    let elements = (count - piece * PIECE).min(PIECE);
    let (block, bytes) = tensor.tensor_type.block();
    assert_eq!(elements % block, 0, "{} is not whole {:?} blocks", tensor.name, tensor.tensor_type);
    let mut rng = Rng::new(tensor.seed ^ piece.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let weights: Vec<f32> = (0..elements).map(|_| tensor.mean + rng.normal() * tensor.deviation).collect();
    let mut data = vec![0u8; usize::try_from(elements / block * bytes).expect("a piece is small")];
    let columns = i64::try_from(elements).expect("a piece is small");
    // SAFETY: one row of `elements` weights, a multiple of the block, into a buffer of the row's size;
    // none of the types written needs an importance matrix.
    let written = unsafe {
        sys::ggml_quantize_chunk(
            tensor.tensor_type.id(),
            weights.as_ptr(),
            data.as_mut_ptr().cast(),
            0,
            1,
            columns,
            std::ptr::null(),
        )
    };
    assert_eq!(written, data.len());
    data
}
