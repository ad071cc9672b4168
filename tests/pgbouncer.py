"""A real pgbouncer in front of the PostgreSQL of a test, with the configuration of the repository."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.databases import ROOT
from tests.processes import Program
from tests.services.postgres import accepts_connections, unprivileged_user

SHIPPED = ROOT / "deploy" / "pgbouncer.ini"
POOL = 6  # connections to PostgreSQL


class Pgbouncer(Program):
    """Runs pgbouncer with deploy/pgbouncer.ini, in which only addresses, passwords and the size of the pool differ.

    `binary` is the path of pgbouncer, and `database_url` the URL of the database on PostgreSQL. `url` is the URL of the
    same database through pgbouncer.
    """

    name = "pgbouncer"

    def __init__(self, folder: Path, binary: str, database_url: str):
        super().__init__(folder)
        self.binary = binary
        address = urlsplit(database_url)
        self.url = urlunsplit(address._replace(netloc=f"{address.username}@127.0.0.1:{self.port}"))
        self.users = folder / "userlist.txt"
        self.users.write_text(f'"{address.username}" ""\n')
        self.configuration = folder / "pgbouncer.ini"
        text = SHIPPED.read_text()
        for old, new in {
            "messenger = host=db.example.org port=5432 dbname=messenger": (
                f"{address.path.lstrip('/')} = host={address.hostname} port={address.port}"
            ),
            "listen_port = 6432": f"listen_port = {self.port}\nunix_socket_dir =",
            "auth_type = scram-sha-256": "auth_type = trust",
            "/etc/pgbouncer/userlist.txt": str(self.users),
            "default_pool_size = 40": f"default_pool_size = {POOL}",
        }.items():
            assert old in text, f"deploy/pgbouncer.ini has no {old!r}"
            text = text.replace(old, new)
        self.configuration.write_text(text)
        for parent in (folder, *folder.parents[:3]):  # pgbouncer refuses to run as root, and pytest's folders are 0700
            if parent.stat().st_mode & 0o777 == 0o700:
                parent.chmod(0o711)

    def command(self):
        return [self.binary, self.configuration]

    def popen_options(self) -> dict:
        return unprivileged_user()

    def is_ready(self) -> bool:
        return accepts_connections(self.url)
