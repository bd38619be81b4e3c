//! libllama alone, on the same static libraries: its own kernels and defaults, none of our code.

use std::ffi::{c_char, c_void, CString};
use std::time::Instant;

use llama_cpp_sys_2 as sys;
use serde_json::{json, Value};

use crate::protocol::{number, COLD_TAIL, DECODE_PROMPT};
use crate::stats::ms;
use crate::{shapes, Result};

unsafe extern "C" fn quiet(_level: sys::ggml_log_level, _text: *const c_char, _data: *mut c_void) {}

struct Stock {
    model: *mut sys::llama_model,
    context: *mut sys::llama_context,
    vocabulary: usize,
    next: i32,
}

impl Stock {
    /// With llama.cpp's defaults, or with the options of `exact-1` that decide how much memory is used.
    fn load(path: &str, threads: i32, context: u32, defaults: bool) -> Result<Self> {
        let path = CString::new(path)?;
        // SAFETY: plain calls of libllama with a valid path; the results are checked.
        unsafe {
            sys::llama_log_set(Some(quiet), std::ptr::null_mut());
            sys::llama_backend_init();
            let mut params = sys::llama_model_default_params();
            params.use_extra_bufts &= defaults;
            let model = sys::llama_model_load_from_file(path.as_ptr(), params);
            if model.is_null() {
                return Err("llama.cpp could not load the model".into());
            }
            let mut params = sys::llama_context_default_params();
            params.n_ctx = context;
            params.n_threads = threads;
            params.n_threads_batch = threads;
            if !defaults {
                params.n_batch = super::raw::UBATCH;
                params.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_DISABLED;
                params.kv_unified = false;
                params.swa_full = true;
            }
            let context = sys::llama_init_from_model(model, params);
            if context.is_null() {
                return Err("llama.cpp could not make a context".into());
            }
            let vocabulary = usize::try_from(sys::llama_vocab_n_tokens(sys::llama_model_get_vocab(model)))?;
            Ok(Stock { model, context, vocabulary, next: 0 })
        }
    }

    fn forget(&mut self) {
        // SAFETY: a valid context.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.context), false) };
    }

    fn read(&mut self, tokens: &[i32]) -> Result<i32> {
        let mut tokens = tokens.to_vec();
        for part in tokens.chunks_mut(super::raw::UBATCH as usize) {
            // SAFETY: the batch borrows `part` for the call; positions follow those of stream 0.
            let status = unsafe {
                let batch = sys::llama_batch_get_one(part.as_mut_ptr(), i32::try_from(part.len())?);
                sys::llama_decode(self.context, batch)
            };
            if status != 0 {
                return Err(format!("llama_decode: {status}").into());
            }
        }
        // SAFETY: the last token of a batch has logits, one for each token of the vocabulary.
        let logits = unsafe {
            std::slice::from_raw_parts(sys::llama_get_logits_ith(self.context, -1), self.vocabulary)
        };
        let mut best = 0;
        for (token, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = token;
            }
        }
        self.next = i32::try_from(best)?;
        Ok(self.next)
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        // SAFETY: both were made by `load` and are freed once, the context first.
        unsafe {
            sys::llama_free(self.context);
            sys::llama_model_free(self.model);
        }
    }
}

/// Runs as the contestant.
///
/// # Errors
/// If standard input or output fail.
pub fn serve(defaults: bool) -> Result<()> {
    let mut stock: Option<Stock> = None;
    crate::protocol::serve(move |what, command| {
        if what == "load" {
            let begun = Instant::now();
            let path = command["model"].as_str().unwrap_or_default();
            let threads = i32::try_from(number(command, "threads")?)?;
            stock = Some(Stock::load(path, threads, u32::try_from(number(command, "context")?)?, defaults)?);
            return Ok(json!({"ms": ms(begun.elapsed())}));
        }
        answer(stock.as_mut().ok_or("nothing is loaded")?, what, number(command, "tokens")?, command)
    })
}

fn prompt(tokens: usize) -> Vec<i32> {
    shapes::prompt(tokens).into_iter().map(u32::cast_signed).collect()
}

fn answer(stock: &mut Stock, what: &str, tokens: usize, command: &Value) -> Result<Value> {
    stock.forget();
    match what {
        "prefill" | "first" => {
            let prompt = prompt(tokens);
            let warm = if command["warm"] == true { tokens.saturating_sub(COLD_TAIL) } else { 0 };
            if warm > 0 {
                stock.read(&prompt[..warm])?;
            }
            let begun = Instant::now();
            let token = stock.read(&prompt[warm..])?;
            Ok(json!({"ms": ms(begun.elapsed()), "token": token}))
        }
        "decode" => {
            stock.read(&prompt(DECODE_PROMPT))?;
            let begun = Instant::now();
            for _ in 0..tokens {
                stock.read(&[stock.next])?;
            }
            Ok(json!({"ms": ms(begun.elapsed())}))
        }
        _ => Err(format!("no command `{what}`").into()),
    }
}
