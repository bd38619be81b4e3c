//! Where the time of a forward pass goes: each node of the graph computed and timed alone.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;

use super::executor::source;

/// The time spent in one kind of operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpTime {
    /// The operation, and for a matrix product the type and role of its weights: `MUL_MAT q8_0 ffn_up`.
    pub name: String,
    /// How many nodes of the kind were computed.
    pub nodes: u64,
    /// Their time, with the start and the end of the pool's work on each.
    pub time: Duration,
    /// Bytes of the rows they read and wrote; of attention with all the cache's cells that its mask is about.
    pub bytes: u64,
    /// Products of two elements in matrix products, each with an addition.
    pub products: u64,
}

/// Times by kind of operation.
#[derive(Debug, Default)]
pub(super) struct OpTimes(BTreeMap<String, OpTime>);

impl OpTimes {
    /// The kinds, slowest first.
    pub(super) fn list(&self) -> Vec<OpTime> {
        let mut list: Vec<OpTime> = self.0.values().cloned().collect();
        list.sort_by_key(|op| std::cmp::Reverse(op.time));
        list
    }

    /// Adds what phases took.
    pub(super) fn add(&mut self, phases: Vec<(*const sys::ggml_tensor, Duration)>) {
        let mut last = std::ptr::null();
        for (node, took) in phases {
            // SAFETY: nodes of the graph in progress.
            self.count(unsafe { &*node }, took, node == last);
            last = node;
        }
    }

    /// Adds what a node took, or a further part of it.
    fn count(&mut self, node: &sys::ggml_tensor, took: Duration, is_further: bool) {
        let Some(name) = kind(node) else { return };
        let none = || OpTime { name: name.clone(), nodes: 0, time: Duration::ZERO, bytes: 0, products: 0 };
        let entry = self.0.entry(name.clone()).or_insert_with(none);
        entry.time += took;
        if is_further {
            return;
        }
        entry.nodes += 1;
        entry.bytes += bytes(node);
        entry.products += products(node);
    }

    /// Computes `graph` node by node on `backend`.
    ///
    /// # Safety
    /// As for `ggml_backend_graph_compute`.
    pub(super) unsafe fn compute(
        &mut self,
        backend: sys::ggml_backend_t,
        graph: *mut sys::ggml_cgraph,
    ) -> sys::ggml_status {
        // SAFETY: room for one graph of one node; checked before use and freed below.
        unsafe {
            let memory = sys::ggml_init(sys::ggml_init_params {
                mem_size: sys::ggml_graph_overhead_custom(1, false),
                mem_buffer: std::ptr::null_mut(),
                no_alloc: true,
            });
            if memory.is_null() {
                return sys::GGML_STATUS_ALLOC_FAILED;
            }
            let single = sys::ggml_new_graph_custom(memory, 1, false);
            let mut status = sys::GGML_STATUS_SUCCESS;
            for i in 0..sys::ggml_graph_n_nodes(graph) {
                let node = sys::ggml_graph_node(graph, i);
                sys::ggml_graph_clear(single);
                sys::ggml_graph_add_node(single, node);
                let begun = Instant::now();
                status = sys::ggml_backend_graph_compute(backend, single);
                let took = begun.elapsed();
                if status != sys::GGML_STATUS_SUCCESS {
                    break;
                }
                self.count(&*node, took, false);
            }
            sys::ggml_free(memory);
            status
        }
    }
}

/// Bytes of the rows that a node reads and writes.
fn bytes(node: &sys::ggml_tensor) -> u64 {
    // SAFETY: a valid tensor.
    let size = |tensor: &sys::ggml_tensor| unsafe { sys::ggml_nbytes(tensor) } as u64;
    match node.op {
        // Of a table or a cache some rows: those that come out, or go in.
        sys::GGML_OP_GET_ROWS => 2 * size(node),
        sys::GGML_OP_SET_ROWS => source(node, 0).map_or(0, |rows| 2 * size(rows)),
        _ => size(node) + (0..node.src.len()).filter_map(|at| source(node, at)).map(size).sum::<u64>(),
    }
}

/// Products of elements in a node that is a matrix product.
fn products(node: &sys::ggml_tensor) -> u64 {
    if node.op != sys::GGML_OP_MUL_MAT && node.op != sys::GGML_OP_MUL_MAT_ID {
        return 0;
    }
    let length = source(node, 0).map_or(0, |weights| weights.ne[0]);
    // SAFETY: a valid tensor.
    u64::try_from(length.saturating_mul(unsafe { sys::ggml_nelements(node) })).unwrap_or(0)
}

/// The kind of a node; none for one that computes nothing.
pub(super) fn kind(node: &sys::ggml_tensor) -> Option<String> {
    if matches!(
        node.op,
        sys::GGML_OP_NONE
            | sys::GGML_OP_VIEW
            | sys::GGML_OP_RESHAPE
            | sys::GGML_OP_PERMUTE
            | sys::GGML_OP_TRANSPOSE
    ) {
        return None;
    }
    // SAFETY: a valid node; ggml_op_desc returns a static string.
    let op = unsafe { CStr::from_ptr(sys::ggml_op_desc(node)) }.to_string_lossy().into_owned();
    if node.op != sys::GGML_OP_MUL_MAT && node.op != sys::GGML_OP_MUL_MAT_ID {
        return Some(op);
    }
    // SAFETY: a matrix product has two sources; names and type names are NUL-terminated.
    let (weights, type_name) = unsafe {
        let source = &*node.src[0];
        (
            CStr::from_ptr(source.name.as_ptr()).to_string_lossy().into_owned(),
            CStr::from_ptr(sys::ggml_type_name(source.type_)).to_string_lossy().into_owned(),
        )
    };
    let role = match weights.strip_suffix(".weight") {
        // `blk.7.ffn_up` of every layer.
        Some(name) => name.rsplit('.').next().unwrap_or(name).to_owned(),
        // Keys with queries, scores with values.
        None => "cache".to_owned(),
    };
    Some(format!("{op} {type_name} {role}"))
}
