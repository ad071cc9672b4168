"""Finds the browser and the operating system in a User-Agent header, for example `Firefox, Linux`."""

from __future__ import annotations

# In this order: the header of each of these browsers contains the names of later ones too.
_BROWSERS = (
    ("MicroMessenger", "微信"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
MAX_LENGTH = 60  # characters of a header that is not recognised


def describe_user_agent(user_agent: str) -> str:
    """Returns the browser and the operating system of a User-Agent header, for example `Firefox, Linux`.

    If neither is known, returns the beginning of the header.
    """
    browser = next((name for token, name in _BROWSERS if token in user_agent), "")
    system = next((name for token, name in _SYSTEMS if token in user_agent), "")
    return ", ".join(filter(None, [browser, system])) or user_agent[:MAX_LENGTH]
