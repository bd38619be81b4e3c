//! The C interface as the header declares it, for the target `calls`.

use std::path::Path;

fn main() {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/attestlm.h");
    println!("cargo:rerun-if-changed={}", header.display());
    let out =
        std::env::var_os("OUT_DIR").map(|out| Path::new(&out).join("attestlm.rs")).expect("cargo sets it");
    bindgen::Builder::default()
        .header(header.to_string_lossy())
        .allowlist_item("(attestlm|ATTESTLM)_.*")
        .generate()
        .expect("the header is C")
        .write_to_file(out)
        .expect("the output folder is writable");
}
