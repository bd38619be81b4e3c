//! Inference through llama.cpp, made reproducible: see [`crate::profile`] for what is promised.

mod abi;
mod batch;
mod context;
pub mod cpu;
pub(crate) mod crew;
mod device;
mod executor;
pub mod float_env;
mod frozen;
mod graph;
pub mod known_answer;
mod logs;
mod op_kinds;
mod op_times;
mod pool;
mod quota;
mod sharing;
pub(crate) mod streams;
mod vocab;
mod waiting;
mod weights;

use once_cell::sync::OnceCell;

pub use batch::DecodeItem;
pub(crate) use context::range;
#[doc(hidden)]
pub use context::CacheType;
pub use context::{Context, ContextOptions, MAX_STREAMS, MAX_STREAM_TOKENS, MAX_THREADS, MAX_UBATCH};
pub use op_kinds::OpKind;
pub use op_times::OpTime;
pub(crate) use vocab::Split;
pub use vocab::{Vocab, MAX_TEXT_BYTES};
pub(crate) use weights::{memory_file, AdapterWeights, Weights};

use crate::error::Result;

/// Starts the engine once for the process: processor check, log forwarding, device.
pub(crate) fn start() -> Result<()> {
    static STARTED: OnceCell<()> = OnceCell::new();
    STARTED
        .get_or_try_init(|| {
            cpu::check_instruction_set()?;
            std::hint::black_box((frozen::addresses(), waiting::addresses()));
            let _env = float_env::FloatEnv::enter();
            logs::install();
            // SAFETY: called once, before any other function of the engine.
            unsafe { llama_cpp_sys_2::llama_backend_init() };
            device::register()
        })
        .copied()
}

/// Returns what was freed to the system. The C library keeps it for the next request of the same kind, which
/// does not come after a load or a known-answer test.
pub(crate) fn return_free_memory() {
    // SAFETY: no argument can be wrong; other threads may allocate meanwhile.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
