"""Animations as files; what they show is tested with the command."""

import os
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from experiments.management import render


def test_an_animation_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    frames = [np.full((8, 8, 3), k, np.uint8) for k in (0, 255)]
    render.write_webp(tmp_path / "a.webp", frames, 20)
    before = (tmp_path / "a.webp").read_bytes()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(os, "fsync", Mock(side_effect=OSError("full")))
        render.write_webp(tmp_path / "a.webp", frames[::-1], 20)
    assert (tmp_path / "a.webp").read_bytes() == before
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 2
