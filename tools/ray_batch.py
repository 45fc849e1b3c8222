#!/usr/bin/env python3
"""Paints contents × styles on a Ray cluster: one task a shard, each calls the command; a worker that dies is tried again.

    python tools/ray_batch.py --shards 16 --cpus 4 -- --contents photos --styles paintings --out out --size 1024

What stands behind `--` goes to `impasto batch`. All machines need the command and the same folders. A shard that is tried
again leaves its finished pictures alone, so that nothing is lost or painted twice.
"""

import argparse
import subprocess
import sys

import ray


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, required=True, help="tasks; several times the machines evens them out")
    parser.add_argument("--cpus", type=int, default=1, help="processors a task")
    parser.add_argument("--impasto", default="impasto", help="the command")
    parser.add_argument("batch", nargs="+", help="options of impasto batch")
    args = parser.parse_args()

    # A worker that is killed raises a system error, which Ray tries again by itself.
    @ray.remote(num_cpus=args.cpus, max_retries=5)
    def paint(shard: int) -> tuple[int, str]:
        command = [args.impasto, "batch", *args.batch, "--shard", f"{shard}/{args.shards}", "--threads", str(args.cpus)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode < 0:
            raise RuntimeError(f"shard {shard} was ended by signal {-done.returncode}")
        return done.returncode, done.stderr

    ray.init()
    # A command that is killed under a worker that lives is tried again, too.
    paint = paint.options(retry_exceptions=[RuntimeError])
    results = ray.get([paint.remote(shard) for shard in range(1, args.shards + 1)])
    for shard, (status, messages) in enumerate(results, start=1):
        last = messages.strip().splitlines()[-1:] or [""]
        print(f"shard {shard}: status {status}; {last[0]}")
    return max(status for status, _ in results)


if __name__ == "__main__":
    sys.exit(main())
