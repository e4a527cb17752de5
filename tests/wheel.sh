#!/usr/bin/env bash
# Build the wheel, install it into an empty environment, and run a small matrix there, beside folders with our names.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" --disable-pip-version-check wheel --quiet --no-deps --wheel-dir "$work/dist" "$root"
"$work/venv/bin/pip" --disable-pip-version-check install --quiet --constraint "$root/constraints.txt" "$work"/dist/*.whl
mkdir -p "$work/here/analysis" "$work/here/experiments"
cd "$work/here"
echo 'raise RuntimeError("a folder of the user was taken for ours")' | tee analysis/__init__.py > experiments/__init__.py
cat > small.toml <<'TOML'
seeds = 1
settings = { n_envs = 4, batch_size = 256, evaluations = 2, eval_episodes = 2, final_episodes = 2 }
environments.CartPole-v1.budget = 1024
environments.Hopper-v5.budget = 1024
rules = { trpo = {}, vanilla_pg = {} }
TOML
export PATH="$work/venv/bin:$PATH"
policy-ascent rules > rules.txt && grep -q '^trpo ' rules.txt
policy-ascent run quick --dry-run > dry.txt && grep -q 'nothing was run' dry.txt  # shipped matrices are in the wheel
policy-ascent run small.toml
policy-ascent verify results/small
test -s results/small/report.html
python -P -c 'import algos, analysis, experiments; print(analysis.short_table(analysis.load_results("results/small")))'
for name in algos analysis experiments; do
    test -f "$(python -P -c "import $name, pathlib; print(pathlib.Path($name.__file__).parent)")/py.typed"
done
echo "the wheel works in an empty environment"
