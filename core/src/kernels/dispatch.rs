//! One source, compiled for every instruction set.

/// Defines a function over [`Isa`](super::Isa) by one that is generic over [`Lanes`](super::lanes::Lanes): compiled with the
/// features of each set, and called by the set's name. A set that the machine does not have counts as scalar.
macro_rules! dispatched {
    (
        $(#[$meta:meta])*
        $vis:vis unsafe fn $name:ident [$($generic:tt)*] {$($pass:ident),*} ($($argument:ident: $type:ty),* $(,)?) = $kernel:ident;
    ) => {
        $(#[$meta])*
        $vis unsafe fn $name<$($generic)*>(isa: $crate::kernels::Isa, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c")]
            unsafe fn avx512<$($generic)*>($($argument: $type),*) {
                // SAFETY: as the caller's.
                unsafe { $kernel::<$crate::kernels::Avx512, $($pass),*>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn avx2<$($generic)*>($($argument: $type),*) {
                // SAFETY: as the caller's.
                unsafe { $kernel::<$crate::kernels::Avx2, $($pass),*>($($argument),*) }
            }
            // SAFETY: as the caller's; the machine has the features.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx512 if isa.is_here() => avx512::<$($pass),*>($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::Isa::Avx2 if isa.is_here() => avx2::<$($pass),*>($($argument),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::kernels::Isa::Neon => $kernel::<$crate::kernels::Neon, $($pass),*>($($argument),*),
                    _ => $kernel::<$crate::kernels::lanes::Plain, $($pass),*>($($argument),*),
                }
            }
        }
    };
}

pub(super) use dispatched;
