"""Draws a picture anew: a program of its own, so that what it eats and how it ends is nobody else's trouble.

    python decode.py SOURCE FOLDER

It writes into FOLDER the picture without metadata and smaller ones, and one line of JSON on standard output:
`{"content_type", "width", "height", "name", "thumbnails": [{"name", "width", "height"}]}`. It imports nothing of ours,
bounds its own memory and time before it looks at the file, and ends with 3 where the picture is too large to be
decoded, with anything else but 0 where it is none.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from warnings import simplefilter

import pi_heif
from PIL import ExifTags, Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF")
MEMORY = 1024 * 1024 * 1024  # bytes
SECONDS = 40  # of CPU
MOST_PIXELS = {
    "JPEG": 120_000_000,
    "PNG": 60_000_000,
    "GIF": 30_000_000,
    "WEBP": 40_000_000,
    "AVIF": 40_000_000,
    "HEIF": 60_000_000,
}
MOST_FRAMES, MOST_MOVING_PIXELS = 600, 150_000_000  # of all frames together; of more, only the first is shown
SIDES = (480, 1600)  # longest side of the smaller ones
KEPT_SIDE = 4096  # longest side of the picture itself: more than any screen
TOO_LARGE = 3


def main(source: str, folder: Path) -> int:
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 256 * 1024 * 1024),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    simplefilter("error", Image.DecompressionBombWarning)
    heif = pi_heif.options
    heif.THUMBNAILS = heif.DEPTH_IMAGES = heif.AUX_IMAGES = False  # of all that is in such a file, the picture
    heif.DECODE_THREADS = 1
    pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = max(MOST_PIXELS.values())
    try:
        with Image.open(source, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS[_format(image)]:
                return TOO_LARGE
            print(json.dumps(_draw(image, folder)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return TOO_LARGE
    return 0


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format in {"JPEG", "MPO"} else str(image.format)


def _draw(image: Image.Image, folder: Path) -> dict:
    kind = _format(image)
    moving = getattr(image, "is_animated", False) and kind in {"GIF", "WEBP"}
    if moving and _affordable(image):
        name, width, height = _moving(image, folder, kind)
        image.seek(0)
        still = _upright(image)
    else:
        if kind == "JPEG":
            image.draft("RGB", (KEPT_SIDE, KEPT_SIDE))  # decoded smaller where it is far larger
        still = _upright(image)
        name, width, height = _still(still, folder, kind)
    return {
        "name": name,
        "content_type": Image.MIME[
            {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}[name.rpartition(".")[2]]
        ],
        "width": width,
        "height": height,
        "thumbnails": _smaller(still, folder),
    }


def _affordable(image: Image.Image) -> bool:
    frames = getattr(image, "n_frames", 1)  # walks over all of a GIF's frames; the CPU limit bounds that too
    return frames <= MOST_FRAMES and frames * image.width * image.height <= MOST_MOVING_PIXELS


def _upright(image: Image.Image) -> Image.Image:
    """Pixels as they are seen, in RGB or RGBA; the colour profile is applied nowhere and kept."""
    profile = image.info.get("icc_profile")
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    image.load()
    still = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if orientation != 1:
        still.getexif()[ExifTags.Base.Orientation] = orientation
        still = ImageOps.exif_transpose(still)
    still.info = {"icc_profile": profile} if profile and image.mode in {"RGB", "RGBA"} else {}
    return still


def _still(image: Image.Image, folder: Path, kind: str) -> tuple[str, int, int]:
    if max(image.size) > KEPT_SIDE:
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
    if kind in {"JPEG", "HEIF"}:
        name = "picture.jpg"
        image.convert("RGB").save(folder / name, "JPEG", quality=90, optimize=True, progressive=True, **profile)
    elif kind in {"PNG", "GIF"}:
        name = "picture.png"
        image.save(folder / name, "PNG", **profile)
    else:
        name = "picture.webp"
        image.save(folder / name, "WEBP", quality=90, method=4, **profile)
    return name, image.width, image.height


def _moving(image: Image.Image, folder: Path, kind: str) -> tuple[str, int, int]:
    frames, pauses = [], []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        pauses.append(image.info.get("duration", 100) or 100)
        frames.append(image.convert("RGBA"))
    name = f"picture.{kind.lower()}"
    more = {"disposal": 2} if kind == "GIF" else {"quality": 85, "method": 2}
    first, *rest = frames
    first.info = {}
    loop = image.info.get("loop", 0)
    first.save(folder / name, kind, save_all=True, append_images=rest, duration=pauses, loop=loop, **more)
    return name, image.width, image.height


def _smaller(image: Image.Image, folder: Path) -> list[dict]:
    made: list[dict] = []
    for side in SIDES:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        if made and small.width <= made[-1]["width"]:
            break  # the picture itself is no larger
        name = f"{side}.webp"
        small.info = {}
        small.save(folder / name, "WEBP", quality=80, method=4)
        made.append({"name": name, "width": small.width, "height": small.height})
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
