"""A real S3 server for tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.processes import Program
from tests.services.common import ServiceDescription, ServiceUnavailable


class S3Server(Program):
    """The S3 server of the package moto, started for the tests. It does not check signatures of requests."""

    name = "s3"
    bucket = "messenger"
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

    def __init__(self, folder: Path):
        super().__init__(folder)
        try:
            import moto
        except ImportError:
            raise ServiceUnavailable("S3: moto is not installed") from None
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{self.bucket}?endpoint={self.endpoint}&region=us-east-1"
        self.description = ServiceDescription(f"S3 moto {moto.__version__}", "wheel")

    def command(self):
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, **self.credentials}

    def start(self, wait: bool = True) -> None:
        super().start(wait)
        if wait:
            self.client().create_bucket(Bucket=self.bucket)

    def client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


class ExternalS3:
    credentials: Mapping[str, str] = {}  # the environment contains them already

    def __init__(self, url: str):
        self.url = url
        self.description = ServiceDescription("S3", "given")
