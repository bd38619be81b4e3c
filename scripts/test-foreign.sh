#!/bin/sh
# The kernels of exact-2, plain and NEON, compiled for 64-bit ARM and run on an emulated processor: each set of kernels against
# the plain one, and the same digests as here.
#   scripts/test-foreign.sh TARGET_FOLDER
set -eu
triple=aarch64-unknown-linux-musl
folder=$1/foreign
command -v qemu-aarch64-static > /dev/null || {
    echo "test-foreign: installing qemu-user-static"
    sudo=''
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get install -y qemu-user-static > /dev/null
}
rustup target add "$triple"
# The linker that comes with Rust, and no C: the kernels need neither.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS='-C link-self-contained=yes -C target-feature=+crt-static'
export CC_aarch64_unknown_linux_musl=clang CARGO_FEATURE_NO_NEON=1
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=qemu-aarch64-static
cargo test --release --locked --package attestlm --no-default-features --lib --test kernel_digests --test numerics_vectors \
    --target "$triple" --target-dir "$folder" -- --nocapture kernels:: every_machine every_set_of_kernels | tee "$folder/log"
# Without the dot products there would be no NEON to test.
grep -q '^neon on aarch64: ' "$folder/log"
