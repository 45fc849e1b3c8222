#!/bin/sh
# Builds the fuzz targets and runs each for MINUTES (default 5), without cargo-fuzz: fuzz/run.sh [MINUTES] [TARGET...]
set -eu
cd "$(dirname "$0")"
minutes=${1:-5}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- pictures metadata icc npz npy safetensors pickle
cargo run --quiet --manifest-path ../Cargo.toml --example fuzz_seeds -- corpus
python3 network_seeds.py
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | sed -n 's/^host: //p')
cargo +nightly build --release --target "$host"
mkdir -p artifacts
target=${CARGO_TARGET_DIR:-target}
for name in "$@"; do
    echo "== $name"
    nice -n 15 "$target/$host/release/$name" "corpus/$name" -max_len=20000 -rss_limit_mb=4096 -timeout=20 \
        -max_total_time=$((60 * minutes)) -artifact_prefix="artifacts/$name-" -print_final_stats=1 2>&1 |
        tee "artifacts/$name.log" | tail -n 12
done
