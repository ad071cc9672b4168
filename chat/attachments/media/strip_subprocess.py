"""Program that removes metadata from an MP4 file in place. Its memory and CPU time are limited.

    python -m chat.attachments.media.strip_subprocess PATH

Exit status: 0 if the file was parsed to its end, 3 if the file is damaged, another number if the process reached a
limit. With status 0 and 3, all metadata that was found is erased.
"""

from __future__ import annotations

import sys
from pathlib import Path

from chat.attachments.media.limited_process import limit_this_process
from chat.attachments.media.mp4_metadata import strip_metadata

MAX_MEMORY_BYTES = 384 * 1024 * 1024
MAX_CPU_SECONDS = 60
EXIT_DAMAGED = 3


def main(path: Path) -> int:
    limit_this_process(
        memory_bytes=MAX_MEMORY_BYTES, cpu_seconds=MAX_CPU_SECONDS, file_bytes=max(path.stat().st_size, 1)
    )
    with path.open("r+b") as target:
        try:
            strip_metadata(target)
        except ValueError as error:
            print(error, file=sys.stderr)
            return EXIT_DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
