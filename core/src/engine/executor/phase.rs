//! What a step of a graph's computation is: its operands, its tasks, and how a task is done.

use std::sync::{Arc, OnceLock};

use llama_cpp_sys_2 as sys;

use super::attention::{seen, Attention, Seen};
use super::tensor::{Storage, Tensor};
use crate::error::Result;
use crate::kernels::attention;
use crate::kernels::floats::{dequantize, narrow, products, widen, Columns, Element, Floats};
use crate::kernels::map::{map, Add, By, Clamp, Div, Gate, Gelu, Mul, Scale, Silu, Sub, Tanh};
use crate::kernels::rope::Rope;
use crate::kernels::{matmul_into, rows, Activations, Format, Isa, Scratch, Weights, Writer, UNIT};

/// An operation of each element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unary {
    Silu,
    Gelu,
    Tanh,
    Scale(Scale),
    Clamp(Clamp),
}

/// An operation of two elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    SiluGate,
    GeluGate,
}

/// An operation of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum OfRow {
    RmsNorm(f32),
    Softmax(f32),
    Sum,
    Argsort { descending: bool },
}

/// The columns that one expert is multiplied with: (column of the activations, row of the result).
pub(super) type Chosen = Vec<Vec<(usize, usize)>>;

/// A place that one phase fills, by several threads in different parts, and later phases read.
pub(super) struct Shared<T: ?Sized>(std::cell::UnsafeCell<T>);

// SAFETY: phases are ordered: see the methods.
unsafe impl<T: ?Sized + Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub fn new(value: T) -> Arc<Self> {
        Arc::new(Shared(std::cell::UnsafeCell::new(value)))
    }

    /// What was filled.
    ///
    /// # Safety
    /// Nobody writes to it in the same phase.
    pub unsafe fn get(&self) -> &T {
        // SAFETY: by the contract.
        unsafe { &*self.0.get() }
    }

    /// Where to fill.
    pub fn fill(&self) -> *mut T {
        self.0.get()
    }
}

/// A kind of work and where its operands are.
pub(super) enum Work {
    Unary {
        op: Unary,
        x: Tensor,
        out: Tensor,
    },
    Binary {
        op: Binary,
        a: Tensor,
        b: Tensor,
        out: Tensor,
    },
    OfRow {
        op: OfRow,
        x: Tensor,
        out: Tensor,
    },
    /// RMS norm, then the product with a row of weights.
    ScaledNorm {
        epsilon: f32,
        x: Tensor,
        weights: Tensor,
        out: Tensor,
    },
    Copy {
        x: Tensor,
        out: Tensor,
    },
    GetRows {
        from: Tensor,
        storage: Storage,
        ids: Tensor,
        out: Tensor,
    },
    SetRows {
        x: Tensor,
        ids: Tensor,
        out: Tensor,
    },
    Quantize {
        x: Tensor,
        to: Writer,
    },
    Product {
        weights: Tensor,
        format: Format,
        activations: Arc<Shared<Activations>>,
        out: Tensor,
        chunk: usize,
    },
    FloatProduct {
        weights: Tensor,
        element: Element,
        x: Tensor,
        out: Tensor,
        chunk: usize,
    },
    Choose {
        ids: Tensor,
        columns: usize,
        to: Arc<Shared<Chosen>>,
    },
    ProductOfChosen {
        weights: Tensor,
        storage: Storage,
        x: Tensor,
        activations: Option<Arc<Shared<Activations>>>,
        chosen: Arc<Shared<Chosen>>,
        out: Tensor,
        chunk: usize,
    },
    Angles {
        rope: Arc<Rope>,
        positions: Tensor,
        to: Arc<Shared<Vec<f32>>>,
    },
    Rotate {
        rope: Arc<Rope>,
        angles: Arc<Shared<Vec<f32>>>,
        x: Tensor,
        out: Tensor,
    },
    Seen {
        mask: Tensor,
        queries: usize,
        to: Seen,
    },
    Attention(Attention),
}

/// What a thread keeps from task to task.
#[derive(Debug, Default)]
pub(super) struct Lane {
    attention: attention::Scratch,
    floats: Vec<f32>,
    results: Vec<f32>,
    activations: Activations,
    scratch: Scratch,
}

/// What went wrong while a graph was computed.
#[derive(Debug, Default)]
pub(super) struct Failure(OnceLock<&'static str>);

impl Failure {
    /// Of several the first stays.
    pub fn raise(&self, what: &'static str) {
        let _ = self.0.set(what);
    }

    pub fn is_raised(&self) -> bool {
        self.0.get().is_some()
    }

    pub fn what(&self) -> Option<&'static str> {
        self.0.get().copied()
    }
}

/// Rows of a task of an operation that works row by row: about 16,384 elements.
fn rows_of_task(width: usize) -> usize {
    (1usize << 14).div_ceil(width.max(1))
}

/// The rows of a task of an operation that works row by row.
pub(super) fn rows_of(task: usize, of: &Tensor) -> std::ops::Range<usize> {
    let each = rows_of_task(of.ne[0]);
    task * each..of.rows().min((task + 1) * each)
}

impl Work {
    /// Whether a task of this makes those rows of `x` that [`rows_of`] says.
    pub fn makes_rows_of(&self, x: &Tensor) -> bool {
        match self {
            Work::Unary { out, .. } | Work::Binary { out, .. } | Work::ScaledNorm { out, .. } => {
                out.data == x.data && out.ne[0] == x.ne[0] && out.rows() == x.rows() && out.is_plain_f32()
            }
            _ => false,
        }
    }

    /// Into how many tasks it is divided.
    pub fn tasks(&self) -> usize {
        let by_rows = |out: &Tensor| out.rows().div_ceil(rows_of_task(out.ne[0]));
        match self {
            Work::Unary { out, .. }
            | Work::Binary { out, .. }
            | Work::ScaledNorm { out, .. }
            | Work::Copy { out, .. }
            | Work::GetRows { out, .. } => by_rows(out),
            Work::OfRow { x, .. } | Work::SetRows { x, .. } | Work::Quantize { x, .. } => by_rows(x),
            Work::Product { weights, chunk, .. } | Work::FloatProduct { weights, chunk, .. } => {
                weights.ne[1].div_ceil(*chunk)
            }
            Work::ProductOfChosen { weights, chunk, .. } => weights.ne[1].div_ceil(*chunk) * weights.ne[2],
            Work::Choose { .. } => 1,
            Work::Angles { positions, .. } => positions.ne[0].div_ceil(16),
            Work::Rotate { x, .. } => (x.ne[2] * x.ne[3]).div_ceil(rows_of_task(x.ne[0] * x.ne[1])),
            Work::Seen { mask, queries, .. } => (queries * mask.ne[3]).div_ceil(16),
            Work::Attention(attention) => attention.tasks(),
        }
    }

    /// Does a task.
    ///
    /// # Safety
    /// The plan that made this work belongs to the graph in progress; earlier phases are done; no other thread does this task.
    #[allow(clippy::too_many_lines)] // one arm for each kind of work
    pub unsafe fn run(&self, isa: Isa, task: usize, lane: &mut Lane, failure: &Failure) {
        let rows = |of: &Tensor| rows_of(task, of);
        // SAFETY: by the contract; the plan looked at types, shapes and strides.
        unsafe {
            match self {
                Work::Unary { op, x, out } => {
                    for row in rows(out) {
                        let (x, to, n) = (x.row(row).cast_const().cast(), out.row(row).cast(), out.ne[0]);
                        match op {
                            Unary::Silu => map(isa, &Silu, [x], to, n),
                            Unary::Gelu => map(isa, &Gelu, [x], to, n),
                            Unary::Tanh => map(isa, &Tanh, [x], to, n),
                            Unary::Scale(scale) => map(isa, scale, [x], to, n),
                            Unary::Clamp(clamp) => map(isa, clamp, [x], to, n),
                        }
                    }
                }
                Work::Binary { op, a, b, out } => {
                    for row in rows(out) {
                        let place = out.place(row);
                        let [i1, i2, i3] = place;
                        let second: *const f32 =
                            b.at([i1 % b.ne[1], i2 % b.ne[2], i3 % b.ne[3]]).cast_const().cast();
                        let (first, to, n) =
                            (a.at(place).cast_const().cast(), out.at(place).cast(), out.ne[0]);
                        let (pair, by) = ([first, second], (b.ne[0] == 1 && n > 1).then(|| *second));
                        match (op, by) {
                            (Binary::Add, None) => map(isa, &Add, pair, to, n),
                            (Binary::Sub, None) => map(isa, &Sub, pair, to, n),
                            (Binary::Mul, None) => map(isa, &Mul, pair, to, n),
                            (Binary::Div, None) => map(isa, &Div, pair, to, n),
                            (Binary::Add, Some(by)) => map(isa, &By(Add, by), [first], to, n),
                            (Binary::Sub, Some(by)) => map(isa, &By(Sub, by), [first], to, n),
                            (Binary::Mul, Some(by)) => map(isa, &By(Mul, by), [first], to, n),
                            (Binary::Div, Some(by)) => map(isa, &By(Div, by), [first], to, n),
                            (Binary::SiluGate, _) => map(isa, &Gate(Silu), pair, to, n),
                            (Binary::GeluGate, _) => map(isa, &Gate(Gelu), pair, to, n),
                        }
                    }
                }
                Work::ScaledNorm { epsilon, x, weights, out } => {
                    for row in rows(out) {
                        let [_, i2, i3] = out.place(row);
                        let by = weights.at([0, i2 % weights.ne[2], i3 % weights.ne[3]]).cast_const().cast();
                        let to: *mut f32 = out.row(row).cast();
                        rows::rms_norm(isa, x.row(row).cast_const().cast(), to, out.ne[0], *epsilon);
                        map(isa, &Mul, [to.cast_const(), by], to, out.ne[0]);
                    }
                }
                Work::OfRow { op, x, out } => {
                    for row in rows(x) {
                        let (from, n) = (x.row(row).cast_const().cast::<f32>(), x.ne[0]);
                        let to = out.row(row);
                        match op {
                            OfRow::RmsNorm(epsilon) => rows::rms_norm(isa, from, to.cast(), n, *epsilon),
                            OfRow::Softmax(scale) => rows::softmax(isa, from, to.cast(), n, *scale),
                            OfRow::Sum => rows::sum(isa, from, to.cast(), n),
                            OfRow::Argsort { descending } => {
                                let values = std::slice::from_raw_parts(from, n);
                                let order = std::slice::from_raw_parts_mut(to.cast::<i32>(), n);
                                argsort(values, *descending, order);
                            }
                        }
                    }
                }
                Work::Copy { x, out } => {
                    for row in rows(out) {
                        copy_row(isa, x, out, row, lane);
                    }
                }
                Work::GetRows { from, storage, ids, out } => {
                    for row in rows(out) {
                        let [i1, i2, i3] = out.place(row);
                        let id = ids.data.wrapping_add(i1 * ids.nb[0] + i2 * ids.nb[1] + i3 * ids.nb[2]);
                        let Some(id) = usize::try_from(*id.cast::<i32>()).ok().filter(|id| *id < from.ne[1])
                        else {
                            return failure.raise("GET_ROWS: no such row");
                        };
                        let (start, to, n) = (from.at([id, i2, i3]), out.row(row).cast::<f32>(), out.ne[0]);
                        match storage {
                            Storage::Floats(element) => widen(isa, *element, start, to, n),
                            Storage::Quantized(format) => {
                                let bytes = std::slice::from_raw_parts(start, from.nb[1]);
                                dequantize(*format, bytes, std::slice::from_raw_parts_mut(to, n));
                            }
                        }
                    }
                }
                Work::SetRows { x, ids, out } => {
                    for row in rows(x) {
                        let [i1, i2, i3] = x.place(row);
                        let id = ids.data.wrapping_add(
                            i1 * ids.nb[0] + i2 % ids.ne[1] * ids.nb[1] + i3 % ids.ne[2] * ids.nb[2],
                        );
                        let id = if ids.kind == sys::GGML_TYPE_I64 {
                            *id.cast::<i64>()
                        } else {
                            i64::from(*id.cast::<i32>())
                        };
                        let Some(id) = usize::try_from(id).ok().filter(|id| *id < out.ne[1]) else {
                            return failure.raise("SET_ROWS: no such row");
                        };
                        let (from, to) = (x.row(row).cast_const().cast::<f32>(), out.at([id, i2, i3]));
                        if out.is_f32() {
                            std::ptr::copy_nonoverlapping(from, to.cast(), x.ne[0]);
                        } else {
                            narrow(isa, from, to.cast(), x.ne[0]);
                        }
                    }
                }
                Work::Quantize { x, to } => {
                    for row in rows(x) {
                        to.write(isa, row, x.row(row).cast_const().cast());
                    }
                }
                Work::Product { weights, format, activations, out, chunk } => {
                    let rows = task * chunk..weights.ne[1].min((task + 1) * chunk);
                    let Ok(matrix) = matrix(weights, *format, 0) else {
                        return failure.raise("weights of another size");
                    };
                    let to = out.data.cast::<f32>().add(rows.start);
                    matmul_into(isa, &matrix, rows, activations.get(), to, out.ne[0], &mut lane.scratch);
                }
                Work::FloatProduct { weights, element, x, out, chunk } => {
                    let rows = task * chunk..weights.ne[1].min((task + 1) * chunk);
                    let matrix = Floats { element: *element, start: weights.data, length: weights.ne[0] };
                    let columns = Columns {
                        start: x.data.cast(),
                        stride: x.ne[0],
                        count: x.rows(),
                        out: out.data.cast::<f32>().add(rows.start),
                        out_stride: out.ne[0],
                    };
                    products(isa, &matrix, rows, &columns, &mut lane.floats);
                }
                Work::Choose { ids, columns, to } => {
                    let chosen = &mut *to.fill();
                    chosen.iter_mut().for_each(Vec::clear);
                    for token in 0..ids.ne[1] {
                        for slot in 0..ids.ne[0] {
                            let id = ids.data.add(token * ids.nb[1] + slot * ids.nb[0]).cast::<i32>();
                            let Some(expert) = usize::try_from(*id).ok().and_then(|id| chosen.get_mut(id))
                            else {
                                return failure.raise("MUL_MAT_ID: no such expert");
                            };
                            expert.push((token * columns + slot % columns, token * ids.ne[0] + slot));
                        }
                    }
                }
                Work::ProductOfChosen { weights, storage, x, activations, chosen, out, chunk } => {
                    let chunks = weights.ne[1].div_ceil(*chunk);
                    let (expert, part) = (task / chunks, task % chunks);
                    let chosen = &chosen.get()[expert];
                    if chosen.is_empty() {
                        return;
                    }
                    let rows = part * chunk..weights.ne[1].min((part + 1) * chunk);
                    let (first, count) = (rows.start, rows.len());
                    lane.results.resize(count * chosen.len(), 0.0);
                    let results = lane.results.as_mut_ptr();
                    match (storage, activations) {
                        (Storage::Quantized(format), Some(activations)) => {
                            let columns = chosen.iter().map(|(column, _)| *column);
                            lane.activations.gather(activations.get(), columns);
                            let Ok(matrix) = matrix(weights, *format, expert) else {
                                return failure.raise("weights of another size");
                            };
                            let (columns, scratch) = (&lane.activations, &mut lane.scratch);
                            matmul_into(isa, &matrix, rows, columns, results, count, scratch);
                        }
                        (Storage::Floats(element), _) => {
                            let start = weights.at([0, expert, 0]);
                            let matrix = Floats { element: *element, start, length: weights.ne[0] };
                            for (at, (column, _)) in chosen.iter().enumerate() {
                                let columns = Columns {
                                    start: x.row(*column).cast_const().cast(),
                                    stride: 0,
                                    count: 1,
                                    out: results.add(at * count),
                                    out_stride: 0,
                                };
                                products(isa, &matrix, rows.clone(), &columns, &mut lane.floats);
                            }
                        }
                        (Storage::Quantized(_), None) => failure.raise("weights without activations"),
                    }
                    for (at, (_, row)) in chosen.iter().enumerate() {
                        let to = out.row(*row).cast::<f32>().add(first);
                        std::ptr::copy_nonoverlapping(results.add(at * count), to, count);
                    }
                }
                Work::Angles { rope, positions, to } => {
                    let (all, row) = ((*to.fill()).as_mut_ptr(), rope.row());
                    for token in task * 16..positions.ne[0].min((task + 1) * 16) {
                        let position = *positions.data.add(token * positions.nb[0]).cast::<i32>();
                        rope.fill(position, std::slice::from_raw_parts_mut(all.add(token * row), row));
                    }
                }
                Work::Rotate { rope, angles, x, out } => {
                    let (each, row) = (rows_of_task(x.ne[0] * x.ne[1]), rope.row());
                    let angles = angles.get().as_ptr();
                    for token in task * each..(x.ne[2] * x.ne[3]).min((task + 1) * each) {
                        let (i2, i3) = (token % x.ne[2], token / x.ne[2]);
                        for head in 0..x.ne[1] {
                            let from = x.at([head, i2, i3]).cast_const().cast();
                            rope.rotate(
                                isa,
                                angles.add(i2 * row),
                                from,
                                out.at([head, i2, i3]).cast(),
                                x.ne[0],
                            );
                        }
                    }
                }
                Work::Seen { mask, queries, to } => {
                    let all = (*to.fill()).as_mut_ptr();
                    for at in task * 16..(queries * mask.ne[3]).min((task + 1) * 16) {
                        let row = mask.at([at % queries, 0, at / queries]).cast_const().cast::<u16>();
                        let row = std::slice::from_raw_parts(row, mask.ne[0]);
                        match seen(row) {
                            Some(range) => *all.add(at) = range,
                            None => failure.raise("a mask that is no range of positions"),
                        }
                    }
                }
                Work::Attention(attention) => attention.run(isa, task, &mut lane.attention),
            }
        }
    }
}

/// Matrix `index` of quantized weights.
///
/// # Safety
/// The plan looked at the tensor.
unsafe fn matrix(weights: &Tensor, format: Format, index: usize) -> Result<Weights<'_>> {
    let (rows, size) = (weights.ne[1], weights.nb[1]);
    // SAFETY: so many rows lie there, without gaps.
    let bytes = unsafe { std::slice::from_raw_parts(weights.at([0, index, 0]), rows * size) };
    Weights::new(format, bytes, rows, weights.ne[0] / UNIT)
}

/// A row of a copy, whose source may have another shape with as many elements.
///
/// # Safety
/// As of [`Work::run`].
unsafe fn copy_row(isa: Isa, x: &Tensor, out: &Tensor, row: usize, lane: &mut Lane) {
    let (width, size) = (out.ne[0], if x.is_f32() { 4 } else { 2 });
    let element = if x.is_f32() { Element::F32 } else { Element::F16 };
    lane.floats.resize(width.max(lane.floats.len()), 0.0);
    let buffer = lane.floats.as_mut_ptr();
    // SAFETY: by the contract: runs of the source's rows, until the row is full.
    unsafe {
        let mut done = 0;
        while done < width {
            let at = row * width + done;
            let (i0, start) = (at % x.ne[0], x.row(at / x.ne[0]));
            let count = (x.ne[0] - i0).min(width - done);
            if x.nb[0] == size {
                widen(isa, element, start.add(i0 * size), buffer.add(done), count);
            } else {
                for i in 0..count {
                    widen(isa, element, start.add((i0 + i) * x.nb[0]), buffer.add(done + i), 1);
                }
            }
            done += count;
        }
        if out.is_f32() {
            std::ptr::copy_nonoverlapping(buffer, out.row(row).cast(), width);
        } else {
            narrow(isa, buffer, out.row(row).cast(), width);
        }
    }
}

/// The order of values: of equal ones the first comes first; a NaN is above all.
fn argsort(values: &[f32], descending: bool, order: &mut [i32]) {
    let key = |at: &i32| {
        let value = usize::try_from(*at).ok().and_then(|at| values.get(at)).copied().unwrap_or(f32::NAN);
        // Without the sign of a zero; a NaN is beyond infinity, whichever it is.
        if value.is_nan() {
            f32::NAN.abs()
        } else {
            value + 0.0
        }
    };
    for (at, place) in (0..).zip(order.iter_mut()) {
        *place = at;
    }
    if descending {
        order.sort_by(|a, b| key(b).total_cmp(&key(a)));
    } else {
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(values: &[f32], descending: bool) -> Vec<i32> {
        let mut order = vec![9; values.len()];
        argsort(values, descending, &mut order);
        order
    }

    #[test]
    fn of_equal_values_the_first_comes_first() {
        assert_eq!(order(&[1.0, 3.0, 2.0, 3.0], true), [1, 3, 2, 0]);
        assert_eq!(order(&[1.0, 3.0, 2.0, 3.0], false), [0, 2, 1, 3]);
        assert_eq!(order(&[0.0, -0.0, 0.0], true), [0, 1, 2]);
        assert_eq!(order(&[0.0, -0.0, 0.0], false), [0, 1, 2]);
    }

    #[test]
    fn no_number_is_above_all_whatever_its_sign() {
        let nan = f32::NAN;
        assert_eq!(order(&[f32::INFINITY, nan, -nan, -1.0], true), [1, 2, 0, 3]);
        assert_eq!(order(&[f32::INFINITY, nan, -nan, -1.0], false), [3, 0, 1, 2]);
    }

    /// A tensor of `kind` on `values`, with sizes in elements and strides in bytes.
    fn tensor<T>(kind: sys::ggml_type, values: &mut [T], ne: [usize; 4], nb: [usize; 4]) -> Tensor {
        Tensor { kind, data: values.as_mut_ptr().cast(), ne, nb }
    }

    #[test]
    fn a_copy_goes_on_in_the_next_row_of_its_source() {
        // 3 rows of 4, of which 3 count, become 1 row of 9: and each again with its elements two apart.
        let mut from: Vec<f32> = (0..24u8).map(f32::from).collect();
        for step in [1, 2] {
            let x = tensor(sys::GGML_TYPE_F32, &mut from, [3, 3, 1, 1], [4 * step, 32, 96, 96]);
            let expected: Vec<f32> =
                (0..9).map(|at| f32::from(u8::try_from(at / 3 * 8 + at % 3 * step).unwrap())).collect();
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_here()) {
                let mut to = vec![f32::NAN; 9];
                let out = tensor(sys::GGML_TYPE_F32, &mut to, [9, 1, 1, 1], [4, 36, 36, 36]);
                // SAFETY: both tensors have these elements.
                unsafe { copy_row(isa, &x, &out, 0, &mut Lane::default()) };
                assert_eq!(to, expected, "{isa:?}");
                let mut halves = vec![0u16; 9];
                let out = tensor(sys::GGML_TYPE_F16, &mut halves, [9, 1, 1, 1], [2, 18, 18, 18]);
                // SAFETY: as above.
                unsafe { copy_row(isa, &x, &out, 0, &mut Lane::default()) };
                let halves: Vec<f32> = halves.into_iter().map(crate::kernels::half::f32_of).collect();
                assert_eq!(halves, expected, "{isa:?}");
            }
        }
    }
}
