import os
import re
import subprocess
import sys
from pathlib import Path


def test_a_matrix_under_random_faults_ends_with_the_tables_of_a_calm_one():
    script = Path(__file__).with_name("chaos.py")
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2])}
    line = [sys.executable, str(script), "--seconds", "8", "--seeds", "1", "--every", "1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"lost 0 of [1-9]", done.stdout) and "faults injected: none" not in done.stdout
