"""Switches off the indexing of new messages, to measure what it costs (see tests/scale/search_cost.py)."""

from django.apps import AppConfig


class WithoutSearch(AppConfig):
    name = "tests.scale.without_search"

    def ready(self) -> None:
        from chat.actions import search_index

        search_index.add_new_messages = lambda sends: None
