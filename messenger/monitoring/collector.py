"""Builds the Prometheus metrics of this process from its counters, when they are requested."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from messenger.core import file_descriptors
from messenger.core.errors import ApplicationError
from messenger.core.metrics import BOUNDS, Durations, metrics
from messenger.live.hub import peek_hub

PROCESS = "process"  # label: the port and process id, so that figures of several processes can be told apart and summed


def process_label() -> str:
    return f"{settings.PORT}:{os.getpid()}"


def collect() -> list[Metric]:
    """Returns all metrics of this process. Makes two queries, so it is called in a database thread."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(namespace="messenger", registry=registry)
    families = [*_connections(), *_commands(), *_requests(), *_queues(), *_process(), *_worker(), *registry.collect()]
    for family in families:
        family.samples = [
            sample._replace(labels={PROCESS: process_label(), **sample.labels}) for sample in family.samples
        ]
    return families


def _counter(name: str, text: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    family = CounterMetricFamily(f"messenger_{name}", text, labels=labels)
    for label_values, value in values:
        family.add_metric([str(label) for label in label_values], value)
    return family


def _gauge(name: str, text: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"messenger_{name}", text, labels=labels)
    for label_values, value in values:
        family.add_metric([str(label) for label in label_values], value)
    return family


def _histogram(name: str, text: str, values: Iterable[tuple[tuple[str, ...], Durations]], *labels: str) -> Metric:
    family = HistogramMetricFamily(f"messenger_{name}", text, labels=labels)
    for label_values, durations in values:
        counts, buckets = 0, []
        for bound, count in zip((*BOUNDS, "+Inf"), durations.buckets, strict=True):
            counts += count
            buckets.append((str(bound), counts))
        family.add_metric(list(label_values), buckets, sum_value=durations.total)
    return family


def _each(counter: dict) -> Iterator[tuple[tuple[str, ...], float]]:
    for key, value in list(counter.items()):
        yield (key if isinstance(key, tuple) else (key,)), value


def _connections() -> Iterator[Metric]:
    hub = peek_hub()
    users = len(hub.users) if hub else 0
    open_connections = sum(len(user.connections) for user in list(hub.users.values())) if hub else 0
    conversations = len(hub.conversations) if hub else 0
    yield _gauge("connections", "Open WebSocket connections.", [((), open_connections)])
    yield _gauge("connected_users", "Users with an open WebSocket connection to this process.", [((), users)])
    yield _gauge("watched_conversations", "Conversations with a connected member.", [((), conversations)])
    yield _counter("closed_connections", "Connections closed by the server.", _each(metrics.closed_connections), "code")
    yield _counter("rejected_handshakes", "WebSockets not opened.", _each(metrics.rejected_handshakes), "code")


def _commands() -> Iterator[Metric]:
    yield _counter("commands", "WebSocket commands received.", _each(metrics.commands), "command")
    yield _counter("refusals", "Commands answered with an error.", _each(metrics.refusals), "code")
    yield _counter("deliveries", "Events queued for connections: events × recipients.", [((), metrics.deliveries)])
    text = "Events that got lost between processes and were read from the database."
    yield _counter("missed_events", text, [((), metrics.missed_events)])


def _requests() -> Iterator[Metric]:
    yield _counter("http_requests", "HTTP requests.", _each(metrics.requests), "method", "status")
    text = "Seconds from an HTTP request to the end of its response, without uploads and downloads."
    yield _histogram("http_request_seconds", text, [((), metrics.request_seconds)])


def _queues() -> Iterator[Metric]:
    text = "Seconds from a command to its answer: messages (sends) and read markers (marks)."
    each = (((name,), durations) for name, durations in list(metrics.batch_seconds.items()))
    yield _histogram("answer_seconds", text, each, "queue")
    yield _gauge("queue_waiting", "Commands without an answer yet.", _each(metrics.batch_waiting), "queue")
    text = "Work that database threads do, or that waits for them."
    yield _gauge("database_work", text, _each(metrics.threads_busy), "pool")


def _process() -> Iterator[Metric]:
    yield _gauge("event_loop_delay_seconds", "By how much the event loop was late.", [((), metrics.loop_delay)])
    yield _gauge("redis_down", "1 if events cannot be sent to other processes.", [((), metrics.is_redis_down)])
    limit = file_descriptors.get_limit()
    yield _gauge("file_descriptor_limit", "Files and sockets that may be open; 0: unlimited.", [((), limit)])
    collections = [((str(number),), stats["collections"]) for number, stats in enumerate(gc.get_stats())]
    yield _counter("garbage_collections", "Runs of Python's garbage collector.", collections, "generation")


def _worker() -> Iterator[Metric]:
    """Yields figures of the task queue. All processes read the same table: a dashboard takes their maximum."""
    try:
        counts = dict(DBTaskResult.objects.values_list("status").annotate(Count("pk")))
        due = DBTaskResult.objects.ready().aggregate(first=Min("enqueued_at"))["first"]
    except (DatabaseError, ApplicationError):
        return
    values = [((status.value.lower(),), counts.get(status.value, 0)) for status in TaskResultStatus]
    yield _gauge("tasks", "Background tasks in the table, by state.", values, "state")
    age = max((timezone.now() - due).total_seconds(), 0) if due else 0
    yield _gauge("oldest_task_seconds", "For how long the oldest task that is due has waited.", [((), age)])
