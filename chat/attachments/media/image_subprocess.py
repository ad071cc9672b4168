"""Program that re-encodes one image. It is a separate process, so a crash or high memory use does not stop the worker.

    python -m chat.attachments.media.image_subprocess SOURCE FOLDER

It writes the image without metadata and its thumbnails into FOLDER, and one line of JSON to standard output:
`{"content_type", "width", "height", "name", "thumbnails": [{"name", "width", "height"}]}`. It limits its memory and
CPU time before it opens the file. Exit status: 0 success, 3 the image is too large to be decoded, another number: the
file is not a valid image.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from warnings import simplefilter

import pi_heif
from PIL import ExifTags, Image, ImageOps

from chat.attachments.media.limited_process import limit_this_process

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF")
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_CPU_SECONDS = 40
MAX_OUTPUT_BYTES = 256 * 1024 * 1024  # of each written file
MAX_PIXELS = {
    "JPEG": 120_000_000,
    "PNG": 60_000_000,
    "GIF": 30_000_000,
    "WEBP": 40_000_000,
    "AVIF": 40_000_000,
    "HEIF": 60_000_000,
}
# Limits of an animation (pixels of all frames together). Of a larger animation only the first frame is kept.
MAX_FRAMES, MAX_ANIMATION_PIXELS = 600, 150_000_000
THUMBNAIL_SIDES = (480, 1600)  # pixels, longest side; of a very long image see _fit
# The image itself is scaled down only if both sides are large: a screenshot of a long page must stay readable.
MAX_SHORT_SIDE, MAX_STILL_PIXELS = 3072, 32_000_000
MAX_WEBP_SIDE = 16_383  # limit of the format
EXIT_TOO_LARGE = 3


def main(source: str, folder: Path) -> int:
    limit_this_process(memory_bytes=MAX_MEMORY_BYTES, cpu_seconds=MAX_CPU_SECONDS, file_bytes=MAX_OUTPUT_BYTES)
    simplefilter("error", Image.DecompressionBombWarning)
    heif = pi_heif.options
    heif.THUMBNAILS = heif.DEPTH_IMAGES = heif.AUX_IMAGES = False  # decode the primary image only
    heif.DECODE_THREADS = 1
    pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS.values())
    try:
        with Image.open(source, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS[_get_format(image)]:
                return EXIT_TOO_LARGE
            print(json.dumps(_reencode(image, folder)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return EXIT_TOO_LARGE
    return 0


def _get_format(image: Image.Image) -> str:
    return "JPEG" if image.format in {"JPEG", "MPO"} else str(image.format)


def _reencode(image: Image.Image, folder: Path) -> dict:
    image_format = _get_format(image)
    is_animated = getattr(image, "is_animated", False) and image_format in {"GIF", "WEBP", "PNG"}
    if is_animated and _is_within_animation_limits(image):
        name, width, height = _save_animation(image, folder, image_format)
        image.seek(0)
        still = _load_upright(image)
    else:
        if image_format == "JPEG":
            # A much larger JPEG is scaled down while it is decoded, but never below the size at which it is kept.
            image.draft("RGB", (2 * MAX_SHORT_SIDE, 2 * MAX_SHORT_SIDE))
        still = _load_upright(image)
        name, width, height = _save_still(still, folder, image_format)
    return {
        "name": name,
        "content_type": Image.MIME[
            {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}[name.rpartition(".")[2]]
        ],
        "width": width,
        "height": height,
        "thumbnails": _save_thumbnails(still, folder),
    }


def _is_within_animation_limits(image: Image.Image) -> bool:
    frames = getattr(image, "n_frames", 1)  # reads all frames of a GIF; the CPU limit bounds that as well
    return frames <= MAX_FRAMES and frames * image.width * image.height <= MAX_ANIMATION_PIXELS


def _load_upright(image: Image.Image) -> Image.Image:
    """Returns the image in RGB or RGBA, rotated as its EXIF orientation says. The image keeps its colour profile."""
    profile = image.info.get("icc_profile")
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    image.load()
    still = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if orientation != 1:
        still.getexif()[ExifTags.Base.Orientation] = orientation
        still = ImageOps.exif_transpose(still)
    still.info = {"icc_profile": profile} if profile and image.mode in {"RGB", "RGBA"} else {}
    return still


def _save_still(image: Image.Image, folder: Path, image_format: str) -> tuple[str, int, int]:
    """Saves an image as one picture without animation in `folder`, scaled down if it is too large.

    Returns (file name, width, height) of the saved picture.
    """
    width, height = image.size
    scale = min(1.0, MAX_SHORT_SIDE / min(width, height), math.sqrt(MAX_STILL_PIXELS / (width * height)))
    if image_format in {"WEBP", "AVIF"}:  # both are saved as WebP
        scale = min(scale, MAX_WEBP_SIDE / max(width, height))
    if scale < 1:
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        image = image.resize(size, Image.Resampling.LANCZOS)
    profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
    if image_format in {"JPEG", "HEIF"}:
        name = "picture.jpg"
        image.convert("RGB").save(folder / name, "JPEG", quality=90, optimize=True, progressive=True, **profile)
    elif image_format in {"PNG", "GIF"}:
        name = "picture.png"
        image.save(folder / name, "PNG", **profile)
    else:
        name = "picture.webp"
        image.save(folder / name, "WEBP", quality=90, method=4, **profile)
    return name, image.width, image.height


def _save_animation(image: Image.Image, folder: Path, image_format: str) -> tuple[str, int, int]:
    """Saves all frames of an animated image in `folder`. Returns (file name, width, height) of the saved animation."""
    frames, durations = [], []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        durations.append(image.info.get("duration", 100) or 100)
        frames.append(image.convert("RGBA"))
    name = f"picture.{image_format.lower()}"
    options = {
        "GIF": {"disposal": 2},
        "WEBP": {"quality": 85, "method": 2},
        "PNG": {"disposal": 0, "blend": 0},  # Pillow's frames are complete pictures
    }[image_format]
    first, *others = frames
    first.info = {}
    loop = image.info.get("loop", 0)
    first.save(
        folder / name, image_format, save_all=True, append_images=others, duration=durations, loop=loop, **options
    )
    return name, image.width, image.height


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Returns the maximum width and height in pixels of a thumbnail of an image with the size `size`.

    Normally both are `side`. If one side of the image is much longer than the other, the maximum of this side is up to
    four times as large, so that the thumbnail does not become a thin line.
    """
    longest, shortest = max(size), max(min(size), 1)
    stretched = round(side * min(max(longest / shortest / 4, 1), 4))
    return (stretched, side) if size[0] > size[1] else (side, stretched)


def _save_thumbnails(image: Image.Image, folder: Path) -> list[dict]:
    thumbnails: list[dict] = []
    for side in THUMBNAIL_SIDES:
        thumbnail = image.copy()
        thumbnail.thumbnail(_fit(image.size, side), Image.Resampling.LANCZOS)
        if thumbnails and thumbnail.width <= thumbnails[-1]["width"]:
            break  # the image itself is not larger than the previous thumbnail
        name = f"{side}.webp"
        thumbnail.info = {}
        thumbnail.save(folder / name, "WEBP", quality=80, method=4)
        thumbnails.append({"name": name, "width": thumbnail.width, "height": thumbnail.height})
    return thumbnails


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
