//! `attestlm_fuzz::receipt` under libFuzzer; built otherwise, it runs the files it is given.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| attestlm_fuzz::receipt::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    attestlm_fuzz::replay(attestlm_fuzz::receipt::run)
}
