#!/bin/sh
# Runs tests under AddressSanitizer, with debug assertions and overflow checks: a read or a write outside of its memory
# ends the test, whatever the test itself looks at. Needs a nightly toolchain; nothing is downloaded that a build does not
# need anyway.
#
#   tools/sanitize.sh                       the library's own tests and all that reach the kernels
#   tools/sanitize.sh soundness blocked     these binaries of tests/ ("lib": the library's own tests)
#   tools/sanitize.sh engines -- large      whatever follows goes to the tests: here, those whose names have "large"
#   THREAD=1 tools/sanitize.sh blocked      under ThreadSanitizer instead, with the standard library built for it
#                                           (needs the toolchain's rust-src)
set -eu
cd "$(dirname "$0")/.."

tests=
while [ $# -gt 0 ]; do
    case $1 in
    --) shift; break ;;
    *) tests="$tests $1"; shift ;;
    esac
done

select=
for test in ${tests:-lib soundness kernels blocked engines transfer}; do
    case $test in
    lib) select="$select --lib" ;;
    *) select="$select --test $test" ;;
    esac
done

host=$(rustc +nightly -vV | sed -n 's/^host: //p')
if [ -n "${THREAD:-}" ]; then
    kind=thread
    extra=-Zbuild-std
else
    kind=address
    extra=
fi
# Threads of a pool that is never taken down keep memory to the end: no leaks.
export ASAN_OPTIONS="detect_leaks=0:${ASAN_OPTIONS:-}"
export RUSTFLAGS="-Zsanitizer=$kind ${RUSTFLAGS:-}"
# shellcheck disable=SC2086
exec cargo +nightly test --locked --target "$host" --target-dir "target/sanitize-$kind" $extra $select -- "$@"
