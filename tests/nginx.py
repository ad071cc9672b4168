"""A real nginx in front of the servers of a test, with the configuration of the repository (deploy/nginx.conf)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.databases import ROOT
from tests.processes import Program
from tests.services import ServiceDescription, ServiceUnavailable, find_version

SHIPPED = ROOT / "deploy" / "nginx.conf"


class Nginx(Program):
    """Runs nginx with deploy/nginx.conf, in which only addresses, paths and TLS are replaced.

    `backends` are the ports of the two servers, and `data_dir` is their DATA_DIR.
    """

    name = "nginx"

    def __init__(self, folder: Path, backends: Sequence[int], data_dir: Path):
        super().__init__(folder)
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if binary is None:
            raise ServiceUnavailable("nginx: no nginx on the machine")
        self.binary = binary
        self.description = ServiceDescription(f"nginx {find_version(binary, '-v')}", "machine")
        self.url = f"http://127.0.0.1:{self.port}"
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(
            f"pid {folder}/nginx.pid;\nerror_log {folder}/nginx-error.log;\nworker_processes 1;\n"
            "events { worker_connections 1000; }\n"
            f"http {{\naccess_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n"
            f"fastcgi_temp_path {folder}/f;\nuwsgi_temp_path {folder}/u;\nscgi_temp_path {folder}/s;\n"
            f"{self._site(backends, data_dir)}\n}}\n"
        )

    def _site(self, backends: Sequence[int], data_dir: Path) -> str:
        text = SHIPPED.read_text()
        text = re.sub(r"server \{\n    listen 80;.*?\n\}\n", "", text, flags=re.DOTALL)  # the redirect to https
        text = re.sub(r"    (ssl_|listen \[::\]).*\n", "", text)
        for old, new in {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port};",
            "127.0.0.1:8000": f"127.0.0.1:{backends[0]}",
            "127.0.0.1:8001": f"127.0.0.1:{backends[1]}",
            "chat.example.org": "127.0.0.1",
            "/srv/messenger": str(data_dir),
        }.items():
            assert old in text, f"deploy/nginx.conf has no {old!r}"
            text = text.replace(old, new)
        return text

    def command(self):
        return [self.binary, "-p", self.folder, "-c", self.configuration, "-g", "daemon off;"]
