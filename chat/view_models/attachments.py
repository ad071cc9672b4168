"""Files as the log draws them. `static/js/conversation/attachments/attachment-renderer.js` does the same; both keep to tests/shared_cases/attachments.json."""

from __future__ import annotations

from dataclasses import dataclass

from chat.attachments.filenames import extension
from chat.schemas import AttachmentSchema

ALONE, TOGETHER = (360, 320), 176  # pixels: the box that one picture fits into; the side of a tile among several


@dataclass(slots=True)
class Drawn:
    shape: AttachmentSchema
    width: int
    height: int
    mark: str
    size: str
    lasts: str

    @property
    def seconds(self) -> str:
        """As scripts write a number: `7`, `7.25`; empty where it is not known."""
        return "" if self.shape.duration is None else str(self.shape.duration).removesuffix(".0")


def drawn(files: list[AttachmentSchema]) -> list[Drawn]:
    several = sum(file.kind == "image" for file in files) > 1
    return [
        Drawn(file, *box(file, several), mark_of(file.name), size_of(file.size), lasts(file.duration)) for file in files
    ]


def tile(file: AttachmentSchema) -> Drawn:
    """As it stands among others on the page of files, whose scripts draw nothing."""
    return Drawn(file, *box(file, True), mark_of(file.name), size_of(file.size), lasts(file.duration))


def box(file: AttachmentSchema, several: bool) -> tuple[int, int]:
    """Its place in the log, known before it is loaded: nothing jumps."""
    if several and file.kind == "image":
        return TOGETHER, TOGETHER
    width, height = file.width or ALONE[0], file.height or ALONE[0] * 9 // 16
    scale = min(ALONE[0] / width, ALONE[1] / height, 1)
    return max(int(width * scale + 0.5), 48), max(int(height * scale + 0.5), 48)


def mark_of(name: str) -> str:
    """What stands on its card: `PDF`. Of odd names, nothing."""
    mark = extension(name)
    return mark.upper() if mark.isascii() and mark.isalnum() and len(mark) <= 4 else ""


def size_of(count: int) -> str:
    """`248 KB`, `1.5 MB`: three figures at most, in units that are alike in both languages."""
    value, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1024
    if unit == "B" or value >= 9.95:
        return f"{int(value + 0.5)} {unit}"
    return f"{int(value * 10 + 0.5) / 10:.1f}".removesuffix(".0") + f" {unit}"


def lasts(seconds: float | None) -> str:
    """`0:07`, `1:02:03`; empty where it is not known."""
    if not seconds:
        return ""
    minutes, rest = divmod(max(int(seconds + 0.5), 1), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
