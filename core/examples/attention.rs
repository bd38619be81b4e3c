//! Flash attention under the exact profile, off against on: how far each is from f64, how long it takes, what
//! memory it needs. The table of `docs/profiles.md` comes from here.
//!
//! `cargo run --release -p attestlm --example attention`. One layer's attention in ggml's reference mode, in the
//! shape of Qwen2.5 0.5B (14 heads, 2 of keys and values, width 64), on two threads. *Off* is what `exact-1` does:
//! K and V in f16, scores as a matrix, softmax, V transposed. *On* is `ggml_flash_attn_ext` with V in f16,
//! bf16 or `Q8_0` (K in f16). The error is that of the last query against f64 over the values before they were
//! rounded to the cache's type, relative to the root mean square of the result; a chunk of queries reads what is
//! cached and itself.

// Every `unsafe` below calls a ggml constructor with tensors of live contexts and shapes ggml accepts.
#![allow(clippy::undocumented_unsafe_blocks, clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use std::time::{Duration, Instant};

use attestlm::engine::float_env::FloatEnv;
use attestlm::engine::known_answer;
use attestlm_testkit::Rng;
use llama_cpp_sys_2 as sys;

const HEADS: usize = 14;
const HEADS_KV: usize = 2;
const WIDTH: usize = 64;
const THREADS: i32 = 2;
const ROUNDS: usize = 15;

/// How keys, queries and values are distributed.
#[derive(Clone, Copy)]
struct Data {
    name: &'static str,
    /// Deviation of the queries: 1 spreads the weights over the whole context, 4 gathers them.
    query: f32,
    /// Mean of the values.
    mean: f32,
}

const DATA: [Data; 3] = [
    Data { name: "even", query: 1.0, mean: 0.0 },
    Data { name: "peaked", query: 4.0, mean: 0.0 },
    Data { name: "even, mean 5", query: 0.25, mean: 5.0 },
];

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Off,
    On(sys::ggml_type, &'static str),
}

const WAYS: [Way; 4] = [
    Way::Off,
    Way::On(sys::GGML_TYPE_F16, "on, V f16"),
    Way::On(sys::GGML_TYPE_BF16, "on, V bf16"),
    Way::On(sys::GGML_TYPE_Q8_0, "on, V Q8_0"),
];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Off => "off (exact-1)",
            Way::On(_, name) => name,
        }
    }

    fn value_type(self) -> sys::ggml_type {
        match self {
            Way::Off => sys::GGML_TYPE_F16,
            Way::On(kind, _) => kind,
        }
    }
}

/// Keys `[position][head][width]`, values likewise, queries `[query][head][width]`.
struct Values {
    k: Vec<f32>,
    v: Vec<f32>,
    q: Vec<f32>,
    n_kv: usize,
    n_q: usize,
}

impl Values {
    fn new(data: Data, n_kv: usize, n_q: usize) -> Self {
        let mut rng = Rng::new(n_kv as u64);
        let mut normal = |n: usize, mean: f32, deviation: f32| -> Vec<f32> {
            (0..n).map(|_| mean + deviation * rng.normal()).collect()
        };
        Values {
            k: normal(n_kv * HEADS_KV * WIDTH, 0.0, 1.0),
            v: normal(n_kv * HEADS_KV * WIDTH, data.mean, 1.0),
            q: normal(n_q * HEADS * WIDTH, 0.0, data.query),
            n_kv,
            n_q,
        }
    }

    /// The last query's result in f64: it attends to everything.
    fn reference(&self) -> Vec<f64> {
        let mut out = Vec::new();
        for head in 0..HEADS {
            let kv = head / (HEADS / HEADS_KV);
            let row = |all: &[f32], position: usize| -> Vec<f64> {
                let at = (position * HEADS_KV + kv) * WIDTH;
                all[at..at + WIDTH].iter().map(|x| f64::from(*x)).collect()
            };
            let at = ((self.n_q - 1) * HEADS + head) * WIDTH;
            let q: Vec<f64> = self.q[at..at + WIDTH].iter().map(|x| f64::from(*x)).collect();
            let scores: Vec<f64> = (0..self.n_kv)
                .map(|p| {
                    row(&self.k, p).iter().zip(&q).map(|(k, q)| k * q).sum::<f64>() / (WIDTH as f64).sqrt()
                })
                .collect();
            let max = scores.iter().copied().fold(f64::MIN, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - max).exp()).collect();
            let sum: f64 = weights.iter().sum();
            let mut result = vec![0.0; WIDTH];
            for (p, w) in weights.iter().enumerate() {
                row(&self.v, p).iter().zip(&mut result).for_each(|(v, r)| *r += v * w / sum);
            }
            out.extend(result);
        }
        out
    }

    /// `[head][position][width]` of a `[position][head][width]` list.
    fn by_head(all: &[f32], heads: usize) -> Vec<f32> {
        let n = all.len() / (heads * WIDTH);
        let at = |head: usize, p: usize| (p * heads + head) * WIDTH;
        (0..heads).flat_map(|h| (0..n).flat_map(move |p| all[at(h, p)..at(h, p) + WIDTH].to_vec())).collect()
    }

    /// `[head][width][position]`: V as the cache keeps it without flash attention.
    fn transposed(all: &[f32], heads: usize) -> Vec<f32> {
        let n = all.len() / (heads * WIDTH);
        let mut out = Vec::with_capacity(all.len());
        for head in 0..heads {
            for i in 0..WIDTH {
                out.extend((0..n).map(|p| all[(p * heads + head) * WIDTH + i]));
            }
        }
        out
    }
}

fn rounded(kind: sys::ggml_type, values: &[f32]) -> Vec<u8> {
    let n = values.len() as i64;
    let mut bytes = vec![0u8; unsafe { sys::ggml_row_size(kind, n) }];
    unsafe {
        sys::ggml_quantize_chunk(kind, values.as_ptr(), bytes.as_mut_ptr().cast(), 0, 1, n, std::ptr::null())
    };
    bytes
}

/// Error, shortest time and bytes of intermediate results.
fn measure(way: Way, values: &Values, reference: &[f64]) -> (f64, Duration, usize) {
    let context = || {
        let params =
            sys::ggml_init_params { mem_size: 1 << 20, mem_buffer: std::ptr::null_mut(), no_alloc: true };
        unsafe { sys::ggml_init(params) }
    };
    let (inputs, ops) = (context(), context());
    let (n_kv, n_q) = (values.n_kv as i64, values.n_q as i64);
    let (width, heads, heads_kv) = (WIDTH as i64, HEADS as i64, HEADS_KV as i64);
    let scale = 1.0 / (WIDTH as f32).sqrt();
    let result = unsafe {
        let k = sys::ggml_new_tensor_3d(inputs, sys::GGML_TYPE_F16, width, n_kv, heads_kv);
        let v = match way {
            Way::Off => sys::ggml_new_tensor_3d(inputs, sys::GGML_TYPE_F16, n_kv, width, heads_kv),
            Way::On(kind, _) => sys::ggml_new_tensor_3d(inputs, kind, width, n_kv, heads_kv),
        };
        let q = sys::ggml_new_tensor_3d(inputs, sys::GGML_TYPE_F32, width, n_q, heads);
        // f16 for both: what llama.cpp gives to flash attention, and what softmax takes as well.
        let mask = sys::ggml_new_tensor_2d(inputs, sys::GGML_TYPE_F16, n_kv, n_q);
        let buffer =
            sys::ggml_backend_alloc_ctx_tensors_from_buft(inputs, sys::ggml_backend_cpu_buffer_type());
        let set = |tensor: *mut sys::ggml_tensor, bytes: &[u8]| {
            sys::ggml_backend_tensor_set(tensor, bytes.as_ptr().cast(), 0, bytes.len());
        };
        set(k, &rounded(sys::GGML_TYPE_F16, &Values::by_head(&values.k, HEADS_KV)));
        let arranged = match way {
            Way::Off => Values::transposed(&values.v, HEADS_KV),
            Way::On(..) => Values::by_head(&values.v, HEADS_KV),
        };
        set(v, &rounded(way.value_type(), &arranged));
        let queries = Values::by_head(&values.q, HEADS);
        set(q, &queries.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        let mut seen = vec![0u16; values.n_kv * values.n_q];
        for i in 0..values.n_q {
            let last = values.n_kv - values.n_q + i;
            seen[i * values.n_kv + last + 1..(i + 1) * values.n_kv].fill(0xFC00);
            // minus infinity
        }
        set(mask, &seen.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());

        let out = match way {
            Way::Off => {
                let scores = sys::ggml_mul_mat(ops, k, q);
                let weights = sys::ggml_soft_max_ext(ops, scores, mask, scale, 0.0);
                let mixed = sys::ggml_mul_mat(ops, v, weights);
                // [width, queries, heads] to [width, heads, queries], as flash attention gives it.
                sys::ggml_cont(ops, sys::ggml_permute(ops, mixed, 0, 2, 1, 3))
            }
            Way::On(..) => {
                let out = sys::ggml_flash_attn_ext(ops, q, k, v, mask, scale, 0.0, 0.0);
                sys::ggml_flash_attn_ext_set_prec(out, sys::GGML_PREC_F32);
                out
            }
        };
        sys::ggml_set_output(out);
        let graph = sys::ggml_new_graph(ops);
        sys::ggml_build_forward_expand(graph, out);
        let allocator = sys::ggml_gallocr_new(sys::ggml_backend_cpu_buffer_type());
        assert!(sys::ggml_gallocr_alloc_graph(allocator, graph), "out of memory");
        let plan = sys::ggml_graph_plan(graph, THREADS, std::ptr::null_mut());
        let bytes = sys::ggml_gallocr_get_buffer_size(allocator, 0) + plan.work_size;
        let backend = sys::ggml_backend_cpu_init();
        sys::ggml_backend_cpu_set_n_threads(backend, THREADS);
        sys::ggml_backend_cpu_set_use_ref(backend, true);
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            assert_eq!(sys::ggml_backend_graph_compute(backend, graph), sys::GGML_STATUS_SUCCESS);
            times.push(begun.elapsed());
        }
        let mut result = vec![0f32; HEADS * WIDTH];
        let offset = (values.n_q - 1) * HEADS * WIDTH * 4;
        sys::ggml_backend_tensor_get(out, result.as_mut_ptr().cast(), offset, HEADS * WIDTH * 4);
        sys::ggml_backend_free(backend);
        sys::ggml_gallocr_free(allocator);
        sys::ggml_backend_buffer_free(buffer);
        sys::ggml_free(ops);
        sys::ggml_free(inputs);
        (result, times.into_iter().min().unwrap_or_default(), bytes)
    };
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
    let error = squares(&mut result.0.iter().zip(reference).map(|(x, y)| f64::from(*x) - y));
    let size = squares(&mut reference.iter().copied());
    ((error / size).sqrt(), result.1, result.2)
}

fn main() {
    known_answer::check(attestlm::profile::Profile::Exact1)
        .expect("the engine computes what the profile pins");
    let _env = FloatEnv::enter();
    println!("| context | error: even | error: peaked | error: even, mean 5 | 1 query | 128 queries | buffers at 128 | V per token and layer |");
    println!("|---|---|---|---|---|---|---|---|");
    for n_kv in [512, 4_096, 8_192] {
        for way in WAYS {
            let mut row = format!("| {n_kv}, {} |", way.name());
            for data in DATA {
                let values = Values::new(data, n_kv, 1);
                row += &format!(" {:.1e} |", measure(way, &values, &values.reference()).0);
            }
            for queries in [1, 128] {
                let values = Values::new(DATA[0], n_kv, queries);
                let (_, time, bytes) = measure(way, &values, &values.reference());
                row += &format!(" {:.3} ms |", time.as_secs_f64() * 1e3);
                if queries > 1 {
                    row += &format!(" {:.1} MB |", bytes as f64 / 1e6);
                }
            }
            let stored = unsafe { sys::ggml_row_size(way.value_type(), (HEADS_KV * WIDTH) as i64) };
            println!("{row} {stored} B |");
        }
    }
    println!(
        "\nthe data: {}",
        DATA.map(|d| format!("{} (queries of deviation {}, values of mean {})", d.name, d.query, d.mean))
            .join("; ")
    );
}
