"""API views for uploads with the tus 1.0 protocol: create an upload, read how much of it is stored, cancel it.

Another view lists the files of a conversation. PATCH requests with the bytes of a file do not reach these views:
chat/attachments/tus/receiver.py handles them before Django, which would read the whole body before it calls a view.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec.structs import asdict
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from chat.attachments import selectors, uploads
from chat.attachments.schemas import upload_schema
from chat.attachments.tus import headers
from chat.payloads import DescribePayload, FileListQuery
from chat.schemas import FileSchema, UploadSchema
from messenger.core.numbers import parse_id
from messenger.rest.openapi import (
    ERROR_DESCRIPTIONS,
    error_response,
    error_responses,
    list_schema,
    no_content_schema,
    response_schema,
)
from messenger.rest.pagination import paginated_response
from messenger.rest.parsers import StrictJSONParser
from messenger.rest.permissions import IsAuthenticatedOrOptions
from messenger.rest.viewsets import ApiViewSet, no_content, respond


class IgnoreBodyParser(BaseParser):
    """A parser that accepts any content type and does not read the request body.

    Clients of the tus protocol send all parameters of an upload in headers.
    """

    media_type = "*/*"

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        return {}


def _header(name: str, description: str, *, of: list[int] | None = None, required: bool = True) -> OpenApiParameter:
    """Describes a header of requests. With `of`, a header of the responses with these statuses."""
    options: dict[str, Any] = {"response": of} if of else {"required": required}
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, **options)


TUS_RESUMABLE = _header("Tus-Resumable", "`1.0.0`")
WRONG_VERSION = "`invalid`: the header `Tus-Resumable: 1.0.0` is missing, or names another version."
ALREADY_SENT = "`conflict`: the file was sent already."
UPLOAD_OFFSET = "How many bytes are stored."
UPLOAD_ATTACHMENT = "Only of a complete upload: the id for `attachment_ids` of a message."


class UploadViewSet(ApiViewSet):
    permission_classes = [IsAuthenticatedOrOptions]
    parser_classes = [StrictJSONParser, IgnoreBodyParser]

    @extend_schema(
        summary="Create an upload (tus 1.0): `Upload-Length`; in `Upload-Metadata` filename, alt, sha256, conversation",
        description="The header `Location` of the response is the path of the upload. The bytes are sent to it with"
        " PATCH requests.",
        request=None,
        parameters=[
            TUS_RESUMABLE,
            _header("Upload-Length", "The size of the file in bytes."),
            _header(
                "Upload-Metadata",
                "Pairs of a name and a value in Base64, with commas between them: `filename bm90ZS50eHQ=`.",
                required=False,
            ),
            _header("Location", "The path of the upload.", of=[201]),
            _header("Upload-Offset", UPLOAD_OFFSET, of=[201]),
            _header("Upload-Attachment", UPLOAD_ATTACHMENT, of=[201]),
        ],
        responses={
            201: None,
            **error_responses(
                "invalid",
                "not_found",
                too_large="`too_large`: the file is too large, or exceeds the limit of the user or the conversation.",
            ),
            412: error_response(WRONG_VERSION),
        },
    )
    def create(self, request):
        headers.check_version(request.headers)
        metadata = headers.parse_metadata(request.headers)
        upload = uploads.create_upload(
            self.user_id,
            headers.parse_upload_length(request.headers),
            metadata.get("filename") or metadata.get("name") or "",
            alt=metadata.get("alt", ""),
            sha256=metadata.get("sha256", ""),
            conversation_id=parse_id(metadata.get("conversation")),
            claims={name: _parse_float(metadata[name]) for name in ("width", "height", "duration") if name in metadata},
        )
        if upload.size == 0:  # the client sends no PATCH request for an empty file
            upload = uploads.complete_empty_upload(upload)
        return Response(status=201, headers={"Location": headers.upload_url(upload), **headers.upload_headers(upload)})

    def options(self, request, *args, **kwargs):
        return Response(status=204, headers=headers.server_headers())

    def head(self, request, upload_id: str):
        upload = uploads.get_upload(self.user_id, upload_id)
        return Response(status=200, headers=headers.upload_headers(upload))

    @response_schema(UploadSchema, "Get the offset of an upload and, once it is complete, the attachment to send")
    def retrieve(self, request, upload_id: str):
        return respond(upload_schema(uploads.get_upload(self.user_id, upload_id)))

    @response_schema(
        UploadSchema,
        "Set the alt text of a picture that is not sent yet",
        request={"application/json": DescribePayload},
        errors={409: error_response(ALREADY_SENT)},
    )
    def describe(self, request, upload_id: str):
        alt = self.payload(DescribePayload).alt
        return respond(upload_schema(uploads.set_alt_text(self.user_id, upload_id, alt)))

    @no_content_schema("Cancel an upload and delete its bytes", errors={410: error_response(ALREADY_SENT)})
    def destroy(self, request, upload_id: str):
        uploads.cancel_upload(self.user_id, upload_id)
        return no_content({"Tus-Resumable": headers.TUS_VERSION})


def describe_tus_requests(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Adds the HEAD and PATCH requests of tus to the OpenAPI document (a hook of SPECTACULAR_SETTINGS).

    drf-spectacular leaves out all HEAD requests, and PATCH requests do not reach Django. The content type of a PATCH
    request is in its description only, because generators of clients warn of one that they do not know.
    """
    (operations,) = (each for path, each in result["paths"].items() if path.endswith("/uploads/{upload_id}/"))
    state_headers = {
        name: {"schema": {"type": "string"}, "description": description}
        for name, description in {
            "Upload-Offset": UPLOAD_OFFSET,
            "Upload-Length": "The size of the file in bytes.",
            "Upload-Expires": "Only of an incomplete upload: when it is deleted.",
            "Upload-Attachment": UPLOAD_ATTACHMENT,
        }.items()
    }
    retrieve, destroy = operations["get"], operations["delete"]
    without_bodies = {status: {"description": each["description"]} for status, each in retrieve["responses"].items()}
    operations["head"] = {
        **retrieve,
        "operationId": "uploads_head",
        "summary": "Ask how many bytes of an upload are stored (tus 1.0)",
        "responses": {**without_bodies, "200": {**without_bodies["200"], "headers": state_headers}},
    }
    error = {"content": destroy["responses"]["404"]["content"]}
    operations["patch"] = {
        **destroy,
        "operationId": "uploads_append",
        "summary": "Send the next bytes of an upload (tus 1.0)",
        "description": f"The body is bytes of the file, with the content type `{headers.PART_CONTENT_TYPE}`."
        " Libraries for tus 1.0 do this.",
        "parameters": [
            *destroy["parameters"],
            _header_parameter("Tus-Resumable", "`1.0.0`"),
            _header_parameter(
                "Upload-Offset", "How many bytes are stored: the position of the first byte of the body."
            ),
            _header_parameter(
                "Upload-Checksum",
                "A digest of the body in Base64: `sha256 47DEQ…`. With a wrong one, the status is 460.",
                is_required=False,
            ),
        ],
        "responses": {
            **{status: each for status, each in destroy["responses"].items() if status != "410"},
            "204": {"description": "The bytes are stored.", "headers": state_headers},
            **{status: {**error, "description": text} for status, text in PART_ERRORS.items()},
        },
    }
    return result


PART_ERRORS = {
    "400": ERROR_DESCRIPTIONS["invalid"],
    "409": "`conflict`: `Upload-Offset` is not the number of stored bytes.",
    "412": WRONG_VERSION,
    "413": "`too_large`: these are more bytes than `Upload-Length` said.",
    "415": "`unsupported`: another content type.",
    "460": "`invalid`: the checksum does not match the bytes; they are to be sent again.",
    "423": "`conflict`: another request is sending bytes of this file.",
}


def _header_parameter(name: str, description: str, *, is_required: bool = True) -> dict[str, Any]:
    required = {"required": True} if is_required else {}
    return {"in": "header", "name": name, "schema": {"type": "string"}, "description": description, **required}


class ConversationFileViewSet(ApiViewSet):
    @list_schema(FileSchema, "List the files of a conversation, newest first", parameters=[FileListQuery])
    def list(self, request, conversation_id: int):
        query = asdict(self.query(FileListQuery))
        files, cursor = selectors.list_files(self.user_id, conversation_id, **query)
        return paginated_response(request, files, cursor)


def _parse_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
