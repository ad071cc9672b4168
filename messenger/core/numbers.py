"""Parses numbers in URLs, forms and headers."""

from __future__ import annotations

MAX_DIGITS = 18  # such a number, and the sum of two of them, fits in a 64-bit column


def is_id(text: str) -> bool:
    """Returns whether the text consists of 1 to 18 ASCII digits.

    (`int()` would also accept spaces, signs and other digits.)
    """
    return text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS


def parse_id(text: str | None) -> int | None:
    """Returns the number in the text, or None if the text does not consist of 1 to 18 digits."""
    return int(text) if text and is_id(text) else None
