"""Frames as a file: WebP or GIF by Pillow, MP4 by ffmpeg."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from experiments.management.inspect import NotFound
from experiments.records import write_atomically

Frames = Sequence[NDArray[np.uint8]]  # RGB, [height, width, 3]


def require_format(file: Path) -> None:
    """Raise NotFound, before anything is drawn, for a suffix that stands for no video that can be written here."""
    if file.suffix.lower() not in FORMATS:
        raise NotFound(f"{file}: no video is written as {file.suffix or 'that'}; name a file of {', '.join(FORMATS)}")
    if file.suffix.lower() == ".mp4":
        _ffmpeg()


def write_video(file: Path, frames: Frames, fps: float) -> None:
    """The video, there whole or not at all; its format is that of the file's suffix. Raises NotFound, OSError."""
    require_format(file)
    write_atomically(file, FORMATS[file.suffix.lower()](frames, fps))


def _pillow(kind: str, **options: Any) -> Callable[[Frames, float], bytes]:
    def encode(frames: Frames, fps: float) -> bytes:
        images, sink = [Image.fromarray(frame) for frame in frames], io.BytesIO()
        common: dict[str, Any] = {"save_all": True, "append_images": images[1:], "loop": 0}
        images[0].save(sink, kind, duration=round(1000 / fps), **common, **options)
        return sink.getvalue()

    return encode


def _mp4(frames: Frames, fps: float) -> bytes:
    """H.264, which wants even numbers of pixels: an odd edge loses one."""
    height, width = (size - size % 2 for size in frames[0].shape[:2])
    even = np.stack([frame[:height, :width] for frame in frames])
    encoded: bytes = _ffmpeg().imwrite(
        "<bytes>", even, extension=".mp4", plugin="FFMPEG", fps=fps, codec="libx264", macro_block_size=2
    )
    return encoded


def _ffmpeg() -> Any:
    try:
        import imageio.v3
        import imageio_ffmpeg  # noqa: F401  # imageio's plugin needs it
    except ImportError as error:
        raise NotFound(
            f"MP4 needs ffmpeg: pip install 'policy-ascent[video]', or write .webp or .gif ({error})"
        ) from error
    return imageio.v3


FORMATS: dict[str, Callable[[Frames, float], bytes]] = {
    ".webp": _pillow("WEBP", quality=70),
    ".gif": _pillow("GIF"),
    ".mp4": _mp4,
}
