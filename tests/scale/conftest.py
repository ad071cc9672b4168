import pytest

from tests.conftest import require_service
from tests.scale.environment import CLIENT_CORE, on_core, stage


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def made(request, tmp_path_factory, django_db_blocker):
    """Yields a `Stage`: users, conversations, our server and the tutorial's server, on SQLite and then on PostgreSQL.

    The tests run on another processor core than the servers.
    """
    postgres = require_service("postgres") if request.param == "postgres" else None
    folder = tmp_path_factory.mktemp(request.param)
    with on_core(CLIENT_CORE), stage(folder, "daphne", postgres, people=400, unblocked=django_db_blocker.unblock) as it:
        yield it
