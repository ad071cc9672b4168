"""The text that pages, forms and the admin show to users for an ApplicationError."""

from __future__ import annotations

import math

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messenger.core.errors import ApplicationError


def error_message(error: ApplicationError) -> str:
    """Returns the text that users see for an error, in the active language.

    Some codes have a `detail` that is written for developers, so this function has another text for these codes. For
    all other codes it returns `detail`.
    """
    if error.code == "rate_limited":
        seconds = max(math.ceil(error.retry_after or 1), 1)
        return ngettext("Too fast. Try again in %(n)d second.", "Too fast. Try again in %(n)d seconds.", seconds) % {
            "n": seconds
        }
    messages_by_code = {
        "not_found": _("This doesn’t exist, or you don’t have access to it."),
        "unavailable": _("Something went wrong. Try again in a moment."),
        "conflict": _("This was already sent. Send it again if you want it twice."),
    }
    if error.code in messages_by_code:
        return messages_by_code[error.code]
    detail = str(error.detail)
    return detail if detail and detail != "Not allowed." else _("You’re not allowed to do this.")
