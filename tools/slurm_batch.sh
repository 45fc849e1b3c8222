#!/bin/sh
# Paints contents × styles as a Slurm array job: every task paints its part, a task that is requeued goes on where it was.
#
#   sbatch --array=0-7 tools/slurm_batch.sh CONTENTS STYLES OUT [OPTIONS...]
#
# Submit it again to finish what is missing: pictures that are done are left alone.
#SBATCH --job-name=impasto
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
contents=$1 styles=$2 out=$3
shift 3
exec "${IMPASTO:-impasto}" batch --contents "$contents" --styles "$styles" --out "$out" \
    --shard auto --threads "${SLURM_CPUS_PER_TASK:-1}" "$@"
