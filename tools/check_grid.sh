#!/bin/sh
# Runs `impasto check` over many seeds and sizes, one line a run: the worst relative error of an f32 gradient, of the finite
# differences, the farthest decision that differs and how many do, and how many comparisons are beyond their bars.
#
#   tools/check_grid.sh COMMAND FIRST LAST "SIZES" [NETWORK FILE]
#   tools/check_grid.sh target/release/impasto 1 200 "32 40x36 48 64 100 128"     sizes in turn, from seed to seed
set -eu
command=$1 first=$2 last=$3 sizes=$4 network=${5:-}
seed=$first
while [ "$seed" -le "$last" ]; do
    for size in $sizes; do
        [ "$seed" -le "$last" ] || break
        # shellcheck disable=SC2086
        { "$command" check ${network:+--weights "$network"} --seed "$seed" --size "$size" || true; } |
            awk -v seed="$seed" -v size="$size" '
                /^BAD/ { bad++ }
                /f32 gradient/ && $2 + 0 > single { single = $2 + 0 }
                /finite differences/ && $2 + 0 > double { double = $2 + 0 }
                / decisions / { differing += $5; if ($2 + 0 > far) far = $2 + 0 }
                END {
                    printf "seed %s size %s: gradient %.2e, finite differences %.2e, ", seed, size, single, double
                    printf "%d decisions differ, farthest %.2e, BAD %d of %d\n", differing, far, bad, NR - 1
                }'
        seed=$((seed + 1))
    done
done
