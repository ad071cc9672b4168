"""Serves static files, also those of the release before and after the running one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

_HASHED = re.compile(r"\.[0-9a-f]{12}\.\w+$")


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise that also finds files which `collectstatic` has written since this process started.

    During a rolling upgrade, the page comes from a process of the new version, and its scripts may be requested from
    one of the old version. WhiteNoise itself lists the files only once, when the process starts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        super().__init__(get_response)
        if self.static_root and not self.autorefresh:  # where `find_file` looks
            self.directories.append((os.path.join(os.path.abspath(self.static_root), ""), self.static_prefix))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override]  # so does WhiteNoise's
        path = request.path_info
        is_new = path.startswith(self.static_prefix) and path not in self.files and _HASHED.search(path)
        if is_new and not self.autorefresh and (found := self.find_file(path)) is not None:
            self.files[path] = found
        return super().__call__(request)
