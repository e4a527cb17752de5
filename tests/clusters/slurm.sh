#!/bin/bash
# A real one-node SLURM: a matrix on two workers, one requeued in the middle and one warned of its time limit, ends with the tables of a
# local run.
# Needs root and Debian's packages, which it installs; exit code 77 says that it could not have them.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=$PWD/.venv/bin/python
export DEBIAN_FRONTEND=noninteractive
skip() { echo "SLURM was not tried: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "it takes root to start one"
if ! type -P slurmctld slurmd sbatch munged >/dev/null; then
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends slurmctld slurmd slurm-client munge; } \
        >/dev/null 2>&1 || skip "slurmctld, slurmd, slurm-client and munge cannot be installed"
fi

W=$(mktemp -d)
trap 'set +e; kill $(jobs -p) 2>/dev/null; [ -f "$W/slurmd.pid" ] && kill "$(cat "$W/slurmd.pid")"
      [ -f "$W/slurmctld.pid" ] && kill "$(cat "$W/slurmctld.pid")"; [ -n "${STARTED_MUNGE:-}" ] && kill "$(cat /run/munge/munged.pid)"; sleep 1; rm -rf "$W"' EXIT
if ! pgrep -x munged >/dev/null; then
    install -d -o munge -g munge /run/munge /var/log/munge
    [ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 2>/dev/null; chown munge:munge /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
    runuser -u munge -- /usr/sbin/munged
    STARTED_MUNGE=1
fi
HOST=$(hostname -s)
export SLURM_CONF=$W/slurm.conf
mkdir -p "$W/state" "$W/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation=$W/state
SlurmdSpoolDir=$W/spool
SlurmctldPidFile=$W/slurmctld.pid
SlurmdPidFile=$W/slurmd.pid
SlurmctldLogFile=$W/slurmctld.log
SlurmdLogFile=$W/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
MpiDefault=none
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$HOST Default=YES State=UP
CONF
/usr/sbin/slurmctld
/usr/sbin/slurmd -N "$HOST"
for _ in $(seq 60); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.5; done
sinfo -h -o %T | grep -q idle || { tail "$W"/slurm*.log; exit 1; }

cat >"$W/matrix.toml" <<'TOML'
seeds = 3
[settings]
n_envs = 4
batch_size = 64
hidden = [8, 8]
evaluations = 4
eval_episodes = 2
final_episodes = 2
[environments.Pendulum-v1]
budget = 6_400
[rules.trpo]
[rules.vanilla_pg]
TOML
"$PYTHON" -m dask scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file "$W/scheduler.json" >"$W/scheduler.log" 2>&1 &
for _ in $(seq 120); do [ -s "$W/scheduler.json" ] && break; sleep 0.5; done
JOB=$(sbatch --parsable --array=1-3 --mem=0 --time=30 --output="$W/worker-%a.log" \
    --export=ALL,SCHEDULER_FILE="$W/scheduler.json",PYTHON="$PYTHON" experiments/clusters/slurm/workers.sbatch)
"$PYTHON" experiments/run_matrix.py "$W/matrix.toml" --scheduler-file "$W/scheduler.json" --out "$W/slurm" >"$W/matrix.log" 2>&1 &
MATRIX=$!
for _ in $(seq 240); do [ "$(ls "$W"/slurm/cells 2>/dev/null | wc -l)" -ge 1 ] && break; sleep 0.25; done
scontrol requeue "${JOB}_1"
echo "requeued worker 1 of job $JOB after $(ls "$W/slurm/cells" | wc -l) of 6 cells"
for _ in $(seq 240); do [ "$(ls "$W"/slurm/cells | wc -l)" -ge 2 ] && break; sleep 0.25; done
scancel --batch --signal=USR1 "${JOB}_2"  # what --signal=B:USR1@300 sends five minutes before the limit
for _ in $(seq 240); do
    RESTARTS=$(scontrol show job "${JOB}_2" | grep -o 'Restarts=[0-9]*' | head -1)
    [ "$RESTARTS" = Restarts=1 ] && break
    sleep 0.25
done
[ "$RESTARTS" = Restarts=1 ] || { echo "worker 2 was warned and not queued again: $RESTARTS"; cat "$W"/worker-2.log; exit 1; }
echo "worker 2 was warned after $(ls "$W/slurm/cells" | wc -l) of 6 cells, handed its cell over and was queued again"
wait "$MATRIX" || { cat "$W/matrix.log" "$W"/worker-*.log; exit 1; }
scancel "$JOB"
"$PYTHON" experiments/run_matrix.py "$W/matrix.toml" --jobs 2 --out "$W/local" >"$W/local.log" 2>&1
"$PYTHON" tests/experiments/untimed_cells.py "$W/slurm" "$W/local"
