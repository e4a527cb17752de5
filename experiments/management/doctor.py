"""Checks this machine: packages, cores, rendering, disk and memory, with advice."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from experiments.installed import KINDS, installed


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` if something needs doing."""

    what: str
    found: str
    advice: str = ""


def examine(results: Path) -> int:
    """Print every finding. 1 if something needs doing."""
    findings = [finding for check in (_python, _packages, _brought, _cores, _rendering) for finding in check()]
    findings += [*_writable(results), *_memory()]
    for finding in findings:
        print(f"{'!' if finding.advice else ' '} {finding.what:22} {finding.found}")
        if finding.advice:
            print(f"  {'':22} -> {finding.advice}")
    return int(any(finding.advice for finding in findings))


def _python() -> list[Finding]:
    return [Finding("python", sys.version.split()[0])]


def _packages() -> list[Finding]:
    findings = []
    for line in requires("policy-ascent") or []:
        requirement = Requirement(line)
        if requirement.marker is not None:
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            findings.append(Finding(requirement.name, "not installed", f"pip install '{requirement}'"))
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        findings.append(Finding(requirement.name, found, "" if fits else f"pip install '{requirement}'"))
    return findings


def _brought() -> list[Finding]:
    """What other packages add to ours, by kind."""
    found = {kind: installed(kind).values() for kind in KINDS}
    return [
        Finding(kind, ", ".join(f"{point.name} ({point.value})" for point in points))
        for kind, points in found.items()
        if points
    ]


def _cores() -> list[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    busy = "other programs run: seconds will not compare; wait, or use fewer --jobs" if load > 0.5 * cores else ""
    gpu = "yes" if torch.cuda.is_available() else 'none; device = "cpu" is the default and enough'
    return [
        Finding("cores", f"{cores}, so --jobs {cores}"),
        Finding("load", f"{load:.1f}", busy),
        Finding("CUDA device", gpu),
    ]


def _rendering() -> list[Finding]:
    environment = {"MUJOCO_GL": "egl", **os.environ}
    return [
        _drawn("MuJoCo", "Hopper-v5", environment, f"works with MUJOCO_GL={environment['MUJOCO_GL']}",
               "apt-get install libegl1 libgl1, or MUJOCO_GL=osmesa with libosmesa6"),
        _drawn("classic control", "CartPole-v1", environment, "works", "pip install pygame-ce"),
        _drawn("toy text", "FrozenLake-v1", environment, "works", "pip install pygame-ce"),
        _mp4(),
    ]  # fmt: skip


def _drawn(kind: str, env: str, environment: dict[str, str], works: str, advice: str) -> Finding:
    """Whether environments of this kind can be drawn, for videos and nothing else."""
    code = f"import gymnasium as g; e = g.make({env!r}, render_mode='rgb_array'); e.reset(); print(e.render().shape)"
    line = [sys.executable, "-P", "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    if done.returncode == 0:
        return Finding(f"rendering: {kind}", works)
    last = done.stderr.strip().splitlines()[-1:] or ["?"]
    return Finding(f"rendering: {kind}", last[0][:80], f"only videos need it: {advice}")


def _mp4() -> Finding:
    found = find_spec("imageio_ffmpeg") is not None
    return Finding(
        "MP4", "yes" if found else "no, WebP and GIF only; pip install 'policy-ascent[video]' if you want it"
    )


def _writable(results: Path) -> list[Finding]:
    findings = []
    for name, folder in (("results", results), ("temporary files", Path(tempfile.gettempdir()))):
        place = next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.exists())
        free = shutil.disk_usage(place).free / 2**30
        advice = "" if os.access(place, os.W_OK) else "not writable; choose another place with --out"
        advice = advice or ("" if free > 1 else "less than 1 GiB left; make room")
        findings.append(Finding(name, f"{folder}, {free:.0f} GiB free", advice))
    return findings


def _memory() -> list[Finding]:
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (ValueError, OSError):
        return []
    return [Finding("free memory", f"{free:.1f} GiB; a cell takes about 0.5", "" if free > 1 else "close something")]
