"""What the first page of a conversation weighs, compressed as it is shipped, with all styles and scripts it asks for."""

from __future__ import annotations

import gzip
import json

import pytest
from django.conf import settings

from tests.history import write_history
from tests.servers import collected_static

pytestmark = pytest.mark.usefixtures("transactional_db")

MOST = 150 * 1024


def packed(content: bytes) -> int:
    return len(gzip.compress(content, 9))


def test_the_first_page_of_a_conversation_is_under_150_kb_compressed(browser, alice, bob, room):
    write_history(room.pk, [bob.pk, alice.pk], 200)
    page = browser(alice).get(f"/c/{room.pk}/?newest=1")
    links = [link for link in page.all("link") if link["rel"] in {"stylesheet", "modulepreload"}]
    asked = {link["href"] for link in links} | {script["src"] for script in page.all("script") if "src" in script.attrs}
    asked |= {use["href"].split("#")[0] for use in page.all("use")}  # the sheet of icons
    weights = {"the page": packed(page.html.encode())}
    shipped = json.loads((collected_static() / "staticfiles.json").read_text())["paths"]
    for address in sorted(asked):
        name = address.removeprefix(settings.STATIC_URL)
        path = collected_static() / shipped[name]
        packed_already = [path.with_name(path.name + end) for end in (".br", ".gz")]
        there = [each.stat().st_size for each in packed_already if each.exists()]
        weights[name] = there[0] if there else path.stat().st_size  # too small to be worth packing
    kinds = {
        kind: sum(weight for name, weight in weights.items() if name.endswith(kind))
        for kind in (".css", ".js", ".svg", "page")
    }
    total = sum(weights.values())
    print(f"{total / 1024:.1f} KB in all: " + ", ".join(f"{kind} {size / 1024:.1f}" for kind, size in kinds.items()))
    assert len(asked) > 20
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:8]
    assert total < MOST, f"{total / 1024:.1f} KB: {heaviest}"
