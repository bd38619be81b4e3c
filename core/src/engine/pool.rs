//! A context's threads, as ggml keeps them.

use std::ffi::c_int;

use llama_cpp_sys_2 as sys;

use super::float_env::FloatEnv;
use crate::error::{Error, ErrorKind, Result};

/// A thread pool of a context.
pub(super) struct ThreadPool(sys::ggml_threadpool_t);

impl ThreadPool {
    pub(super) fn new(threads: c_int) -> Result<Self> {
        // Workers inherit this thread's floating-point environment.
        let _env = FloatEnv::enter();
        // SAFETY: a plain constructor of defaults.
        let mut params = unsafe { sys::ggml_threadpool_params_default(threads) };
        // ggml does not poll for the next graph: its condition variable, which is ours, does.
        params.poll = 0;
        // SAFETY: the parameters are valid for the call.
        let pool = unsafe { sys::ggml_threadpool_new(&raw mut params) };
        if pool.is_null() {
            return Err(Error::new(ErrorKind::Engine, "threads", "the thread pool could not be created"));
        }
        Ok(ThreadPool(pool))
    }

    pub(super) fn as_ptr(&self) -> sys::ggml_threadpool_t {
        self.0
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        // SAFETY: created by `new`; the context that used it is freed before.
        unsafe { sys::ggml_threadpool_free(self.0) };
    }
}
