import pytest

from tests.conftest import require_service
from tests.scale.environment import CLIENT_CORE, on_core, start_environment


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def environment(request, tmp_path_factory, django_db_blocker):
    """Yields an `Environment`: users, conversations, our server and the tutorial's. On SQLite, then on PostgreSQL.

    The tests run on another processor core than the servers.
    """
    postgres = require_service("postgres") if request.param == "postgres" else None
    folder = tmp_path_factory.mktemp(request.param)
    started = start_environment(folder, "daphne", postgres, user_count=400, unblocked=django_db_blocker.unblock)
    with on_core(CLIENT_CORE), started as environment:
        yield environment
