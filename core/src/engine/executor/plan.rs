//! From ggml's graph to steps: which work each node is, or why the profile does not have it.

use std::collections::HashSet;
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::attention::{Attention, Seen};
use super::phase::{rows_of, Binary, Failure, Lane, OfRow, Shared, Unary, Work};
use super::tensor::{source, storage, Storage, Tensor};
use crate::engine::graph::{describe, nodes};
use crate::kernels::attention::Heads;
use crate::kernels::map::{Clamp, Scale};
use crate::kernels::rope::{Pairs, Parameters, Rope};
use crate::kernels::{Activations, Isa, Writer, UNIT};

/// Work, and the node that it computes or is a part of.
pub(super) struct Step {
    pub work: Work,
    /// The rows of a result that are quantized as soon as they are there.
    pub then: Option<(Tensor, Writer)>,
    pub node: *const sys::ggml_tensor,
}

impl Step {
    /// Does a task.
    ///
    /// # Safety
    /// As of [`Work::run`].
    pub unsafe fn run(&self, isa: Isa, task: usize, lane: &mut Lane, failure: &Failure) {
        // SAFETY: as ours.
        unsafe {
            self.work.run(isa, task, lane, failure);
            if let Some((x, to)) = &self.then {
                for row in rows_of(task, x) {
                    to.write(isa, row, x.row(row).cast_const().cast());
                }
            }
        }
    }
}

/// What a graph consists of.
#[derive(Default)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// Activations by shape: products of one shape use them one after the other.
    activations: Vec<((usize, usize), Quantized)>,
    /// Tables that all layers use.
    angles: Vec<Angles>,
    /// By mask and number of queries.
    seen: Vec<((*const sys::ggml_tensor, usize), Seen)>,
}

struct Quantized {
    activations: Arc<Shared<Activations>>,
    /// What was quantized last.
    of: *const sys::ggml_tensor,
}

/// A rotation and its table of angles.
struct Angles {
    of: AnglesOf,
    rope: Arc<Rope>,
    table: Arc<Shared<Vec<f32>>>,
}

/// What a table of angles depends on: positions, factors and the parameters' bits.
type AnglesOf = (*const sys::ggml_tensor, *const sys::ggml_tensor, [i32; 16]);

/// Positions and heads of a task of attention: so many scores lie in the second cache.
const SCORES: usize = 1 << 17;
/// Scores of a task of one query: heads that share keys are divided where they had more.
const GROUP_SCORES: usize = 1 << 20;
/// At most so many queries by heads.
const QUERIES: usize = 64;
/// Bytes of the weights of a task, of one column.
const STREAMED: usize = 1 << 17;
/// Rows of a task of many columns: what the kernels make panels of at a time.
const PANEL_ROWS: usize = 64;

/// The nodes that are to be computed: of alternatives, such as embeddings in the place of tokens, all are in the graph.
///
/// # Safety
/// As of [`nodes`].
unsafe fn computed<'a>(graph: *mut sys::ggml_cgraph) -> impl Iterator<Item = &'a sys::ggml_tensor> {
    const COMPUTE: i32 = sys::GGML_TENSOR_FLAG_COMPUTE.cast_signed();
    // SAFETY: as ours.
    unsafe { nodes(graph) }.filter(|node| node.flags & COMPUTE != 0)
}

type Outcome<T = ()> = std::result::Result<T, &'static str>;

fn require(holds: bool, what: &'static str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(what)
    }
}

fn need(node: &sys::ggml_tensor, index: usize) -> Outcome<&sys::ggml_tensor> {
    source(node, index).ok_or("a source is missing")
}

/// The weights of a product. Nothing of the graph makes them: no step waits for them.
fn weights_of(node: &sys::ggml_tensor) -> Outcome<Tensor> {
    let weights = need(node, 0)?;
    require(weights.op == sys::GGML_OP_NONE, "a product of two results is outside the profile")?;
    Ok(Tensor::of(weights))
}

/// How weights are stored, which a kernel reads as they lie: rows without a gap, as long as those of `x`.
fn rows_in_place(weights: &Tensor, x: &Tensor) -> Outcome<Storage> {
    let kind = storage(weights.kind).ok_or("no kernel for this type of weights")?;
    let row = match kind {
        Storage::Quantized(format) if x.ne[0].is_multiple_of(UNIT) => format.row_bytes(x.ne[0] / UNIT),
        Storage::Floats(element) if weights.has_whole_rows() => x.ne[0].checked_mul(element.bytes()),
        _ => None,
    };
    require(row == Some(weights.nb[1]) && weights.is_contiguous(weights.nb[1]), "shape outside the profile")?;
    Ok(kind)
}

fn f32_param(node: &sys::ggml_tensor, index: usize) -> f32 {
    f32::from_bits(node.op_params[index].cast_unsigned())
}

impl Plan {
    /// The plan of a graph, for a number of threads.
    ///
    /// # Safety
    /// `graph` is a valid graph whose nodes and sources are valid while the plan is used.
    ///
    /// # Errors
    /// The first node that is outside the profile, described.
    pub unsafe fn of(graph: *mut sys::ggml_cgraph, threads: usize) -> Result<Self, String> {
        let mut plan = Plan::default();
        // SAFETY: by the contract.
        let nodes: Vec<&sys::ggml_tensor> = unsafe { computed(graph) }.collect();
        // Norms that another node than the next one uses.
        let mut kept = HashSet::new();
        for (at, node) in nodes.iter().enumerate() {
            let before = at.checked_sub(1).map_or(std::ptr::null(), |at| std::ptr::from_ref(nodes[at]));
            let sources = (0..node.src.len()).filter_map(|i| source(node, i));
            let sources = sources.filter(|source| source.op == sys::GGML_OP_RMS_NORM).map(std::ptr::from_ref);
            kept.extend(sources.filter(|source| !std::ptr::eq(*source, before)));
        }
        let mut at = 0;
        while at < nodes.len() {
            let next = nodes.get(at + 1).filter(|_| !kept.contains(&std::ptr::from_ref(nodes[at])));
            if next.is_some_and(|next| plan.scaled_norm(nodes[at], next)) {
                at += 2;
                continue;
            }
            plan.node(nodes[at], threads).map_err(|what| describe(at, nodes[at], what))?;
            at += 1;
        }
        Ok(plan)
    }

    /// Each node that is computed, with why the profile does not have it, if it does not.
    ///
    /// # Safety
    /// As of [`Self::of`], while this runs.
    pub unsafe fn outside<'a>(
        graph: *mut sys::ggml_cgraph,
    ) -> Vec<(&'a sys::ggml_tensor, Option<&'static str>)> {
        let mut plan = Plan::default();
        // SAFETY: by the contract.
        unsafe { computed(graph) }.map(|node| (node, plan.node(node, 1).err())).collect()
    }

    fn push(&mut self, node: &sys::ggml_tensor, work: Work) {
        self.steps.push(Step { work, then: None, node });
    }

    /// A norm and the product with its weights, in one. The norm by itself is then nowhere: nothing else uses it, and it is no
    /// output.
    fn scaled_norm(&mut self, norm: &sys::ggml_tensor, product: &sys::ggml_tensor) -> bool {
        let is_pair = norm.op == sys::GGML_OP_RMS_NORM
            && product.op == sys::GGML_OP_MUL
            && std::ptr::eq(product.src[0], norm)
            // Where the norm was: not over a part of what it is made from.
            && product.data == norm.data
            && norm.flags & sys::GGML_TENSOR_FLAG_OUTPUT.cast_signed() == 0;
        let (Some(x), Some(weights)) = (source(norm, 0), source(product, 1)) else { return false };
        if !is_pair || weights.op != sys::GGML_OP_NONE {
            return false;
        }
        let (x, weights, out) = (Tensor::of(x), Tensor::of(weights), Tensor::of(product));
        let fits = [x, weights, out].iter().all(|t| t.is_f32() && t.has_whole_rows())
            && weights.ne[0] == x.ne[0]
            && weights.ne[1] == 1
            && x.ne == out.ne;
        if fits {
            self.push(product, Work::ScaledNorm { epsilon: f32_param(norm, 0), x, weights, out });
        }
        fits
    }

    #[allow(clippy::too_many_lines)] // one arm for each operation
    fn node(&mut self, node: &sys::ggml_tensor, threads: usize) -> Outcome {
        let out = Tensor::of(node);
        if out.elements() == 0 {
            return Ok(());
        }
        match node.op {
            sys::GGML_OP_NONE
            | sys::GGML_OP_VIEW
            | sys::GGML_OP_RESHAPE
            | sys::GGML_OP_PERMUTE
            | sys::GGML_OP_TRANSPOSE => Ok(()),
            sys::GGML_OP_GET_ROWS => {
                let (from, ids) = (Tensor::of(need(node, 0)?), Tensor::of(need(node, 1)?));
                let storage = storage(from.kind).ok_or("no kernel for this type of weights")?;
                require(ids.kind == sys::GGML_TYPE_I32 && out.is_plain_f32(), "type outside the profile")?;
                let is_whole = match storage {
                    Storage::Quantized(format) => format.row_bytes(from.ne[0] / UNIT) == Some(from.nb[1]),
                    Storage::Floats(_) => from.has_whole_rows(),
                };
                require(is_whole, "shape outside the profile")?;
                require(
                    out.ne == [from.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]]
                        && from.ne[2] == ids.ne[1]
                        && from.ne[3] == ids.ne[2],
                    "shape outside the profile",
                )?;
                self.push(node, Work::GetRows { from, storage, ids, out });
                Ok(())
            }
            sys::GGML_OP_SET_ROWS => {
                let (x, ids) = (Tensor::of(need(node, 0)?), Tensor::of(need(node, 1)?));
                require(
                    x.is_f32()
                        && [sys::GGML_TYPE_F32, sys::GGML_TYPE_F16].contains(&out.kind)
                        && [sys::GGML_TYPE_I64, sys::GGML_TYPE_I32].contains(&ids.kind),
                    "type outside the profile",
                )?;
                require(
                    x.has_whole_rows()
                        && out.has_whole_rows()
                        && x.ne[0] == out.ne[0]
                        && x.ne[2] <= out.ne[2]
                        && x.ne[3] <= out.ne[3]
                        && ids.ne[0] == x.ne[1],
                    "shape outside the profile",
                )?;
                self.push(node, Work::SetRows { x, ids, out });
                Ok(())
            }
            sys::GGML_OP_CPY | sys::GGML_OP_CONT | sys::GGML_OP_DUP => {
                let x = Tensor::of(need(node, 0)?);
                let types = [sys::GGML_TYPE_F32, sys::GGML_TYPE_F16];
                require(types.contains(&x.kind) && types.contains(&out.kind), "type outside the profile")?;
                require(out.has_whole_rows() && x.elements() == out.elements(), "shape outside the profile")?;
                self.push(node, Work::Copy { x, out });
                Ok(())
            }
            sys::GGML_OP_MUL_MAT => self.product(node, out, threads),
            sys::GGML_OP_MUL_MAT_ID => self.product_of_chosen(node, out),
            sys::GGML_OP_ROPE => self.rope(node, out),
            sys::GGML_OP_FLASH_ATTN_EXT => self.attention(node, out, threads),
            sys::GGML_OP_SOFT_MAX => {
                require(
                    source(node, 1).is_none() && source(node, 2).is_none(),
                    "a mask or sinks are outside the profile",
                )?;
                self.of_row(node, OfRow::Softmax(f32_param(node, 0)), out)
            }
            sys::GGML_OP_RMS_NORM => self.of_row(node, OfRow::RmsNorm(f32_param(node, 0)), out),
            sys::GGML_OP_SUM_ROWS => self.of_row(node, OfRow::Sum, out),
            sys::GGML_OP_ARGSORT => {
                let descending = match node.op_params[0].cast_unsigned() {
                    sys::GGML_SORT_ORDER_DESC => true,
                    sys::GGML_SORT_ORDER_ASC => false,
                    _ => return Err("order outside the profile"),
                };
                self.of_row(node, OfRow::Argsort { descending }, out)
            }
            sys::GGML_OP_ADD => self.binary(node, Binary::Add, out),
            sys::GGML_OP_SUB => self.binary(node, Binary::Sub, out),
            sys::GGML_OP_MUL => self.binary(node, Binary::Mul, out),
            sys::GGML_OP_DIV => self.binary(node, Binary::Div, out),
            sys::GGML_OP_SCALE => {
                let scale = Scale { factor: f32_param(node, 0), offset: f32_param(node, 1) };
                self.unary(node, Unary::Scale(scale), out)
            }
            sys::GGML_OP_CLAMP => {
                let clamp = Clamp { least: f32_param(node, 0), most: f32_param(node, 1) };
                self.unary(node, Unary::Clamp(clamp), out)
            }
            sys::GGML_OP_UNARY => {
                // SAFETY: the node is a valid unary node.
                let op = match unsafe { sys::ggml_get_unary_op(node) } {
                    sys::GGML_UNARY_OP_SILU => Unary::Silu,
                    sys::GGML_UNARY_OP_GELU => Unary::Gelu,
                    sys::GGML_UNARY_OP_TANH => Unary::Tanh,
                    _ => return Err("activation outside the profile"),
                };
                self.unary(node, op, out)
            }
            sys::GGML_OP_GLU => {
                // SAFETY: the node is a valid GLU node.
                let op = match unsafe { sys::ggml_get_glu_op(node) } {
                    sys::GGML_GLU_OP_SWIGLU => Binary::SiluGate,
                    sys::GGML_GLU_OP_GEGLU => Binary::GeluGate,
                    _ => return Err("activation outside the profile"),
                };
                self.gate(node, op, out)
            }
            _ => Err("outside the profile"),
        }
    }

    fn unary(&mut self, node: &sys::ggml_tensor, op: Unary, out: Tensor) -> Outcome {
        let x = Tensor::of(need(node, 0)?);
        require(x.is_f32() && out.is_f32(), "type outside the profile")?;
        require(x.ne == out.ne && x.has_whole_rows() && out.has_whole_rows(), "shape outside the profile")?;
        self.push(node, Work::Unary { op, x, out });
        Ok(())
    }

    fn binary(&mut self, node: &sys::ggml_tensor, op: Binary, out: Tensor) -> Outcome {
        let (a, b) = (Tensor::of(need(node, 0)?), Tensor::of(need(node, 1)?));
        require(a.is_f32() && b.is_f32() && out.is_f32(), "type outside the profile")?;
        let repeats = (1..4).all(|i| a.ne[i].is_multiple_of(b.ne[i]));
        require(
            a.ne == out.ne
                && repeats
                && (b.ne[0] == a.ne[0] || b.ne[0] == 1)
                && [a, b, out].iter().all(Tensor::has_whole_rows),
            "shape outside the profile",
        )?;
        self.push(node, Work::Binary { op, a, b, out });
        Ok(())
    }

    fn of_row(&mut self, node: &sys::ggml_tensor, op: OfRow, out: Tensor) -> Outcome {
        let x = Tensor::of(need(node, 0)?);
        let is_sort = matches!(op, OfRow::Argsort { .. });
        require(
            x.is_f32() && if is_sort { out.kind == sys::GGML_TYPE_I32 } else { out.is_f32() },
            "type outside the profile",
        )?;
        let width = if matches!(op, OfRow::Sum) { 1 } else { x.ne[0] };
        require(
            x.has_whole_rows() && out.ne == [width, x.ne[1], x.ne[2], x.ne[3]] && out.nb[0] == 4,
            "shape outside the profile",
        )?;
        self.push(node, Work::OfRow { op, x, out });
        Ok(())
    }

    /// Both inputs apart, or in the halves of each row of one.
    fn gate(&mut self, node: &sys::ggml_tensor, op: Binary, out: Tensor) -> Outcome {
        let mut a = Tensor::of(need(node, 0)?);
        let swapped = node.op_params[1] != 0;
        let b = if let Some(b) = source(node, 1) {
            Tensor::of(b)
        } else {
            require(a.ne[0] == 2 * out.ne[0], "shape outside the profile")?;
            a.ne[0] = out.ne[0];
            let mut b = a;
            let half = out.ne[0] * a.nb[0];
            if swapped {
                a.data = a.data.wrapping_add(half);
            } else {
                b.data = b.data.wrapping_add(half);
            }
            b
        };
        require(a.is_f32() && b.is_f32() && out.is_f32(), "type outside the profile")?;
        require(
            a.ne == out.ne && b.ne == out.ne && [a, b, out].iter().all(Tensor::has_whole_rows),
            "shape outside the profile",
        )?;
        self.push(node, Work::Binary { op, a, b, out });
        Ok(())
    }

    /// Quantizes the columns of `x`, unless they are what was quantized last in their shape.
    fn quantize(&mut self, node: &sys::ggml_tensor, x: &sys::ggml_tensor) -> Arc<Shared<Activations>> {
        let tensor = Tensor::of(x);
        let shape = (tensor.ne[0] / UNIT, tensor.rows());
        let at = self.activations.iter().position(|(of, _)| *of == shape).unwrap_or_else(|| {
            let activations = Shared::new(Activations::new(shape.0, shape.1));
            self.activations.push((shape, Quantized { activations, of: std::ptr::null() }));
            self.activations.len() - 1
        });
        let quantized = &mut self.activations[at].1;
        let activations = Arc::clone(&quantized.activations);
        if !std::ptr::eq(quantized.of, x) {
            quantized.of = x;
            // SAFETY: nobody computes yet.
            let to = unsafe { (*activations.fill()).writer() };
            match self.steps.last_mut() {
                // Made row by row just before: each is quantized while it is near.
                Some(last) if last.then.is_none() && last.work.makes_rows_of(&tensor) => {
                    last.then = Some((tensor, to));
                }
                _ => self.push(node, Work::Quantize { x: tensor, to }),
            }
        }
        activations
    }

    fn product(&mut self, node: &sys::ggml_tensor, out: Tensor, threads: usize) -> Outcome {
        let (weights, column) = (weights_of(node)?, need(node, 1)?);
        let x = Tensor::of(column);
        let kind = rows_in_place(&weights, &x)?;
        require(x.is_plain_f32() && out.is_plain_f32(), "type outside the profile")?;
        require(weights.ne[2] * weights.ne[3] == 1, "shape outside the profile")?;
        let (rows, columns) = (weights.ne[1], x.rows());
        let chunk = if columns > 1 {
            PANEL_ROWS
        } else {
            // Of one column: what is streamed for some ten microseconds, and something for every thread.
            let streamed = (STREAMED / weights.nb[1].max(1)).max(1);
            streamed.min(rows.div_ceil(threads)).next_multiple_of(16)
        };
        match kind {
            Storage::Quantized(format) => {
                let activations = self.quantize(node, column);
                self.push(node, Work::Product { weights, format, activations, out, chunk });
            }
            Storage::Floats(element) => {
                self.push(node, Work::FloatProduct { weights, element, x, out, chunk });
            }
        }
        Ok(())
    }

    fn product_of_chosen(&mut self, node: &sys::ggml_tensor, out: Tensor) -> Outcome {
        let (weights, column, ids) = (weights_of(node)?, need(node, 1)?, Tensor::of(need(node, 2)?));
        let x = Tensor::of(column);
        let kind = rows_in_place(&weights, &x)?;
        require(
            x.is_plain_f32() && out.is_plain_f32() && ids.kind == sys::GGML_TYPE_I32,
            "type outside the profile",
        )?;
        require(
            weights.ne[3] == 1
                && x.ne[2] == ids.ne[1]
                && (x.ne[1] == 1 || x.ne[1] == ids.ne[0])
                && x.ne[3] == 1
                && out.ne == [weights.ne[1], ids.ne[0], ids.ne[1], 1],
            "shape outside the profile",
        )?;
        let activations = match kind {
            Storage::Quantized(_) => Some(self.quantize(node, column)),
            Storage::Floats(_) => None,
        };
        let chosen = Shared::new(vec![Vec::new(); weights.ne[2]]);
        self.push(node, Work::Choose { ids, columns: x.ne[1], to: Arc::clone(&chosen) });
        let work = Work::ProductOfChosen {
            weights,
            storage: kind,
            x,
            activations,
            chosen,
            out,
            chunk: 4 * PANEL_ROWS,
        };
        self.push(node, work);
        Ok(())
    }

    fn rope(&mut self, node: &sys::ggml_tensor, out: Tensor) -> Outcome {
        let (x, positions) = (Tensor::of(need(node, 0)?), need(node, 1)?);
        let p = node.op_params;
        let pairs = match p[2] {
            0 => Pairs::Neighbours,
            2 => Pairs::Halves,
            _ => return Err("RoPE mode outside the profile"),
        };
        let dims = usize::try_from(p[1]).map_err(|_| "shape outside the profile")?;
        let places = Tensor::of(positions);
        require(x.is_f32() && out.is_f32() && places.kind == sys::GGML_TYPE_I32, "type outside the profile")?;
        require(
            x.has_whole_rows()
                && out.has_whole_rows()
                && x.ne == out.ne
                && x.ne[3] == 1
                && places.ne[0] == x.ne[2]
                && dims.is_multiple_of(2)
                && dims > 0
                && dims <= x.ne[0]
                && p[15] == 0,
            "shape outside the profile",
        )?;
        let factors = source(node, 2);
        let of = (std::ptr::from_ref(positions), factors.map_or(std::ptr::null(), std::ptr::from_ref), p);
        let known = self.angles.iter().find(|known| known.of == of);
        let (rope, angles) = if let Some(known) = known {
            (Arc::clone(&known.rope), Arc::clone(&known.table))
        } else {
            let values = match factors {
                None => None,
                Some(factors) => {
                    let tensor = Tensor::of(factors);
                    require(
                        factors.op == sys::GGML_OP_NONE && tensor.is_plain_f32() && tensor.ne[0] >= dims / 2,
                        "factors outside the profile",
                    )?;
                    // SAFETY: a tensor of the model, so long.
                    Some(unsafe { std::slice::from_raw_parts(tensor.data.cast::<f32>(), dims / 2) })
                }
            };
            let parameters = Parameters {
                original_context: p[4].max(0).cast_unsigned(),
                base: f32_param(node, 5),
                scale: f32_param(node, 6),
                ext_factor: f32_param(node, 7),
                attn_factor: f32_param(node, 8),
                beta_fast: f32_param(node, 9),
                beta_slow: f32_param(node, 10),
            };
            let rope = Arc::new(Rope::new(pairs, dims, &parameters, values));
            let angles = Shared::new(vec![0.0; rope.row() * places.ne[0]]);
            let work = Work::Angles { rope: Arc::clone(&rope), positions: places, to: Arc::clone(&angles) };
            self.push(node, work);
            self.angles.push(Angles { of, rope: Arc::clone(&rope), table: Arc::clone(&angles) });
            (rope, angles)
        };
        self.push(node, Work::Rotate { rope, angles, x, out });
        Ok(())
    }

    fn attention(&mut self, node: &sys::ggml_tensor, out: Tensor, threads: usize) -> Outcome {
        let [q, k, v] = [Tensor::of(need(node, 0)?), Tensor::of(need(node, 1)?), Tensor::of(need(node, 2)?)];
        let of_mask = need(node, 3).map_err(|_| "attention without a mask is outside the profile")?;
        let mask = Tensor::of(of_mask);
        require(source(node, 4).is_none(), "attention sinks are outside the profile")?;
        require(f32_param(node, 1) == 0.0, "ALiBi is outside the profile")?;
        require(node.op_params[4] == 0, "attention to some positions only is outside the profile")?;
        let half = sys::GGML_TYPE_F16;
        require(
            q.is_f32() && out.is_plain_f32() && k.kind == half && v.kind == half && mask.kind == half,
            "type outside the profile",
        )?;
        let shared_by = q.ne[2].checked_div(k.ne[2]).unwrap_or(0);
        require(
            [q, k, v, mask].iter().all(Tensor::has_whole_rows)
                && shared_by * k.ne[2] == q.ne[2]
                && q.ne[0] == k.ne[0]
                && k.ne[1..] == v.ne[1..]
                && k.ne[3] == q.ne[3]
                && mask.ne[0] == k.ne[1]
                && mask.ne[1] >= q.ne[1]
                && mask.ne[2] == 1
                && mask.ne[3] == q.ne[3]
                && out.ne == [v.ne[0], q.ne[2], q.ne[1], q.ne[3]]
                && k.nb[1].is_multiple_of(2)
                && v.nb[1].is_multiple_of(2),
            "shape outside the profile",
        )?;
        let queries = q.ne[1];
        let known = self.seen.iter().find(|(known, _)| *known == (std::ptr::from_ref(of_mask), queries));
        let seen = if let Some((_, seen)) = known {
            Arc::clone(seen)
        } else {
            let seen = Shared::new(vec![(0, 0); queries * q.ne[3]]);
            self.push(node, Work::Seen { mask, queries, to: Arc::clone(&seen) });
            self.seen.push(((std::ptr::from_ref(of_mask), queries), Arc::clone(&seen)));
            seen
        };
        let rows = (SCORES / k.ne[1].max(1)).clamp(1, QUERIES);
        // A long context of one query is shared by its heads, if there are too few of keys.
        let few = queries == 1 && k.ne[2] * q.ne[3] < 2 * threads && threads > 1;
        let group = if few { shared_by.div_ceil(2) } else { shared_by };
        // Keys are read once for the heads that share them, if there is memory for the scores of all.
        let group = group.min((GROUP_SCORES / k.ne[1].max(1)).max(1));
        let heads =
            Heads { key: k.ne[0], value: v.ne[0], scale: f32_param(node, 0), cap: f32_param(node, 2) };
        let queries = (rows / group.max(1)).max(1);
        self.push(node, Work::Attention(Attention { heads, q, k, v, seen, out, queries, group }));
        Ok(())
    }
}
