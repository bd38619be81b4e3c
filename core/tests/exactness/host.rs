//! The host process: its floating-point mode, its environment, its own use of llama.cpp.

use std::ffi::CString;
use std::path::Path;
use std::process::Command;

use attestlm::abi::keccak256;
use attestlm::engine::float_env::{read_mxcsr, write_mxcsr};
use attestlm::model::Model;
use attestlm::session::{Continuation, SessionOptions};
use attestlm::verdict::Verdict;
use attestlm::Token;
use attestlm_testkit::{ModelSpec, TensorType};
use llama_cpp_sys_2 as sys;
use serde_json::json;

use crate::common::{check, model, options, receipt, request, session, CONTEXT};
use crate::{alone, prompt, requests};

/// Flush-to-zero and denormals-are-zero; the rounding modes down, up and to zero; all exceptions masked.
const FLUSH: u32 = 0x8040;
const DOWN: u32 = 0x2000;
const UP: u32 = 0x4000;
const TO_ZERO: u32 = 0x6000;
const MASKED: u32 = 0x1F80;
/// Invalid operation, division by zero and overflow raise a signal.
const TRAPPING: u32 = MASKED & !0x0680;

/// Runs `work` as a host thread in the given mode would, and checks that it gets its mode back.
fn in_mode<T>(mxcsr: u32, work: impl FnOnce() -> T) -> T {
    let before = read_mxcsr();
    write_mxcsr(mxcsr);
    let result = work();
    let after = read_mxcsr();
    write_mxcsr(before);
    // The low six bits say which exceptions have occurred.
    assert_eq!(after & !0x3F, mxcsr, "the host's floating-point mode was changed");
    result
}

#[test]
fn the_hosts_floating_point_mode() {
    let model = model(&ModelSpec::tiny());
    let requests = [
        request(json!({"promptTokens": prompt(60, 3, 2), "maxTokens": 8})),
        request(json!({"prompt": "a b", "maxTokens": 12, "temperature": 0.9, "topP": 0.9, "minP": 0.01,
                       "repeatPenalty": 1.1, "frequencyPenalty": 0.1, "logitBias": {"3": 0.1}})),
    ];
    let expected = alone(&model, None, &requests);
    let mut before = session(&model, &options(CONTEXT));
    for mode in [FLUSH, DOWN, UP, TO_ZERO, FLUSH | DOWN, FLUSH | UP, FLUSH | TO_ZERO] {
        let mode = mode | MASKED;
        in_mode(mode, || {
            // Made under the mode, with a pool of threads that inherit it.
            let options = SessionOptions { threads: Some(2), oversubscribe: true, ..options(CONTEXT) };
            let mut inside = session(&model, &options);
            before.forget().unwrap();
            for (request, expected) in requests.iter().zip(&expected) {
                assert_eq!(receipt(&mut inside, request), *expected, "{mode:#x}: made inside");
                assert_eq!(receipt(&mut before, request), *expected, "{mode:#x}: made before");
            }
            for json in &expected {
                let verdict = check(json, &model, None).verdict;
                assert_eq!(verdict, Verdict::Verified { prefix_only: false }, "{mode:#x}: verified inside");
            }
        });
        before.forget().unwrap();
    }
}

/// Set in a child process: the floating-point mode (hex) everything there is done in.
const CHILD: &str = "ATTESTLM_TEST_CHILD_MXCSR";

/// The receipts of a process of its own, made in a floating-point mode, as one digest.
fn digest_of_receipts(mxcsr: u32) -> String {
    // The random weights are rounded by this thread too: made before.
    let tiny = tempfile::NamedTempFile::new().unwrap();
    ModelSpec::tiny().write_to(tiny.path()).unwrap();
    in_mode(mxcsr, || digest_of_receipts_of(tiny.path()))
}

fn digest_of_receipts_of(tiny: &Path) -> String {
    let requests = [
        request(json!({"promptTokens": prompt(246, 3, 2), "maxTokens": 12})),
        request(json!({"prompt": "a b", "maxTokens": 10, "temperature": 0.9, "topP": 0.9,
                       "repeatPenalty": 1.1, "grammar": "root ::= [a-z ]+"})),
    ];
    let options = SessionOptions { threads: Some(2), oversubscribe: true, ..options(CONTEXT) };
    let mut all = Vec::new();
    for model in [Model::bundled().unwrap(), Model::open(tiny).unwrap()] {
        for json in requests.iter().map(|request| receipt(&mut session(&model, &options), request)) {
            assert_eq!(check(&json, &model, None).verdict, Verdict::Verified { prefix_only: false });
            all.extend(keccak256(json.as_bytes()));
        }
    }
    attestlm::hex::encode(&keccak256(&all))
}

/// Runs [`a_hostile_process`] in a child process and answers the digest it prints.
fn child(mxcsr: u32, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::a_hostile_process", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{mxcsr:x}"))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{mxcsr:#x} {variables:?}: {}\n{out}\n{err}", output.status);
    let digest = out.lines().find_map(|line| line.split_once("receipts: ")).map(|(_, d)| d.to_owned());
    digest.unwrap_or_else(|| panic!("the child printed no digest:\n{out}"))
}

#[test]
fn a_hostile_process() {
    if let Ok(mode) = std::env::var(CHILD) {
        let mode = u32::from_str_radix(&mode, 16).unwrap();
        println!("receipts: {}", digest_of_receipts(mode));
        return;
    }
    let expected = digest_of_receipts(MASKED);
    assert_eq!(child(MASKED, &[]), expected, "a process of its own");
    // Every variable the pinned ggml and llama.cpp ask for on this platform, and a few of older releases.
    let engine = [
        ("GGML_BACKEND_PATH", "/nonexistent/libggml-other.so"),
        ("GGML_BACKTRACE_LLDB", "1"),
        ("GGML_CPU_DISABLE_FUSION", "1"),
        ("GGML_CPU_TILED_MM", "1"),
        ("GGML_CPU_TILED_MM_FORCE", "1"),
        ("GGML_DISABLE_VULKAN", "1"),
        ("GGML_META_DEBUG", "1"),
        ("GGML_NO_BACKTRACE", "1"),
        ("GGML_NUMA", "distribute"),
        ("GGML_SCHED_DEBUG", "2"),
        ("GGML_SCHED_DEBUG_REALLOC", "1"),
        ("KMP_BLOCKTIME", "0"),
        ("LLAMA_ATTN_ROT_DISABLE", "1"),
        ("LLAMA_BATCH_DEBUG", "2"),
        ("LLAMA_GRAPH_INPUT_DEBUG", "2"),
        ("LLAMA_GRAPH_RESULT_DEBUG", "2"),
        ("LLAMA_GRAPH_REUSE_DISABLE", "1"),
        ("LLAMA_KV_CACHE_DEBUG", "2"),
        ("LLAMA_SET_ROWS", "0"),
        ("LLAMA_TRACE", "1"),
        ("OMP_NUM_THREADS", "1"),
    ];
    assert_eq!(child(MASKED, &engine), expected, "variables of the engine");
    // Variables of the C library: other kernels in libm, junk in fresh memory, a decimal comma.
    let library = [
        ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX512F,-FMA,-FMA4:glibc.malloc.perturb=165"),
        ("MALLOC_PERTURB_", "165"),
        ("LC_ALL", "de_DE.UTF-8"),
        ("TZ", "Pacific/Kiritimati"),
    ];
    assert_eq!(child(MASKED, &library), expected, "variables of the C library");
    // The engine's start, the known-answer test and the loading of models in another mode.
    assert_eq!(child(MASKED | FLUSH | TO_ZERO, &[]), expected, "rounding to zero from the start");
    assert_eq!(child(TRAPPING | FLUSH | UP, &[]), expected, "rounding up, exceptions raise signals");
}

/// The logits of a foreign context of llama.cpp's own defaults after one token.
fn foreign_logits(context: *mut sys::llama_context, token: Token, n_vocab: usize) -> Vec<f32> {
    let mut token = i32::try_from(token).unwrap();
    // SAFETY: a valid context, a batch of one valid token; the logits are copied before the next decode.
    unsafe {
        assert_eq!(sys::llama_decode(context, sys::llama_batch_get_one(&raw mut token, 1)), 0);
        let logits = sys::llama_get_logits_ith(context, -1);
        assert!(!logits.is_null());
        std::slice::from_raw_parts(logits, n_vocab).to_vec()
    }
}

#[test]
fn a_foreign_context_in_the_process() {
    // Nothing is rounded to integers, which the two do differently.
    let spec = ModelSpec::tiny().with_type(TensorType::F32);
    let file = tempfile::NamedTempFile::new().unwrap();
    spec.write_to(file.path()).unwrap();
    let model = Model::open(file.path()).unwrap();
    let requests = &requests()[..2];
    let expected = alone(&model, None, requests);
    let mut ours = session(&model, &options(CONTEXT));
    let path = CString::new(file.path().to_str().unwrap()).unwrap();
    // SAFETY: a valid path and default parameters; freed below, the context first.
    let (foreign_model, foreign) = unsafe {
        let model = sys::llama_model_load_from_file(path.as_ptr(), sys::llama_model_default_params());
        assert!(!model.is_null());
        let mut params = sys::llama_context_default_params();
        params.n_ctx = 512;
        params.n_threads = 1;
        params.n_threads_batch = 1;
        let context = sys::llama_init_from_model(model, params);
        assert!(!context.is_null());
        (model, context)
    };
    let n_vocab = model.vocab().len();
    let mut rows = Vec::new();
    for (request, expected) in requests.iter().zip(&expected) {
        rows.push(foreign_logits(foreign, 7, n_vocab));
        assert_eq!(receipt(&mut ours, request), *expected, "beside a foreign context");
        rows.push(foreign_logits(foreign, 11, n_vocab));
    }
    for row in &rows {
        assert!(row.iter().all(|l| l.is_finite()) && row.iter().any(|l| *l != 0.0));
    }
    // Its logits are the model's: what our own session thinks likely, it thinks likely too.
    let score = ours
        .score(&request(json!({"promptTokens": [7]})), &Continuation::Tokens(vec![11]), None)
        .unwrap()
        .log_probability();
    let max = rows[0].iter().copied().fold(f32::MIN, f32::max);
    let sum: f64 = rows[0].iter().map(|l| f64::from(l - max).exp()).sum();
    let theirs = f64::from(rows[0][11] - max) - sum.ln();
    assert!((score - theirs).abs() < 1e-4, "{score} and {theirs}");
    // SAFETY: made above, freed once.
    unsafe {
        sys::llama_free(foreign);
        sys::llama_model_free(foreign_model);
    }
    ours.forget().unwrap();
    assert_eq!(receipt(&mut ours, &requests[0]), expected[0], "after the foreign context");
}
