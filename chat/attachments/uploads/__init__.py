"""Resumable uploads: creates an upload, receives its bytes, completes it as an attachment, or cancels it.

The API, tus/receiver.py and page forms use these functions. A client sends a file in parts, one request for each part.
"""

from chat.attachments.uploads.creation import (
    MAX_ALT_LENGTH,
    check_conversation_quota,
    clean_alt_text,
    create_upload,
    format_megabytes,
    new_storage_key,
)
from chat.attachments.uploads.errors import UploadError
from chat.attachments.uploads.receiving import (
    CHECKSUMS,
    IncomingPart,
    complete_empty_upload,
    store_upload,
)
from chat.attachments.uploads.records import (
    cancel_upload,
    delete_upload,
    get_upload,
    list_owned_attachments,
    set_alt_text,
    set_expected_sha256,
)

__all__ = [
    "CHECKSUMS",
    "MAX_ALT_LENGTH",
    "IncomingPart",
    "UploadError",
    "cancel_upload",
    "check_conversation_quota",
    "clean_alt_text",
    "complete_empty_upload",
    "create_upload",
    "delete_upload",
    "format_megabytes",
    "get_upload",
    "list_owned_attachments",
    "new_storage_key",
    "set_alt_text",
    "set_expected_sha256",
    "store_upload",
]
