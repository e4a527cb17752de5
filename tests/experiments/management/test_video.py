"""Frames as files, and the environments that can be drawn in the default install."""

import os
import subprocess
import sys
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from experiments.management import video
from experiments.management.inspect import NotFound

FRAMES = [np.full((33, 49, 3), k, np.uint8) for k in (0, 120, 255)]
CLASSIC = ["Acrobot-v1", "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
TOY_TEXT = ["CliffWalking-v1", "FrozenLake-v1", "Taxi-v4", "Blackjack-v1"]


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_an_animation_has_every_frame_at_its_pace(tmp_path, suffix):
    file = tmp_path / f"a{suffix}"
    video.write_video(file, FRAMES, 25)
    with Image.open(file) as image:
        image.seek(1)
        image.load()
        assert image.n_frames == 3 and image.size == (49, 33) and image.info["duration"] == 40
        assert abs(int(np.asarray(image.convert("RGB")).mean()) - 120) < 5


def test_an_mp4_has_every_frame_and_loses_an_odd_edge(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    video.write_video(tmp_path / "a.mp4", FRAMES, 25)
    line = [ffmpeg, "-i", str(tmp_path / "a.mp4"), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(line, capture_output=True, check=True).stdout
    found = np.frombuffer(raw, np.uint8).reshape(-1, 32, 48, 3)
    assert len(found) == 3 and abs(int(found[1].mean()) - 120) < 5


def test_another_suffix_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(NotFound, match=r"name a file of \.webp, \.gif, \.mp4"):
        video.require_format(tmp_path / "a.avi")


def test_without_ffmpeg_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(NotFound, match=r"pip install 'policy-ascent\[video\]'"):
        video.require_format(tmp_path / "a.mp4")


def test_a_video_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    file = tmp_path / "a.webp"
    video.write_video(file, FRAMES, 50)
    before = file.read_bytes()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(os, "fsync", Mock(side_effect=OSError("full")))
        video.write_video(file, FRAMES[::-1], 50)
    assert file.read_bytes() == before


def test_every_classic_task_can_be_drawn_without_a_display():
    code = f"""
import gymnasium
for env in {CLASSIC + TOY_TEXT}:
    made = gymnasium.make(env, render_mode="rgb_array")
    made.reset(seed=0)
    made.step(made.action_space.sample())
    frame = made.render()
    assert frame.ndim == 3 and frame.shape[2] == 3 and frame.std() > 0, (env, frame.shape)
    made.close()
"""
    bare = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=bare, check=False)
    assert done.returncode == 0, done.stderr
