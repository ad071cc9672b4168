"""A file object for data that can only be read in ranges of bytes, such as an object in S3."""

from __future__ import annotations

from abc import abstractmethod
from io import SEEK_CUR, SEEK_END, SEEK_SET, RawIOBase


class RangeReader(RawIOBase):
    """Base class of seekable file objects of `size` bytes. Subclasses read a range of bytes in `read_range`."""

    def __init__(self, size: int):
        self._size, self._position = size, 0

    @abstractmethod
    def read_range(self, offset: int, length: int) -> bytes:
        """Returns the `length` bytes that begin at `offset`. The range is never empty and never exceeds the file."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        start = {SEEK_SET: 0, SEEK_CUR: self._position, SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = self.read_range(self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
