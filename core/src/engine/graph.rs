//! The graph check: an exact profile computes only what it was proven exact for.
//!
//! Every graph that reaches the device is compared with the profile's list of operations, tensor
//! types and variants. That is stronger than trusting an architecture's name: a model that needs
//! another op fails here, whatever it calls itself.

use std::ffi::CStr;

use llama_cpp_sys_2 as sys;

use super::executor::{name_of, source};

/// Weight types proven exact: ggml's reference path computes them row by row.
pub(super) const WEIGHT_TYPES: &[sys::ggml_type] = &[
    sys::GGML_TYPE_F32,
    sys::GGML_TYPE_F16,
    sys::GGML_TYPE_BF16,
    sys::GGML_TYPE_Q8_0,
    sys::GGML_TYPE_Q4_0,
    sys::GGML_TYPE_Q4_1,
    sys::GGML_TYPE_Q5_0,
    sys::GGML_TYPE_Q5_1,
    sys::GGML_TYPE_Q2_K,
    sys::GGML_TYPE_Q3_K,
    sys::GGML_TYPE_Q4_K,
    sys::GGML_TYPE_Q5_K,
    sys::GGML_TYPE_Q6_K,
    sys::GGML_TYPE_IQ4_NL,
    sys::GGML_TYPE_IQ4_XS,
];

/// Checks that `graph` is one whole forward pass made only of operations on the list.
///
/// # Safety
/// `graph` is a valid graph whose nodes and sources are valid for the call.
///
/// # Errors
/// The first node outside the list, described; or what a whole pass must contain and does not.
pub(super) unsafe fn check(graph: *mut sys::ggml_cgraph) -> Result<(), String> {
    // SAFETY: the caller passes a valid graph.
    let n_nodes = unsafe { sys::ggml_graph_n_nodes(graph) };
    for i in 0..n_nodes {
        // SAFETY: i is a node index of the graph; nodes are valid tensors.
        let node = unsafe { &*sys::ggml_graph_node(graph, i) };
        check_node(node).map_err(|what| describe(i.unsigned_abs() as usize, node, what))?;
    }
    // SAFETY: as ours.
    unsafe { check_whole(graph) }
}

/// What is wrong with a node.
pub(super) fn describe(index: usize, node: &sys::ggml_tensor, what: &str) -> String {
    // SAFETY: ggml_op_desc returns a static string.
    let op = unsafe { CStr::from_ptr(sys::ggml_op_desc(node)) }.to_string_lossy();
    format!("node {index} `{}`: {op}: {what}", name_of(node))
}

/// Checks that `graph` is one whole forward pass.
///
/// # Safety
/// As of [`check`].
///
/// # Errors
/// What a whole pass must contain and does not.
pub(super) unsafe fn check_whole(graph: *mut sys::ggml_cgraph) -> Result<(), String> {
    // SAFETY: the caller passes a valid graph.
    let n_nodes = unsafe { sys::ggml_graph_n_nodes(graph) };
    let (mut embeds_tokens, mut has_output) = (false, false);
    for i in 0..n_nodes {
        // SAFETY: i is a node index of the graph; nodes are valid tensors.
        let node = unsafe { &*sys::ggml_graph_node(graph, i) };
        embeds_tokens |= node.op == sys::GGML_OP_GET_ROWS
            && source(node, 0).is_some_and(|s| name_of(s) == "token_embd.weight");
        has_output |= name_of(node) == "result_output";
    }
    if embeds_tokens && has_output {
        Ok(())
    } else {
        Err(format!(
            "the graph was split: {n_nodes} nodes {} the token embedding and {} the output",
            if embeds_tokens { "with" } else { "without" },
            if has_output { "with" } else { "without" },
        ))
    }
}

fn check_node(node: &sys::ggml_tensor) -> Result<(), &'static str> {
    let of_type = |index: usize, types: &[sys::ggml_type]| {
        source(node, index).is_some_and(|s| types.contains(&s.type_))
    };
    const F32: &[sys::ggml_type] = &[sys::GGML_TYPE_F32];
    const FLOATS: &[sys::ggml_type] = &[sys::GGML_TYPE_F32, sys::GGML_TYPE_F16];
    let require = |ok: bool, what: &'static str| if ok { Ok(()) } else { Err(what) };
    match node.op {
        // No arithmetic.
        sys::GGML_OP_NONE
        | sys::GGML_OP_VIEW
        | sys::GGML_OP_RESHAPE
        | sys::GGML_OP_PERMUTE
        | sys::GGML_OP_TRANSPOSE => Ok(()),
        sys::GGML_OP_GET_ROWS => require(
            of_type(0, WEIGHT_TYPES) || of_type(0, &[sys::GGML_TYPE_I32]),
            "row type outside the profile",
        ),
        sys::GGML_OP_SET_ROWS => {
            require(of_type(0, F32) && FLOATS.contains(&node.type_), "cache type outside the profile")
        }
        sys::GGML_OP_CPY | sys::GGML_OP_CONT | sys::GGML_OP_DUP => {
            require(of_type(0, FLOATS) && FLOATS.contains(&node.type_), "type outside the profile")
        }
        sys::GGML_OP_MUL_MAT | sys::GGML_OP_MUL_MAT_ID => {
            require(of_type(0, WEIGHT_TYPES) && of_type(1, F32), "matrix type outside the profile")
        }
        sys::GGML_OP_ROPE => {
            // op_params[2] is the mode: 0 interleaved pairs, 2 halves (NeoX).
            let mode = node.op_params[2];
            require(of_type(0, F32), "type outside the profile")?;
            require(mode == 0 || mode == 2, "RoPE mode outside the profile")
        }
        sys::GGML_OP_SOFT_MAX => {
            require(of_type(0, F32), "type outside the profile")?;
            require(source(node, 2).is_none(), "attention sinks are outside the profile")?;
            require(
                source(node, 1).is_none() || of_type(1, F32) || of_type(1, &[sys::GGML_TYPE_F16]),
                "mask type outside the profile",
            )
        }
        sys::GGML_OP_ADD | sys::GGML_OP_MUL | sys::GGML_OP_DIV => {
            require(of_type(0, F32) && of_type(1, F32), "type outside the profile")
        }
        sys::GGML_OP_RMS_NORM | sys::GGML_OP_SCALE | sys::GGML_OP_SUM_ROWS | sys::GGML_OP_CLAMP => {
            require(of_type(0, F32), "type outside the profile")
        }
        // The router of a mixture of experts.
        sys::GGML_OP_ARGSORT => require(of_type(0, F32), "type outside the profile"),
        sys::GGML_OP_UNARY => {
            // SAFETY: the node is a valid unary node.
            let kind = unsafe { sys::ggml_get_unary_op(node) };
            require(of_type(0, F32), "type outside the profile")?;
            require(
                // TANH: the soft caps of Gemma 2.
                matches!(kind, sys::GGML_UNARY_OP_SILU | sys::GGML_UNARY_OP_GELU | sys::GGML_UNARY_OP_TANH),
                "activation outside the profile",
            )
        }
        sys::GGML_OP_GLU => {
            // SAFETY: the node is a valid GLU node.
            let kind = unsafe { sys::ggml_get_glu_op(node) };
            require(of_type(0, F32), "type outside the profile")?;
            require(
                matches!(kind, sys::GGML_GLU_OP_SWIGLU | sys::GGML_GLU_OP_GEGLU),
                "activation outside the profile",
            )
        }
        _ => Err("outside the profile"),
    }
}
