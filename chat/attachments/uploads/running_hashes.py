"""Keeps the SHA-256 of the bytes that have arrived, from one part of an upload to the next, in this process."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any

from chat.models import Upload

_hashes: OrderedDict[str, tuple[int, Any]] = OrderedDict()  # upload id: (bytes hashed so far, running SHA-256)
_hashes_lock = Lock()
MAX_HASHES = 200


def pop(upload: Upload) -> Any:
    """Returns the hashlib object that has hashed the bytes of an upload stored so far, and removes it from the cache.

    Returns None if this server process has not received all of these bytes. In this case, the whole file is read again
    and hashed when the upload is completed.
    """
    if upload.offset == 0:
        return hashlib.sha256()
    with _hashes_lock:
        offset, running_hash = _hashes.pop(upload.pk, (0, None))
    return running_hash if offset == upload.offset else None


def put(upload: Upload, running_hash: Any) -> None:
    with _hashes_lock:
        _hashes[upload.pk] = upload.offset, running_hash
        while len(_hashes) > MAX_HASHES:
            _hashes.popitem(last=False)
