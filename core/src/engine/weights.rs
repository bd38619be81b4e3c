//! Weights and adapters as llama.cpp holds them: opened once, loaded from the same descriptor that
//! was validated and hashed, freed when the last owner goes.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use llama_cpp_sys_2 as sys;

use super::float_env::FloatEnv;
use crate::error::{Error, ErrorKind, Result};

/// A C stream over a descriptor of its own; llama.cpp reads from it while loading.
struct Stream(*mut libc::FILE);

impl Stream {
    /// A stream over a duplicate of `file`, rewound: the caller's descriptor stays open.
    fn over(file: &File) -> Result<Self> {
        let io = |e: &std::io::Error| Error::new(ErrorKind::Io, "model", e.to_string());
        let fd = file.try_clone().map_err(|e| io(&e))?.into_raw_fd();
        // SAFETY: `fd` is an open descriptor that nothing else owns; "rb" is NUL-terminated.
        let stream = unsafe { libc::fdopen(fd, c"rb".as_ptr()) };
        if stream.is_null() {
            let error = std::io::Error::last_os_error();
            // SAFETY: fdopen failed, the descriptor is still ours to close.
            unsafe { libc::close(fd) };
            return Err(io(&error));
        }
        let stream = Stream(stream);
        // SAFETY: a valid stream. Duplicates share their offset, so it may stand anywhere.
        unsafe { libc::rewind(stream.0) };
        Ok(stream)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: opened by `over`, closed once.
        unsafe { libc::fclose(self.0) };
    }
}

/// An anonymous file in memory holding `bytes`, so that the bundled model is loaded like any other.
pub(crate) fn memory_file(bytes: &[u8]) -> Result<File> {
    use std::io::Write;
    use std::os::fd::FromRawFd;
    let io = |e: std::io::Error| Error::new(ErrorKind::Io, "model", e.to_string());
    // SAFETY: a static name; the descriptor returned is ours.
    let fd: c_int = unsafe { libc::memfd_create(c"attestlm".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io(std::io::Error::last_os_error()));
    }
    // SAFETY: a fresh descriptor that nothing else owns.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(bytes).map_err(io)?;
    Ok(file)
}

/// A model in memory. Immutable after loading, shared by every context made from it.
pub(crate) struct Weights {
    model: *mut sys::llama_model,
}

// SAFETY: llama.cpp models are read-only after loading; contexts on several threads share them.
unsafe impl Send for Weights {}
// SAFETY: as above.
unsafe impl Sync for Weights {}

struct Progress<'a> {
    report: &'a mut (dyn FnMut(f32) + 'a),
    cancel: &'a AtomicBool,
}

unsafe extern "C" fn on_progress(fraction: f32, data: *mut c_void) -> bool {
    // SAFETY: `data` is the `Progress` of the load call that is running on this thread.
    let progress = unsafe { &mut *data.cast::<Progress>() };
    let reported = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (progress.report)(fraction)));
    reported.is_ok() && !progress.cancel.load(Ordering::Relaxed)
}

impl Weights {
    /// Loads a validated GGUF.
    ///
    /// `report` gets the fraction loaded, 0 to 1; loading stops when `cancel` becomes true.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] if llama.cpp refuses the file, [`ErrorKind::Cancelled`].
    pub(crate) fn load(file: &File, report: &mut dyn FnMut(f32), cancel: &AtomicBool) -> Result<Self> {
        super::start()?;
        let stream = Stream::over(file)?;
        let mut progress = Progress { report, cancel };
        let _env = FloatEnv::enter();
        // SAFETY: a plain constructor of defaults.
        let mut params = unsafe { sys::llama_model_default_params() };
        params.n_gpu_layers = 0;
        params.load_mode = sys::LLAMA_LOAD_MODE_MMAP;
        // Repacked weights live in buffers only the plain CPU backend can read.
        params.use_extra_bufts = false;
        params.progress_callback = Some(on_progress);
        params.progress_callback_user_data = (&raw mut progress).cast();
        // SAFETY: the stream is open and readable; `progress` outlives the call.
        let model = unsafe { sys::llama_model_load_from_file_ptr(stream.0.cast(), params) };
        if model.is_null() {
            return Err(if cancel.load(Ordering::Relaxed) {
                Error::new(ErrorKind::Cancelled, "model", "loading was cancelled")
            } else {
                Error::new(ErrorKind::Model, "model", "llama.cpp refused the file (its reason is in the log)")
            });
        }
        Ok(Weights { model })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.model
    }

    /// The model's vocabulary; lives as long as the weights.
    pub(super) fn vocab_ptr(&self) -> *const sys::llama_vocab {
        // SAFETY: a valid model.
        unsafe { sys::llama_model_get_vocab(self.model) }
    }

    /// Whether part of the model keeps a recurrent state, which `exact` refuses.
    pub(crate) fn is_recurrent(&self) -> bool {
        // SAFETY: a valid model.
        unsafe { sys::llama_model_is_recurrent(self.model) || sys::llama_model_is_hybrid(self.model) }
    }

    /// Whether the model has an encoder or is a diffusion model: neither generates token by token.
    pub(crate) fn is_causal_decoder(&self) -> bool {
        // SAFETY: a valid model.
        unsafe {
            sys::llama_model_has_decoder(self.model)
                && !sys::llama_model_has_encoder(self.model)
                && !sys::llama_model_is_diffusion(self.model)
        }
    }

    /// Attention heads, for sizing the buffer of attention scores.
    pub(crate) fn n_head(&self) -> u32 {
        // SAFETY: a valid model.
        u32::try_from(unsafe { sys::llama_model_n_head(self.model) }).unwrap_or(0).max(1)
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        // SAFETY: loaded by `load`; contexts hold an Arc and are gone.
        unsafe { sys::llama_model_free(self.model) };
    }
}

/// A LoRA adapter in memory, bound to the weights it was loaded for.
pub(crate) struct AdapterWeights {
    adapter: *mut sys::llama_adapter_lora,
    /// Freed after the adapter.
    weights: Arc<Weights>,
}

// SAFETY: read-only after loading, like the model.
unsafe impl Send for AdapterWeights {}
// SAFETY: as above.
unsafe impl Sync for AdapterWeights {}

impl AdapterWeights {
    /// Loads a validated LoRA GGUF for `weights`.
    pub(crate) fn load(weights: &Arc<Weights>, file: &File) -> Result<Self> {
        let stream = Stream::over(file)?;
        let _env = FloatEnv::enter();
        // SAFETY: a valid model and an open stream.
        let adapter =
            unsafe { sys::llama_adapter_lora_init_from_file_ptr(weights.as_ptr(), stream.0.cast()) };
        if adapter.is_null() {
            return Err(Error::new(
                ErrorKind::Model,
                "adapter",
                "llama.cpp refused the adapter for this model (its reason is in the log)",
            ));
        }
        Ok(AdapterWeights { adapter, weights: Arc::clone(weights) })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_adapter_lora {
        self.adapter
    }

    /// Whether the adapter was loaded for these weights.
    pub(super) fn belongs_to(&self, weights: &Arc<Weights>) -> bool {
        Arc::ptr_eq(&self.weights, weights)
    }
}

impl Drop for AdapterWeights {
    fn drop(&mut self) {
        // SAFETY: loaded by `load`, not freed elsewhere: models do not free the adapters made for them
        // before they are freed themselves, and `weights` is still alive here.
        unsafe { sys::llama_adapter_lora_free(self.adapter) };
    }
}
