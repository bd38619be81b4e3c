//! A product of quantized weights and activations (`docs/spec/numerics-2.md` §5).

use crate::kernels::matmul::Weights;
use crate::kernels::{Activations, UNIT};

/// Rows `rows` of the product, at `out[column * stride + row - rows.start]`.
///
/// # Safety
/// `out` may be written there.
pub unsafe fn matmul(
    weights: &Weights<'_>,
    rows: std::ops::Range<usize>,
    activations: &Activations,
    out: *mut f32,
    stride: usize,
) {
    for (row, at) in rows.zip(0..) {
        for column in 0..activations.columns() {
            let sum = dot(weights, row, activations, column);
            // SAFETY: by the contract.
            unsafe { *out.add(column * stride + at) = sum };
        }
    }
}

fn dot(weights: &Weights<'_>, row: usize, activations: &Activations, column: usize) -> f32 {
    let (format, bytes) = (weights.format(), weights.row(row));
    let mut sum = 0.0f32;
    for index in 0..activations.units() {
        let (unit, at) = (format.unit(bytes, index), column * activations.units() + index);
        let (quants, scale) = (&activations.quants()[at * UNIT..][..UNIT], activations.scales()[at]);
        // 16 products, or 32: integers, exact in any order.
        let parts = if format.has_halves() { 2 } else { 1 };
        let length = UNIT / parts;
        for part in 0..parts {
            let pairs = unit.quants.iter().zip(quants).skip(part * length).take(length);
            let products: i32 = pairs.map(|(weight, quant)| i32::from(*weight) * i32::from(*quant)).sum();
            #[allow(clippy::cast_precision_loss)] // at most 32 * 128 * 127, below 2^24
            let products = products as f32;
            sum = products.mul_add(unit.scale[part] * scale, sum);
        }
        if format.has_min() {
            sum = (-unit.min).mul_add(activations.scaled_sums()[at], sum);
        }
    }
    sum
}
