#!/bin/bash
# Pretrain on several machines under SLURM; continues by itself after preemption.
#
#   sbatch --nodes 4 docs/slurm_pretrain.sh kinetics400 runs/k400 /data/kinetics400
#
# All machines must see OUT as the same folder, on a shared file system: each task reads the
# checkpoint there. One task a GPU: --ntasks-per-node and --gpus-per-node must agree with --devices.
#SBATCH --job-name=sdc
#SBATCH --nodes=1
#SBATCH --gpus-per-node=8
#SBATCH --ntasks-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
#SBATCH --output=%x-%j.out

set -euo pipefail
if [ $# -lt 3 ]; then
    echo "usage: sbatch [--nodes N] $0 PRESET OUT DATA_DIR [more flags of sdc pretrain]" >&2
    exit 2
fi
preset=$1 out=$2 data=$3
shift 3

# Two minutes before the end, and when the job is preempted, every task gets SIGTERM: the run saves
# and ends with status 0. The marker that a finished run leaves decides whether to queue again.
status=0
srun --kill-on-bad-exit=1 sdc pretrain "$preset" --out "$out" --data-dir "$data" \
    --devices 8 --num-nodes "$SLURM_JOB_NUM_NODES" --data.workers 12 --quiet "$@" || status=$?
if [ "$status" -eq 0 ] && [ ! -f "$out/model.safetensors" ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
