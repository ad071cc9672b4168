"""Uploads by tus 1.0: beginning one, asking how far it is, giving it up. The bytes themselves (PATCH) are taken in by
chat/attachments/tus/receiver.py, ahead of Django, which would read a whole request before any view.
"""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.response import Response

from chat.api.base import Door, answer, done, lists, says
from chat.attachments import selectors, uploads
from chat.attachments.schemas import upload_schema
from chat.attachments.tus import headers
from chat.schemas import FileSchema, UploadSchema
from chat.serializers import DescribeSerializer, FilesQuery
from messenger.api import StrictJSONParser, page


class AnyBody(BaseParser):
    """tus puts all it says into headers; a body is let go by."""

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        return {}


class SignedInOrAsking(BasePermission):
    """What the server can do (OPTIONS) is no secret: tus clients ask before they sign in."""

    def has_permission(self, request, view) -> bool:
        return request.method == "OPTIONS" or bool(request.user and request.user.is_authenticated)


class Uploads(Door):
    permission_classes = [SignedInOrAsking]
    parser_classes = [StrictJSONParser, AnyBody]

    @extend_schema(
        summary="Begin an upload (tus 1.0): `Upload-Length`; in `Upload-Metadata` filename, alt, sha256, conversation",
        request=None,
        responses={201: None},
    )
    def create(self, request):
        headers.check_version(request.headers)
        about = headers.metadata_of(request.headers)
        upload = uploads.begin(
            self.person_id,
            headers.size_of(request.headers),
            about.get("filename") or about.get("name") or "",
            alt=about.get("alt", ""),
            sha256=about.get("sha256", ""),
            conversation_id=_number(about.get("conversation")),
            claims={name: _float(about.get(name)) for name in ("width", "height", "duration") if name in about},
        )
        if upload.size == 0:  # nothing will follow
            upload = uploads.take_nothing(upload)
        said = {"Location": headers.address(upload), **headers.said_of(upload)}
        return Response(status=201, headers=said)

    def options(self, request, *args, **kwargs):
        return Response(status=204, headers=headers.said_of_server())

    @extend_schema(summary="How far an upload is, in headers", responses={200: None})
    def head(self, request, upload_id: str):
        upload = uploads.look(self.person_id, upload_id)
        return Response(status=200, headers=headers.said_of(upload))

    @says(UploadSchema, "How far an upload is; once the file is whole, the attachment to send")
    def retrieve(self, request, upload_id: str):
        return answer(upload_schema(uploads.look(self.person_id, upload_id)))

    @says(
        UploadSchema, "Describe a picture that is not sent yet, for those who cannot see it", request=DescribeSerializer
    )
    def describe(self, request, upload_id: str):
        alt = self.given(DescribeSerializer)["alt"]
        return answer(upload_schema(uploads.describe(self.person_id, upload_id, alt)))

    @extend_schema(summary="Give an upload up: nothing of it is left", responses={204: None})
    def destroy(self, request, upload_id: str):
        uploads.give_up(self.person_id, upload_id)
        answered = done()
        answered["Tus-Resumable"] = headers.VERSION
        return answered


class Files(Door):
    @lists(FileSchema, "Files of a conversation, newest first", parameters=[FilesQuery])
    def list(self, request, conversation_id: int):
        return page(request, *selectors.files(self.person_id, conversation_id, **self.asked(FilesQuery)))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _float(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
