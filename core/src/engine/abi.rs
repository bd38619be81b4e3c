//! The structs of `ggml-backend-impl.h` (API version 3), which ggml keeps internal: a backend
//! implemented outside ggml has to lay them out itself. Valid for the pinned version of the sys
//! crate only; the test at the end compares every field order with the header of the build.

use std::ffi::{c_char, c_int, c_void};

use llama_cpp_sys_2 as sys;

/// `GGML_BACKEND_API_VERSION`.
pub(super) const API_VERSION: c_int = 3;

/// A function pointer of the interface that this backend leaves NULL.
pub(super) type Unused = Option<unsafe extern "C" fn()>;

#[repr(C)]
pub(super) struct BackendInterface {
    pub get_name: unsafe extern "C" fn(sys::ggml_backend_t) -> *const c_char,
    pub free: unsafe extern "C" fn(sys::ggml_backend_t),
    pub set_tensor_async: Unused,
    pub get_tensor_async:
        unsafe extern "C" fn(sys::ggml_backend_t, *const sys::ggml_tensor, *mut c_void, usize, usize),
    pub set_tensor_2d_async: Unused,
    pub get_tensor_2d_async: Unused,
    pub cpy_tensor_async: Unused,
    pub synchronize: Unused,
    pub graph_plan_create: Unused,
    pub graph_plan_free: Unused,
    pub graph_plan_update: Unused,
    pub graph_plan_compute: Unused,
    pub graph_compute: unsafe extern "C" fn(sys::ggml_backend_t, *mut sys::ggml_cgraph) -> sys::ggml_status,
    pub event_record: Unused,
    pub event_wait: Unused,
    pub graph_optimize: Unused,
}

#[repr(C)]
pub(super) struct Backend {
    pub guid: sys::ggml_guid_t,
    pub iface: BackendInterface,
    pub device: sys::ggml_backend_dev_t,
    pub context: *mut c_void,
}

#[repr(C)]
pub(super) struct DeviceInterface {
    pub get_name: unsafe extern "C" fn(sys::ggml_backend_dev_t) -> *const c_char,
    pub get_description: unsafe extern "C" fn(sys::ggml_backend_dev_t) -> *const c_char,
    pub get_memory: unsafe extern "C" fn(sys::ggml_backend_dev_t, *mut usize, *mut usize),
    pub get_type: unsafe extern "C" fn(sys::ggml_backend_dev_t) -> sys::ggml_backend_dev_type,
    pub get_props: unsafe extern "C" fn(sys::ggml_backend_dev_t, *mut sys::ggml_backend_dev_props),
    pub init_backend: unsafe extern "C" fn(sys::ggml_backend_dev_t, *const c_char) -> sys::ggml_backend_t,
    pub get_buffer_type: unsafe extern "C" fn(sys::ggml_backend_dev_t) -> sys::ggml_backend_buffer_type_t,
    pub get_host_buffer_type: Unused,
    pub buffer_from_host_ptr: Unused,
    pub supports_op: unsafe extern "C" fn(sys::ggml_backend_dev_t, *const sys::ggml_tensor) -> bool,
    pub supports_buft: unsafe extern "C" fn(sys::ggml_backend_dev_t, sys::ggml_backend_buffer_type_t) -> bool,
    pub offload_op: Unused,
    pub event_new: Unused,
    pub event_free: Unused,
    pub event_synchronize: Unused,
}

#[repr(C)]
pub(super) struct Device {
    pub iface: DeviceInterface,
    pub reg: sys::ggml_backend_reg_t,
    pub context: *mut c_void,
}

#[repr(C)]
pub(super) struct RegInterface {
    pub get_name: unsafe extern "C" fn(sys::ggml_backend_reg_t) -> *const c_char,
    pub get_device_count: unsafe extern "C" fn(sys::ggml_backend_reg_t) -> usize,
    pub get_device: unsafe extern "C" fn(sys::ggml_backend_reg_t, usize) -> sys::ggml_backend_dev_t,
    pub get_proc_address: unsafe extern "C" fn(sys::ggml_backend_reg_t, *const c_char) -> *mut c_void,
}

#[repr(C)]
pub(super) struct Reg {
    pub api_version: c_int,
    pub iface: RegInterface,
    pub context: *mut c_void,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The declarations `(*name)` inside `struct NAME { … }` of the header, in order.
    fn header_fields(header: &str, name: &str) -> Vec<String> {
        let start = header.find(&format!("struct {name} {{")).expect("struct in header");
        let body = &header[start..start + header[start..].find("\n    };").expect("end of struct")];
        body.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .filter_map(|line| Some(line.split_once("(*")?.1.split_once(')')?.0.trim().to_owned()))
            .collect()
    }

    #[test]
    fn mirrors_the_header_of_this_build() {
        let Some(root) = option_env!("ATTESTLM_ENGINE_SOURCE") else {
            panic!("build.rs did not find the sources of the engine");
        };
        let path = std::path::Path::new(root).join("ggml/src/ggml-backend-impl.h");
        let header = std::fs::read_to_string(&path).expect("ggml-backend-impl.h");
        assert!(header.contains(&format!("#define GGML_BACKEND_API_VERSION {API_VERSION}")));
        let same = |name: &str, ours: &[&str]| assert_eq!(header_fields(&header, name), ours, "{name}");
        same(
            "ggml_backend_i",
            &[
                "get_name",
                "free",
                "set_tensor_async",
                "get_tensor_async",
                "set_tensor_2d_async",
                "get_tensor_2d_async",
                "cpy_tensor_async",
                "synchronize",
                "graph_plan_create",
                "graph_plan_free",
                "graph_plan_update",
                "graph_plan_compute",
                "graph_compute",
                "event_record",
                "event_wait",
                "graph_optimize",
            ],
        );
        same(
            "ggml_backend_device_i",
            &[
                "get_name",
                "get_description",
                "get_memory",
                "get_type",
                "get_props",
                "init_backend",
                "get_buffer_type",
                "get_host_buffer_type",
                "buffer_from_host_ptr",
                "supports_op",
                "supports_buft",
                "offload_op",
                "event_new",
                "event_free",
                "event_synchronize",
            ],
        );
        same("ggml_backend_reg_i", &["get_name", "get_device_count", "get_device", "get_proc_address"]);
        assert_eq!(std::mem::size_of::<BackendInterface>(), 16 * 8);
        assert_eq!(std::mem::size_of::<DeviceInterface>(), 15 * 8);
        assert_eq!(std::mem::size_of::<Reg>(), 8 + 4 * 8 + 8);
    }
}
