"""Uploads in S3: one multipart upload each. Parts have 5 MiB at least, but for the last, so what is left of a request
waits in the bucket too, as an object beside it: the next request may reach another machine.
"""

from __future__ import annotations

from contextlib import suppress
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage

from chat.models import Upload

LEAST = 5 * 1024 * 1024  # S3's own bound
PART = 8 * 1024 * 1024  # bytes of a part where there are so many; 10,000 parts are as many as S3 takes
LINK_SECONDS = 300


# django-storages' S3Storage, which Django's types do not know.
_storage: Any = default_storage


def _bucket() -> tuple[Any, str]:
    return _storage.connection.meta.client, _storage.bucket_name


class BucketWriter:
    """`upload.parts` is `{"id": of the multipart upload, "done": [etag …], "tail": bytes in the object beside}`."""

    slow = True

    def __init__(self, upload: Upload):
        self._upload = upload
        self._s3, self._bucket = _bucket()
        self._waiting = TemporaryFile()  # noqa: SIM115 (closed by close())
        state = upload.parts
        if not state:
            began = self._s3.create_multipart_upload(Bucket=self._bucket, Key=upload.key)
            state.update(id=began["UploadId"], done=[], tail=0)
        elif state["tail"]:
            self._waiting.write(_read_tail(upload))

    def write(self, data: bytes) -> None:
        self._waiting.write(data)

    def keep(self) -> None:
        """Everything goes into the bucket, as parts while there is enough for one; the rest as the tail."""
        state, length = self._upload.parts, self._waiting.tell()
        self._waiting.seek(0)
        while length >= LEAST:
            part = self._waiting.read(PART if length - PART >= LEAST or length == PART else length)
            length -= len(part)
            place = {"Bucket": self._bucket, "Key": self._upload.key, "UploadId": state["id"]}
            done = self._s3.upload_part(**place, PartNumber=len(state["done"]) + 1, Body=part)
            state["done"].append(done["ETag"])
        rest = self._waiting.read()
        self._waiting.seek(0)
        self._waiting.truncate()
        if rest:
            self._s3.put_object(Bucket=self._bucket, Key=_tail(self._upload), Body=rest)
            self._waiting.write(rest)
        state["tail"] = len(rest)

    def close(self) -> None:
        self._waiting.close()


class Bucket:
    def open(self, upload: Upload) -> BucketWriter:
        return BucketWriter(upload)

    def finish(self, upload: Upload) -> None:
        """Safe to repeat: after a crash the object may be complete already."""
        s3, bucket = _bucket()
        state, key = upload.parts, upload.key
        if self._is_there(s3, bucket, upload):
            return
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(state.get("done", ()), 1)]
        place = {"Bucket": bucket, "Key": key}
        if not parts:  # small: one object, and no multipart upload after all
            s3.put_object(**place, Body=_read_tail(upload) if state.get("tail") else b"")
            self._abort(upload)
        else:
            if state["tail"]:
                last = s3.upload_part(**place, UploadId=state["id"], PartNumber=len(parts) + 1, Body=_read_tail(upload))
                parts.append({"PartNumber": len(parts) + 1, "ETag": last["ETag"]})
            s3.complete_multipart_upload(**place, UploadId=state["id"], MultipartUpload={"Parts": parts})
        with suppress(BotoCoreError, ClientError):
            _remove_tails(upload)
        if not self._is_there(s3, bucket, upload):
            raise OSError(f"{key} has not the size that it should have")

    @staticmethod
    def _is_there(s3: Any, bucket: str, upload: Upload) -> bool:
        try:
            return s3.head_object(Bucket=bucket, Key=upload.key)["ContentLength"] == upload.size
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise

    @staticmethod
    def _abort(upload: Upload) -> None:
        s3, bucket = _bucket()
        if upload.parts.get("id"):
            with suppress(ClientError):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.parts["id"])

    def give_up(self, upload: Upload) -> None:
        s3, bucket = _bucket()
        self._abort(upload)
        _remove_tails(upload)
        if upload.attachment_id is None:
            s3.delete_object(Bucket=bucket, Key=upload.key)

    def make_room(self, size: int) -> None:
        """A bucket has no end."""

    def read(self, key: str) -> BinaryIO:
        return BufferedReader(_Ranges(key), 1024 * 1024)

    def path(self, key: str) -> None:
        return None

    def link(self, key: str, content_type: str, disposition: str) -> str:
        parameters = {
            "ResponseContentType": content_type,
            "ResponseContentDisposition": disposition,
            "ResponseCacheControl": f"private, max-age={LINK_SECONDS}",
        }
        url = _storage.url(key, parameters=parameters, expire=LINK_SECONDS)
        if settings.FILES_HOST:
            host = urlsplit(settings.FILES_HOST)
            url = urlunsplit(urlsplit(url)._replace(scheme=host.scheme, netloc=host.netloc))
        return url


class _Ranges(RawIOBase):
    """An object as a file: each read is a request for a range, so that a box at the end costs no download."""

    def __init__(self, key: str):
        self._s3, self._bucket = _bucket()
        self._key, self._at = key, 0
        self._size = self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        start = {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        span = f"bytes={self._at}-{self._at + length - 1}"
        data = self._s3.get_object(Bucket=self._bucket, Key=self._key, Range=span)["Body"].read()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _tail(upload: Upload, parts: int | None = None) -> str:
    """After each part another object: between two parts a tail only grows, so the row's word for it stays true."""
    return f"{upload.key}.tail{len(upload.parts['done']) if parts is None else parts}"


def _read_tail(upload: Upload) -> bytes:
    s3, bucket = _bucket()
    length = upload.parts["tail"]
    tail = s3.get_object(Bucket=bucket, Key=_tail(upload), Range=f"bytes=0-{length - 1}")["Body"].read()
    if len(tail) != length:
        raise OSError(f"{_tail(upload)} is shorter than its row says")
    return tail


def _remove_tails(upload: Upload) -> None:
    """Also one that a killed server had begun."""
    if not upload.parts:
        return
    s3, bucket = _bucket()
    names = [{"Key": _tail(upload, number)} for number in range(len(upload.parts["done"]) + 2)]
    for start in range(0, len(names), 1000):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": names[start : start + 1000], "Quiet": True})
