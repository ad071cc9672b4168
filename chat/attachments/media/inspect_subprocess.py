"""Program that measures a media file and looks for metadata in it. Its memory and CPU time are limited.

    python -m chat.attachments.media.inspect_subprocess CONTENT_TYPE SIZE

It does not open the file, but requests ranges of bytes of the file from its parent process (inspection.py). A request
is one struct REQUEST (offset, length) on standard output. The parent answers with exactly these bytes on standard
input. A request with length 0 announces the result: then `offset` bytes of JSON follow, and the program ends.
"""

from __future__ import annotations

import json
import struct
import sys
from io import BufferedReader
from typing import BinaryIO

from chat.attachments.media.limited_process import limit_this_process
from chat.attachments.range_reader import RangeReader

MAX_MEMORY_BYTES = 384 * 1024 * 1024
MAX_CPU_SECONDS = 5
READ_BYTES = 64 * 1024  # of one request
REQUEST = struct.Struct(">QI")


class _RequestedFile(RangeReader):
    """A seekable file object for a file that only the parent process has opened.

    Each read requests the bytes from the parent process.
    """

    def read_range(self, offset: int, length: int) -> bytes:
        sys.stdout.buffer.write(REQUEST.pack(offset, length))
        sys.stdout.buffer.flush()
        data = sys.stdin.buffer.read(length)
        if len(data) < length:
            raise EOFError("the parent process has ended")
        return data


def main(content_type: str, size: int) -> None:
    limit_this_process(memory_bytes=MAX_MEMORY_BYTES, cpu_seconds=MAX_CPU_SECONDS, file_bytes=0)
    # Imported after the limits are set. Each of these modules imports third-party parsers only when it needs them.
    from chat.attachments.media import dimensions, mp4_metadata
    from chat.attachments.media.content_types import MP4_TYPES

    source: BinaryIO = BufferedReader(_RequestedFile(size), READ_BYTES)
    result: dict = dimensions.measure(source, content_type)._asdict()
    if content_type in MP4_TYPES:
        result["has_metadata"] = mp4_metadata.contains_metadata(source)
    output = json.dumps(result).encode()
    sys.stdout.buffer.write(REQUEST.pack(len(output), 0) + output)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
