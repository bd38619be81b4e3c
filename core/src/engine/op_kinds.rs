//! Which operations a model's graph consists of, and which of them the profile `exact-2` has kernels for.

use llama_cpp_sys_2 as sys;

use super::executor::outside;
use super::op_times::kind;

/// A kind of operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpKind {
    /// The operation, and for a matrix product the type and role of its weights: `MUL_MAT q8_0 ffn_up`.
    pub name: String,
    /// How many nodes of the kind there are.
    pub nodes: u64,
    /// Why there is no kernel of the project's own for one of them, if there is none.
    pub outside: Option<&'static str>,
}

/// The kinds of a graph's nodes, in the order of their first.
///
/// # Safety
/// `graph` is a valid graph.
pub(super) unsafe fn list(graph: *mut sys::ggml_cgraph) -> Vec<OpKind> {
    let mut kinds: Vec<OpKind> = Vec::new();
    // SAFETY: by the contract.
    for (node, why) in unsafe { outside(graph) } {
        let Some(name) = kind(node) else { continue };
        if let Some(known) = kinds.iter_mut().find(|known| known.name == name) {
            known.nodes += 1;
            known.outside = known.outside.or(why);
        } else {
            kinds.push(OpKind { name, nodes: 1, outside: why });
        }
    }
    kinds
}
