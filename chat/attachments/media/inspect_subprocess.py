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
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from typing import BinaryIO

from chat.attachments.media.limited_process import limit_this_process

MAX_MEMORY_BYTES = 384 * 1024 * 1024
MAX_CPU_SECONDS = 5
READ_BYTES = 64 * 1024  # of one request
REQUEST = struct.Struct(">QI")


class _RequestedFile(RawIOBase):
    """A seekable file object for a file that only the parent process has opened.

    Each read requests the bytes from the parent process.
    """

    def __init__(self, size: int):
        self._size, self._position = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        self._position = max({SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence] + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        sys.stdout.buffer.write(REQUEST.pack(self._position, length))
        sys.stdout.buffer.flush()
        data = sys.stdin.buffer.read(length)
        if len(data) < length:
            raise EOFError("the parent process has ended")
        buffer[:length] = data
        self._position += length
        return length


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
