//! Memory that a thread keeps from product to product.

/// A cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// What kernels write in and read again within one call.
#[derive(Debug, Default)]
pub struct Scratch {
    lines: Vec<Line>,
}

impl Scratch {
    /// So many bytes from a cache line on. What they are is left from an earlier use.
    #[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))] // plain kernels keep nothing
    pub(super) fn bytes(&mut self, bytes: usize) -> *mut u8 {
        let lines = bytes.div_ceil(64);
        if lines > self.lines.len() {
            // Nothing in there is worth moving.
            self.lines.clear();
            self.lines.resize(lines, Line([0; 64]));
        }
        self.lines.as_mut_ptr().cast()
    }
}
