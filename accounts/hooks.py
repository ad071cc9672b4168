"""Where other apps are told what happens to a person, since accounts may not import them.

An app appends its functions in `AppConfig.ready`. They are called in the same thread, after commit.
"""

from __future__ import annotations

from collections.abc import Callable

profile_changed: list[Callable[[int], object]] = []  # user id: the name, user name or picture that others see is new
presence_choice_changed: list[Callable[[int], object]] = []  # user id: they begin to hide, or show, that they are here
