"""`python -m tests.services` prints which services the tests would use, but starts no service."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.services.chromium import find_chromium
from tests.services.common import ServiceUnavailable
from tests.services.postgres import (
    postgres_binaries,
)
from tests.services.redis_server import create_redis_server
from tests.services.s3 import S3Server

with tempfile.TemporaryDirectory() as scratch:
    for find in (
        postgres_binaries,
        lambda: str(create_redis_server(Path(scratch)).description),
        lambda: str(S3Server(Path(scratch)).description),
        lambda: str(find_chromium().description),
    ):
        try:
            print(find())
        except ServiceUnavailable as error:
            print(error, file=sys.stderr)
