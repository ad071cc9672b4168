"""Stores uploads in S3. Each upload is one S3 multipart upload.

S3 parts have at least 5 MiB, except the last one. Bytes that are too few for a part (the tail) are stored in the bucket
as an S3 object of their own. They are not kept in a local file, because another server may receive the next bytes.
"""

from __future__ import annotations

from contextlib import suppress
from io import BufferedReader
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import default_storage

from chat.attachments.range_reader import RangeReader
from chat.models import Upload

MIN_PART_SIZE = 5 * 1024 * 1024  # bytes; limit of S3
PART_SIZE = 8 * 1024 * 1024  # bytes; S3 takes at most 10,000 parts
SIGNED_URL_SECONDS = 300


# S3Storage of django-storages, whose attributes Django's types do not know.
_storage: Any = default_storage


def _client_and_bucket() -> tuple[Any, str]:
    return _storage.connection.meta.client, _storage.bucket_name


class S3UploadWriter:
    """Collects bytes of an upload in a local temporary file. `sync()` uploads these bytes to S3.

    `upload.parts` is `{"id": id of the S3 multipart upload, "done": [etag, …], "tail": number of bytes in the tail
    object}`. The tail object is an S3 object with the last bytes, which are too few for a part.
    """

    sync_is_slow = True

    def __init__(self, upload: Upload):
        self._upload = upload
        self._s3, self._bucket = _client_and_bucket()
        self._pending = TemporaryFile()  # noqa: SIM115 (closed by close())
        state = upload.parts
        if not state:
            created = self._s3.create_multipart_upload(Bucket=self._bucket, Key=upload.key)
            state.update(id=created["UploadId"], done=[], tail=0)
        elif state["tail"]:
            self._pending.write(_read_tail(upload))

    def write(self, data: bytes) -> None:
        self._pending.write(data)

    def sync(self) -> None:
        """Uploads all bytes that `write()` has collected to S3.

        Bytes that are enough for an S3 part (5 MiB) are uploaded as parts of the multipart upload. The remaining bytes
        are stored as an S3 object of their own, the tail object, until more bytes arrive.
        """
        state, length = self._upload.parts, self._pending.tell()
        self._pending.seek(0)
        while length >= MIN_PART_SIZE:
            part = self._pending.read(
                PART_SIZE if length - PART_SIZE >= MIN_PART_SIZE or length == PART_SIZE else length
            )
            length -= len(part)
            target = {"Bucket": self._bucket, "Key": self._upload.key, "UploadId": state["id"]}
            uploaded = self._s3.upload_part(**target, PartNumber=len(state["done"]) + 1, Body=part)
            state["done"].append(uploaded["ETag"])
        tail = self._pending.read()
        self._pending.seek(0)
        self._pending.truncate()
        if tail:
            self._s3.put_object(Bucket=self._bucket, Key=_tail_key(self._upload), Body=tail)
            self._pending.write(tail)
        state["tail"] = len(tail)

    def close(self) -> None:
        self._pending.close()


class S3UploadStorage:
    def open_writer(self, upload: Upload) -> S3UploadWriter:
        return S3UploadWriter(upload)

    def complete(self, upload: Upload) -> None:
        """Completes the S3 multipart upload, so that the file exists under its key `upload.key`.

        Can be called again after a crash: if the multipart upload is completed already, it does nothing.
        """
        s3, bucket = _client_and_bucket()
        state, key = upload.parts, upload.key
        if self._is_complete(s3, bucket, upload):
            return
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(state.get("done", ()), 1)]
        target = {"Bucket": bucket, "Key": key}
        if not parts:  # a small file: one plain object instead of the multipart upload
            s3.put_object(**target, Body=_read_tail(upload) if state.get("tail") else b"")
            self._abort(upload)
        else:
            if state["tail"]:
                tail = _read_tail(upload)
                last = s3.upload_part(**target, UploadId=state["id"], PartNumber=len(parts) + 1, Body=tail)
                parts.append({"PartNumber": len(parts) + 1, "ETag": last["ETag"]})
            s3.complete_multipart_upload(**target, UploadId=state["id"], MultipartUpload={"Parts": parts})
        with suppress(BotoCoreError, ClientError):
            _delete_tails(upload)
        if not self._is_complete(s3, bucket, upload):
            raise OSError(f"{key} has not the size that it should have")

    @staticmethod
    def _is_complete(s3: Any, bucket: str, upload: Upload) -> bool:
        try:
            return s3.head_object(Bucket=bucket, Key=upload.key)["ContentLength"] == upload.size
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise

    @staticmethod
    def _abort(upload: Upload) -> None:
        s3, bucket = _client_and_bucket()
        if upload.parts.get("id"):
            with suppress(ClientError):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.parts["id"])

    def discard(self, upload: Upload) -> None:
        s3, bucket = _client_and_bucket()
        self._abort(upload)
        _delete_tails(upload)
        if upload.attachment_id is None:
            s3.delete_object(Bucket=bucket, Key=upload.key)

    def ensure_free_space(self, size: int) -> None:
        """Does nothing, because an S3 bucket has no size limit."""

    def open_file(self, key: str) -> BinaryIO:
        return BufferedReader(_ObjectReader(key), 1024 * 1024)

    def local_path(self, key: str) -> None:
        return None

    def signed_url(self, key: str, content_type: str, disposition: str) -> str:
        parameters = {
            "ResponseContentType": content_type,
            "ResponseContentDisposition": disposition,
            "ResponseCacheControl": f"private, max-age={SIGNED_URL_SECONDS}",
        }
        url = _storage.url(key, parameters=parameters, expire=SIGNED_URL_SECONDS)
        if settings.FILES_HOST:
            host = urlsplit(settings.FILES_HOST)
            url = urlunsplit(urlsplit(url)._replace(scheme=host.scheme, netloc=host.netloc))
        return url


class _ObjectReader(RangeReader):
    """Reads an S3 object as a seekable file.

    Each read requests only the needed bytes from S3, so reading the end of the object does not load the whole object.
    """

    def __init__(self, key: str):
        self._s3, self._bucket = _client_and_bucket()
        self._key = key
        super().__init__(self._s3.head_object(Bucket=self._bucket, Key=key)["ContentLength"])

    def read_range(self, offset: int, length: int) -> bytes:
        byte_range = f"bytes={offset}-{offset + length - 1}"
        return self._s3.get_object(Bucket=self._bucket, Key=self._key, Range=byte_range)["Body"].read()


def _tail_key(upload: Upload, part_count: int | None = None) -> str:
    """Returns the S3 key of the tail object: it contains the last bytes of an upload, which are too few for an S3 part.

    The key contains the number of parts before the tail, so after each new part another key is used. An object with the
    same key is only replaced by a longer one that begins with the same bytes. Therefore the tail length in the database
    is valid even if the server crashed after storing the object and before saving the row.
    """
    return f"{upload.key}.tail{len(upload.parts['done']) if part_count is None else part_count}"


def _read_tail(upload: Upload) -> bytes:
    s3, bucket = _client_and_bucket()
    length = upload.parts["tail"]
    tail = s3.get_object(Bucket=bucket, Key=_tail_key(upload), Range=f"bytes=0-{length - 1}")["Body"].read()
    if len(tail) != length:
        raise OSError(f"{_tail_key(upload)} is shorter than its row says")
    return tail


def _delete_tails(upload: Upload) -> None:
    """Deletes all tail objects of an upload: S3 objects with bytes that were too few for an S3 part.

    It also deletes a tail object that a server stored just before it was killed, so that the row of the upload does not
    mention this object.
    """
    if not upload.parts:
        return
    s3, bucket = _client_and_bucket()
    names = [{"Key": _tail_key(upload, number)} for number in range(len(upload.parts["done"]) + 2)]
    for start in range(0, len(names), 1000):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": names[start : start + 1000], "Quiet": True})
