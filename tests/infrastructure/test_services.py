"""Tests that tests can start and stop PostgreSQL, Redis and an S3 server, and can kill them and start them again."""

import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict

from tests.services import ServiceRegistry, ServiceUnavailable


def test_databases_are_copies_of_their_template(postgres):
    template = postgres.create()
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute("CREATE TABLE words (word text)")
    copy = postgres.create(conninfo_to_dict(template)["dbname"])
    with psycopg.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM words").fetchone() == (0,)
    postgres.drop(copy)
    postgres.drop(template)


@pytest.mark.parametrize("how", ["kill", "immediate", "fast"])
def test_postgres_restarts_with_all_commits(postgres_server, how):
    url = postgres_server.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE words AS SELECT 'kept' AS word")
    if how == "kill":
        postgres_server.kill()
    else:
        postgres_server.stop(mode=how)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    postgres_server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM words").fetchone() == ("kept",)
    postgres_server.drop(url)


def test_the_server_terminates_connections(postgres_server):
    url = postgres_server.create()
    with psycopg.connect(url, autocommit=True) as connection:
        assert postgres_server.disconnect_all(url) == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres_server.drop(url)


def test_redis_is_empty_after_a_restart(redis_server):
    with redis_server.client() as client:
        client.set("word", "gone")
    redis_server.kill()
    redis_server.start()
    with redis_server.client() as client:
        assert client.get("word") is None


def test_a_frozen_redis_does_not_respond(redis_server):
    redis_server.pause()
    with redis.Redis.from_url(redis_server.url, socket_timeout=0.2) as client, pytest.raises(redis.TimeoutError):
        client.ping()
    redis_server.resume()
    assert redis_server.is_ready()


def test_s3_stores_an_object(s3):
    client = s3.client()
    client.put_object(Bucket=s3.bucket, Key="a", Body=b"kept")
    assert client.get_object(Bucket=s3.bucket, Key="a")["Body"].read() == b"kept"


def test_a_missing_service_is_named_in_the_summary(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TEST_CHROMIUM", raising=False)
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    registry = ServiceRegistry()
    with pytest.raises(ServiceUnavailable, match="Chromium"):
        registry.get("chromium")
    registry.skipped = 2
    assert "2 tests skipped for want of a service. Missing: Chromium" in registry.summary()
    registry.end()


def test_the_summary_names_the_services_of_all_processes():
    main, worker = ServiceRegistry(), ServiceRegistry()
    worker.descriptions["redis"], worker.missing["nginx"] = "Redis 7.0 (machine)", "nginx: not on this machine"
    worker.skipped = 1
    for _number in range(2):
        main.add_report(worker.report())
    for text in ("Real services: Redis 7.0 (machine)", "2 tests skipped", "Missing: nginx: not on this machine."):
        assert text in main.summary()
