#!/usr/bin/env bash
# Fuzzes each target for some seconds, two at a time, with libFuzzer and coverage (stable Rust suffices). Ends at the
# first input that crashes, hangs or breaks a promise, and says where it is.
#   scripts/fuzz.sh target-directory seconds [target…]
# The corpus grows in TARGET/fuzz/corpus from run to run. A finding belongs in fuzz/regressions/TARGET/.
set -euo pipefail
work=$1/fuzz seconds=$2
shift 2
targets=("$@")
((${#targets[@]})) || targets=(receipt request gguf keystore adapter calls)
triple=x86_64-unknown-linux-gnu

# Only what is compiled for $triple is watched, not build scripts.
coverage='-Cpasses=sancov-module'
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage+=" -Cllvm-args=-sanitizer-coverage-$option"
done
# One unit per crate: the linker would drop the counters of the others.
RUSTFLAGS="--cfg fuzzing $coverage -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1" \
    cargo build --release --locked --quiet --target $triple --target-dir "$work" --package attestlm-fuzz --bins
cargo run --release --locked --quiet --package attestlm-fuzz --example seeds -- "$work/seeds"

fuzz() {
    local target=$1 log=$work/$1.log
    mkdir -p "$work/corpus/$target" "$work/findings/$target" "fuzz/regressions/$target"
    if ! "$work/$triple/release/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=70000 \
        -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$work/findings/$target/" \
        "$work/corpus/$target" "$work/seeds/$target" "fuzz/regressions/$target" >"$log" 2>&1; then
        tail -40 "$log" >&2
        echo "$target: a finding in $work/findings/$target" >&2
        return 1
    fi
    local executions features
    executions=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
    features=$(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+).*/\1 edges, \2 features/p' "$log" | tail -1)
    echo "$target: $executions executions in $seconds s, $features"
    # A target that does nothing finds nothing.
    [ "$executions" -ge "$((seconds * 2))" ]
}

status=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
    jobs=()
    for target in "${targets[@]:i:2}"; do
        fuzz "$target" &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job" || status=1
    done
done
exit $status
