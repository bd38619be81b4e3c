//! An ACCEL device of our own, through which every graph of our contexts is computed.
//!
//! llama.cpp puts ACCEL devices in front of the CPU, and the scheduler hands such a device the
//! whole graph as long as it works in the CPU's own buffers. The device forwards to a private CPU
//! backend: in ggml's batch-invariant reference mode for an exact profile, in stock mode for
//! `fast-1`. It is registered once for the process and never unloaded. Contexts that are not ours
//! get an instance that supports no operation, and so never see it.
//!
//! Which session a new instance belongs to is handed over by a thread-local set around
//! `llama_init_from_model` ([`with_handover`]): the API has no other way to pass it.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use llama_cpp_sys_2 as sys;
use once_cell::sync::OnceCell;

use super::abi::{Backend, BackendInterface, Device, DeviceInterface, Reg, RegInterface, API_VERSION};
use super::crew::Crew;
use super::executor::{Computation, Lanes, Outcome};
use super::float_env::FloatEnv;
use super::op_kinds::{self, OpKind};
use super::op_times::OpTimes;
use super::sharing::Sharing;
use super::{graph, waiting};
use crate::error::{Error, ErrorKind, Result};
use crate::kernels::Isa;

/// Whose kernels compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernels {
    /// ggml's, as they come.
    Stock,
    /// ggml's reference path.
    Reference,
    /// The project's own, by an instruction set.
    Own(Isa),
}

/// How an instance computes, and what its session learns from it.
pub(super) struct Instance {
    /// Whose kernels compute.
    pub kernels: Kernels,
    /// Every graph is checked against the profile's list.
    pub checked: bool,
    /// The session's thread pool.
    pub threadpool: sys::ggml_threadpool_t,
    /// Number of threads of the pool.
    pub n_threads: c_int,
    /// A pool of the calling thread alone.
    pub solo: sys::ggml_threadpool_t,
    /// Which of the two computes the next graph.
    pub sharing: Arc<Sharing>,
    /// The threads of the pool, for kernels of our own.
    pub crew: Arc<Crew>,
    /// What each of them keeps.
    pub lanes: Lanes,
    /// Number of graphs computed.
    pub graphs: AtomicU64,
    /// Whether nodes are computed one by one and timed, and what was found.
    pub times: Mutex<Option<OpTimes>>,
    /// Where the operations of the next graph are listed, if that is wanted.
    pub listing: Mutex<Option<Vec<OpKind>>>,
    /// Why a graph was refused, taken by the session after a failed decode.
    pub refusal: Mutex<Option<String>>,
}

// SAFETY: the thread pool pointer is only used by the thread that computes a graph, and a session
// computes one graph at a time; everything else is Sync.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    fn refuse(&self, why: String) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Computes a graph by kernels of our own.
    ///
    /// # Safety
    /// `graph` is a valid graph, `state` the backend's; this machine has `isa`.
    ///
    /// # Errors
    /// Why the graph is outside the profile.
    unsafe fn compute(
        &self,
        graph: *mut sys::ggml_cgraph,
        isa: Isa,
        state: &BackendState,
    ) -> std::result::Result<sys::ggml_status, String> {
        let (callback, data) = *state.abort.lock().unwrap_or_else(PoisonError::into_inner);
        let data = data as usize;
        // SAFETY: llama.cpp sets both together, and keeps them for as long as the context lives.
        let stop = move || callback.is_some_and(|callback| unsafe { callback(data as *mut c_void) });
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: by the contract.
        let computation = unsafe {
            graph::check_whole(graph)?;
            Computation::of(graph, isa, &self.lanes, &stop, times.is_some())?
        };
        self.graphs.fetch_add(1, Ordering::Relaxed);
        let (begun, watch) = (std::time::Instant::now(), waiting::Watch::start());
        let shares = self.sharing.shares();
        if shares {
            let ran = self.crew.run_all(&|lane| computation.run(lane));
            let (took, waited) = watch.stop();
            self.sharing.learn(took, waited);
            if ran.is_err() {
                return Ok(sys::GGML_STATUS_FAILED);
            }
        } else {
            computation.run(0);
        }
        let outcome = computation.outcome();
        if let Some(times) = &mut *times {
            times.add(computation.times(begun));
        }
        Ok(match outcome {
            Outcome::Done => sys::GGML_STATUS_SUCCESS,
            Outcome::Stopped => sys::GGML_STATUS_ABORTED,
            Outcome::Failed(what) => return Err(what.to_owned()),
        })
    }

    /// Takes the reason of the last refusal.
    pub(super) fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

thread_local! {
    static HANDOVER: RefCell<Option<Arc<Instance>>> = const { RefCell::new(None) };
}

/// Runs `create` (which calls `llama_init_from_model`) so that the backend instance made inside it
/// belongs to `instance`.
pub(super) fn with_handover<T>(instance: &Arc<Instance>, create: impl FnOnce() -> T) -> T {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            HANDOVER.with(|slot| slot.borrow_mut().take());
        }
    }
    HANDOVER.with(|slot| *slot.borrow_mut() = Some(Arc::clone(instance)));
    let _clear = Clear;
    create()
}

/// What a backend's `context` points to.
struct BackendState {
    instance: Option<Arc<Instance>>,
    /// The private CPU backend; NULL for a pass-through instance.
    cpu: sys::ggml_backend_t,
    /// What llama.cpp wants asked whether to go on.
    abort: Mutex<(sys::ggml_abort_callback, *mut c_void)>,
}

struct Registration {
    reg: Reg,
    device: Device,
    /// The device of instances in contexts that are not ours: it supports nothing.
    pass_through: Device,
}

/// The registration, leaked: ggml keeps pointers into it for the life of the process.
struct Registered(&'static Registration);
// SAFETY: the structs are written once before they are published and only read afterwards.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

static REGISTERED: OnceCell<Registered> = OnceCell::new();
const NAME: &CStr = c"AttestLM";

/// Registers the device, once for the process.
pub(super) fn register() -> Result<()> {
    REGISTERED
        .get_or_try_init(|| {
            // Weights, caches and inputs of our contexts must lie in the CPU's own buffers.
            // SAFETY: plain queries of the CPU registration, which exists in every build.
            let cpu_present = unsafe { !sys::ggml_backend_cpu_reg().is_null() };
            if !cpu_present {
                return Err(Error::new(ErrorKind::Internal, "engine", "ggml has no CPU backend"));
            }
            let registration: &'static mut Registration = Box::leak(Box::new(Registration {
                reg: Reg {
                    api_version: API_VERSION,
                    iface: RegInterface {
                        get_name: reg_name,
                        get_device_count,
                        get_device,
                        get_proc_address,
                    },
                    context: std::ptr::null_mut(),
                },
                device: Device {
                    iface: device_interface(supports_op),
                    reg: std::ptr::null_mut(),
                    context: std::ptr::null_mut(),
                },
                pass_through: Device {
                    iface: device_interface(supports_nothing),
                    reg: std::ptr::null_mut(),
                    context: std::ptr::null_mut(),
                },
            }));
            let reg: sys::ggml_backend_reg_t = (&raw mut registration.reg).cast();
            registration.device.reg = reg;
            registration.pass_through.reg = reg;
            Ok(Registered(registration))
        })
        .map(|_| ())?;
    static PUBLISHED: OnceCell<()> = OnceCell::new();
    PUBLISHED.get_or_init(|| {
        if let Some(Registered(registration)) = REGISTERED.get() {
            // SAFETY: the structs mirror ggml's for this version and live for ever.
            unsafe { sys::ggml_backend_register((&raw const registration.reg).cast_mut().cast()) };
        }
    });
    Ok(())
}

fn registration() -> Option<&'static Registration> {
    REGISTERED.get().map(|r| r.0)
}

fn device_interface(
    supports_op: unsafe extern "C" fn(sys::ggml_backend_dev_t, *const sys::ggml_tensor) -> bool,
) -> DeviceInterface {
    DeviceInterface {
        get_name: device_name,
        get_description: device_name,
        get_memory: device_memory,
        get_type: device_type,
        get_props: device_props,
        init_backend,
        get_buffer_type: device_buffer_type,
        get_host_buffer_type: None,
        buffer_from_host_ptr: None,
        supports_op,
        supports_buft,
        offload_op: None,
        event_new: None,
        event_free: None,
        event_synchronize: None,
    }
}

/// ggml's CPU device.
fn cpu_device() -> sys::ggml_backend_dev_t {
    // SAFETY: the CPU registration always has its device 0.
    unsafe { sys::ggml_backend_reg_dev_get(sys::ggml_backend_cpu_reg(), 0) }
}

unsafe extern "C" fn reg_name(_reg: sys::ggml_backend_reg_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn get_device_count(_reg: sys::ggml_backend_reg_t) -> usize {
    1
}

unsafe extern "C" fn get_device(_reg: sys::ggml_backend_reg_t, index: usize) -> sys::ggml_backend_dev_t {
    match (index, registration()) {
        (0, Some(r)) => (&raw const r.device).cast_mut().cast(),
        _ => std::ptr::null_mut(),
    }
}

/// llama.cpp sets the abort callback of every backend through this. The thread count, which it sets before
/// every graph, is ours to choose.
unsafe extern "C" fn get_proc_address(_reg: sys::ggml_backend_reg_t, name: *const c_char) -> *mut c_void {
    if name.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: ggml passes a NUL-terminated name.
    match unsafe { CStr::from_ptr(name) }.to_bytes() {
        b"ggml_backend_set_abort_callback" => set_abort_callback as *mut c_void,
        _ => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn device_name(_dev: sys::ggml_backend_dev_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn device_memory(_dev: sys::ggml_backend_dev_t, free: *mut usize, total: *mut usize) {
    // SAFETY: ggml passes two valid pointers.
    unsafe { sys::ggml_backend_dev_memory(cpu_device(), free, total) };
}

unsafe extern "C" fn device_type(_dev: sys::ggml_backend_dev_t) -> sys::ggml_backend_dev_type {
    sys::GGML_BACKEND_DEVICE_TYPE_ACCEL
}

unsafe extern "C" fn device_props(_dev: sys::ggml_backend_dev_t, props: *mut sys::ggml_backend_dev_props) {
    // SAFETY: ggml passes a valid pointer; the CPU device fills every field.
    unsafe {
        sys::ggml_backend_dev_get_props(cpu_device(), props);
        (*props).name = NAME.as_ptr();
        (*props).description = NAME.as_ptr();
        (*props).type_ = sys::GGML_BACKEND_DEVICE_TYPE_ACCEL;
        (*props).caps.buffer_from_host_ptr = false;
        (*props).caps.events = false;
        (*props).caps.async_ = false;
    }
}

unsafe extern "C" fn device_buffer_type(_dev: sys::ggml_backend_dev_t) -> sys::ggml_backend_buffer_type_t {
    // SAFETY: a plain query.
    unsafe { sys::ggml_backend_cpu_buffer_type() }
}

unsafe extern "C" fn supports_op(_dev: sys::ggml_backend_dev_t, op: *const sys::ggml_tensor) -> bool {
    // SAFETY: ggml passes a valid tensor.
    unsafe { sys::ggml_backend_dev_supports_op(cpu_device(), op) }
}

unsafe extern "C" fn supports_nothing(_dev: sys::ggml_backend_dev_t, _op: *const sys::ggml_tensor) -> bool {
    false
}

unsafe extern "C" fn supports_buft(
    _dev: sys::ggml_backend_dev_t,
    buft: sys::ggml_backend_buffer_type_t,
) -> bool {
    // SAFETY: ggml passes a valid buffer type.
    unsafe { sys::ggml_backend_dev_supports_buft(cpu_device(), buft) }
}

unsafe extern "C" fn init_backend(
    _dev: sys::ggml_backend_dev_t,
    _params: *const c_char,
) -> sys::ggml_backend_t {
    let Some(registration) = registration() else { return std::ptr::null_mut() };
    // Borrowed, not taken: llama.cpp may probe the device more than once for one context.
    let instance = HANDOVER.with(|slot| slot.try_borrow().ok().and_then(|i| i.clone()));
    let (device, cpu) = match &instance {
        None => (&raw const registration.pass_through, std::ptr::null_mut()),
        Some(instance) => {
            // SAFETY: the private backend is owned by the instance made here and freed with it.
            let cpu = unsafe { sys::ggml_backend_cpu_init() };
            if cpu.is_null() {
                return std::ptr::null_mut();
            }
            // SAFETY: `cpu` is a CPU backend; the pool outlives it (the context is freed first).
            unsafe {
                sys::ggml_backend_cpu_set_n_threads(cpu, instance.n_threads);
                sys::ggml_backend_cpu_set_threadpool(cpu, instance.threadpool);
                sys::ggml_backend_cpu_set_use_ref(cpu, instance.kernels == Kernels::Reference);
            }
            (&raw const registration.device, cpu)
        }
    };
    let state = Box::into_raw(Box::new(BackendState {
        instance,
        cpu,
        abort: Mutex::new((None, std::ptr::null_mut())),
    }));
    Box::into_raw(Box::new(Backend {
        guid: guid(),
        iface: BackendInterface {
            get_name: backend_name,
            free: backend_free,
            set_tensor_async: None,
            get_tensor_async,
            set_tensor_2d_async: None,
            get_tensor_2d_async: None,
            cpy_tensor_async: None,
            synchronize: None,
            graph_plan_create: None,
            graph_plan_free: None,
            graph_plan_update: None,
            graph_plan_compute: None,
            graph_compute,
            event_record: None,
            event_wait: None,
            graph_optimize: None,
        },
        device: device.cast_mut().cast(),
        context: state.cast(),
    }))
    .cast()
}

fn guid() -> sys::ggml_guid_t {
    struct Guid(std::cell::UnsafeCell<[u8; 16]>);
    // SAFETY: never written; ggml only compares the bytes.
    unsafe impl Sync for Guid {}
    static GUID: Guid = Guid(std::cell::UnsafeCell::new(*b"attestlm-device1"));
    GUID.0.get().cast()
}

unsafe extern "C" fn backend_name(_backend: sys::ggml_backend_t) -> *const c_char {
    NAME.as_ptr()
}

unsafe extern "C" fn backend_free(backend: sys::ggml_backend_t) {
    // SAFETY: made by `init_backend` with Box::into_raw, freed once by ggml.
    unsafe {
        let backend = Box::from_raw(backend.cast::<Backend>());
        let state = Box::from_raw(backend.context.cast::<BackendState>());
        if !state.cpu.is_null() {
            sys::ggml_backend_free(state.cpu);
        }
    }
}

/// The state of one of our backends.
///
/// # Safety
/// `backend` was made by [`init_backend`] and not yet freed.
unsafe fn state<'a>(backend: sys::ggml_backend_t) -> &'a BackendState {
    // SAFETY: the caller's promise.
    unsafe { &*(*backend.cast::<Backend>()).context.cast::<BackendState>() }
}

/// Bytes of a tensor that a thread copies at a time.
const COPIED: usize = 1 << 20;

/// Copies a part of a tensor, the logits of a whole batch above all, which are more than one thread moves quickly.
unsafe extern "C" fn get_tensor_async(
    backend: sys::ggml_backend_t,
    tensor: *const sys::ggml_tensor,
    data: *mut c_void,
    offset: usize,
    size: usize,
) {
    // SAFETY: ggml passes one of our backends, and a tensor in the CPU's memory.
    let (state, from) = unsafe { (state(backend), (*tensor).data.cast::<u8>().wrapping_add(offset)) };
    // As numbers: each thread takes other parts of them.
    let (from, to) = (from as usize, data as usize);
    let next = AtomicUsize::new(0);
    let copy = |_lane: usize| loop {
        let at = next.fetch_add(COPIED, Ordering::Relaxed);
        if at >= size {
            return;
        }
        let count = COPIED.min(size - at);
        // SAFETY: both hold `size` bytes from there on, and nobody else takes these.
        unsafe {
            std::ptr::copy_nonoverlapping((from + at) as *const u8, (to + at) as *mut u8, count);
        }
    };
    if let Some(instance) = state.instance.as_ref().filter(|_| size > COPIED) {
        // What a crew that failed left out is copied below.
        let _ = instance.crew.run(size.div_ceil(COPIED), &copy);
    }
    copy(0);
}

unsafe extern "C" fn graph_compute(
    backend: sys::ggml_backend_t,
    graph: *mut sys::ggml_cgraph,
) -> sys::ggml_status {
    // SAFETY: ggml passes one of our backends.
    let state = unsafe { state(backend) };
    let Some(instance) = &state.instance else { return sys::GGML_STATUS_FAILED };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // Worker 0 of the pool is this thread, the caller's: its rounding mode counts.
        let _env = FloatEnv::enter();
        if let Kernels::Own(isa) = instance.kernels {
            // SAFETY: ggml passes a valid graph; the session asked for a set that is here.
            return unsafe { instance.compute(graph, isa, state) }.unwrap_or_else(|why| {
                instance.refuse(why);
                sys::GGML_STATUS_FAILED
            });
        }
        if instance.checked {
            // SAFETY: ggml passes a valid graph.
            if let Err(why) = unsafe { graph::check(graph) } {
                instance.refuse(why);
                return sys::GGML_STATUS_FAILED;
            }
        }
        if let Some(listing) = &mut *instance.listing.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: as above.
            *listing = unsafe { op_kinds::list(graph) };
        }
        instance.graphs.fetch_add(1, Ordering::Relaxed);
        let shares = instance.sharing.shares();
        let (pool, threads) =
            if shares { (instance.threadpool, instance.n_threads) } else { (instance.solo, 1) };
        // SAFETY: `cpu` is the private backend of this instance; both pools outlive it. ggml pauses the pool
        // that it leaves and resumes the one it takes.
        unsafe {
            sys::ggml_backend_cpu_set_n_threads(state.cpu, threads);
            sys::ggml_backend_cpu_set_threadpool(state.cpu, pool);
        }
        if let Some(times) = &mut *instance.times.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: as below.
            return unsafe { times.compute(state.cpu, graph) };
        }
        let watch = waiting::Watch::start();
        // SAFETY: `cpu` is the private backend of this instance; the graph lies in CPU buffers.
        let status = unsafe { sys::ggml_backend_graph_compute(state.cpu, graph) };
        if shares {
            let (took, waited) = watch.stop();
            instance.sharing.learn(took, waited);
        }
        status
    }));
    outcome.unwrap_or(sys::GGML_STATUS_FAILED)
}

unsafe extern "C" fn set_abort_callback(
    backend: sys::ggml_backend_t,
    callback: sys::ggml_abort_callback,
    data: *mut c_void,
) {
    // SAFETY: ggml passes one of our backends.
    let state = unsafe { state(backend) };
    *state.abort.lock().unwrap_or_else(PoisonError::into_inner) = (callback, data);
    if !state.cpu.is_null() {
        // SAFETY: `cpu` is a CPU backend; the session keeps `data` alive longer than the context.
        unsafe { sys::ggml_backend_cpu_set_abort_callback(state.cpu, callback, data) };
    }
}
