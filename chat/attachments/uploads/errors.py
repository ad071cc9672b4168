"""The errors of uploads, with the status codes of the tus protocol."""

from __future__ import annotations

from django.utils.translation import gettext as _

from messenger.core.errors import ApplicationError


class UploadError(ApplicationError):
    """An error with one of the status codes of the tus protocol: 409, 410, 412, 423 or 460."""

    def __init__(self, status: int, code: str, detail: str):
        super().__init__(code, detail)
        self._status = status

    @property
    def status(self) -> int:
        return self._status


def locked_error() -> UploadError:
    return UploadError(423, "conflict", _("Another request is uploading this file."))
