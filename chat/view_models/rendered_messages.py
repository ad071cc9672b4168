"""Caches the HTML of messages in the memory of this process.

The key of an entry contains everything that its HTML shows, so an entry is never outdated. Entries are removed
nevertheless, so that a deleted message does not stay in memory: at once in the process that deletes it, and after
MAX_AGE in the others.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable
from threading import Lock

MAX_ENTRIES = 2048
MAX_AGE = 600.0  # seconds


class RenderedMessages:
    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, tuple[int, float, str]] = OrderedDict()  # oldest first
        self._keys_by_conversation: defaultdict[int, set[Hashable]] = defaultdict(set)
        self._lock = Lock()

    def get(self, conversation_id: int, key: Hashable, render: Callable[[], str]) -> str:
        """Returns the HTML with this key. Calls `render` if the cache does not have it."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None:
            return entry[2]
        html = render()
        with self._lock:
            now = time.monotonic()
            self._remove(key)
            self._entries[key] = conversation_id, now, html
            self._keys_by_conversation[conversation_id].add(key)
            while len(self._entries) > MAX_ENTRIES or self._oldest_time() < now - MAX_AGE:
                self._remove(next(iter(self._entries)))
        return html

    def remove_conversation(self, conversation_id: int) -> None:
        """Removes all messages of a conversation: others than the deleted one may quote it."""
        with self._lock:
            for key in list(self._keys_by_conversation.get(conversation_id, ())):
                self._remove(key)

    def _oldest_time(self) -> float:
        return next(iter(self._entries.values()))[1]

    def _remove(self, key: Hashable) -> None:
        if (entry := self._entries.pop(key, None)) is None:
            return
        keys = self._keys_by_conversation[entry[0]]
        keys.discard(key)
        if not keys:
            del self._keys_by_conversation[entry[0]]


rendered_messages = RenderedMessages()
