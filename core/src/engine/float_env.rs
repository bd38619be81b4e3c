//! The floating-point environment: round to nearest even, no flush-to-zero, no denormals-are-zero.
//!
//! A host may run with other settings (audio and game code often sets FTZ/DAZ), threads inherit
//! them, and every logit would differ. Whatever computes numbers for a receipt runs inside a
//! [`FloatEnv`].

use std::arch::asm;
use std::marker::PhantomData;

/// MXCSR at reset: all exceptions masked, round to nearest even, FTZ and DAZ off.
const MXCSR_DEFAULT: u32 = 0x1F80;

/// While alive, this thread computes with the default environment; dropping restores the caller's.
pub struct FloatEnv {
    saved: u32,
    /// Restoring on another thread would be wrong: not `Send`.
    _this_thread: PhantomData<*const ()>,
}

impl FloatEnv {
    /// Saves this thread's MXCSR and sets the default one.
    #[must_use]
    pub fn enter() -> Self {
        let saved = read_mxcsr();
        write_mxcsr(MXCSR_DEFAULT);
        FloatEnv { saved, _this_thread: PhantomData }
    }
}

impl Drop for FloatEnv {
    fn drop(&mut self) {
        write_mxcsr(self.saved);
    }
}

/// This thread's MXCSR.
#[must_use]
pub fn read_mxcsr() -> u32 {
    let mut value: u32 = 0;
    // SAFETY: stmxcsr stores 4 bytes to the given valid address; SSE is part of x86-64.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
    value
}

/// Sets this thread's MXCSR. Exists for [`FloatEnv`] and for tests that play a hostile host.
pub fn write_mxcsr(value: u32) {
    // Bits 16 and up are reserved: setting one would raise #GP.
    let value = value & 0xFFFF;
    // SAFETY: ldmxcsr loads 4 bytes from the given valid address; reserved bits are cleared above.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_inside_callers_outside() {
        const HOSTILE: u32 = 0x9FC0 | 0x6000; // FTZ, DAZ, round toward zero
        let original = read_mxcsr();
        write_mxcsr(HOSTILE);
        {
            let _env = FloatEnv::enter();
            assert_eq!(read_mxcsr() & !0x3F, MXCSR_DEFAULT);
            {
                let _nested = FloatEnv::enter();
            }
            assert_eq!(read_mxcsr() & !0x3F, MXCSR_DEFAULT);
        }
        let after = read_mxcsr();
        write_mxcsr(original);
        assert_eq!(after, HOSTILE);
    }
}
