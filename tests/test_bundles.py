"""Tests of the bundles of scripts that production serves, and of production without them."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command

from messenger.assets import bundles
from messenger.assets.scripts import ENTRY
from tests.databases import ROOT, collected_static, describe_bundles

STATIC = ROOT / "static"
WORKERS = {"js/composer/files/hash-worker.js"}  # programs of their own, which share no state with the page
NO_MODULES = {"js/lib/time-zone.js"}  # runs before the page is shown


def require_bundler() -> None:
    """Skips the test without the bundler. On CI it must be there."""
    from tests.conftest import require_program

    require_program("npm", "npm")
    assert bundles.find_bundler(), "run: npm ci"


@pytest.fixture(scope="module")
def described() -> dict:
    require_bundler()
    return describe_bundles(collected_static())


def test_each_module_is_in_exactly_one_bundle(described):
    modules = [module for name, bundle in described.items() if name not in WORKERS for module in bundle["modules"]]
    assert len(modules) == len(set(modules))
    sources = {path.relative_to(STATIC).as_posix() for path in STATIC.glob("js/**/*.js")}
    assert {module for module in modules if module.startswith("js/")} == sources - WORKERS - NO_MODULES


def test_the_scripts_of_each_page_are_bundles(described):
    for template in (ROOT / "templates").rglob("*.html"):
        for attributes, name in re.findall(r'<script([^>]*) src="{% static "([^"]+)" %}"', template.read_text()):
            assert (name in described) == ("module" in attributes), f"{template.name}: {name}"
    assert set(described) >= WORKERS


def test_a_signed_in_page_starts_with_four_bundles(described):
    found, queue = {ENTRY}, [ENTRY]
    while queue:
        new = set(described[queue.pop()]["imports"]) - found
        found |= new
        queue += new
    assert len(found) <= 4, found


def test_bundles_with_code_of_others_begin_with_its_licence(described):
    seen = set()
    for name, bundle in described.items():
        for module in bundle["modules"]:
            if module.startswith("vendor/"):
                folder = (STATIC / module).parent
                (licence,) = [path for path in folder.iterdir() if path.name in {"LICENCE", "LICENSE"}]
                assert licence.read_text().strip() in (collected_static() / name).read_text()
                seen.add(folder.name)
    assert seen == {"tus-js-client", "noble-hashes"}


@pytest.fixture
def without_bundler(monkeypatch, tmp_path):
    monkeypatch.setattr(bundles, "find_bundler", lambda: "")
    monkeypatch.setattr(bundles, "BUILT", tmp_path / "built")
    return tmp_path / "built"


def test_bundles_that_were_made_before_are_used_while_they_fit_the_sources(without_bundler, caplog):
    module = STATIC / "js" / "pages" / "form-checks.js"
    description = {
        "bundles": {"js/pages/form-checks.js": {"imports": [], "modules": ["js/pages/form-checks.js"]}},
        "sources": {"js/pages/form-checks.js": hashlib.sha256(module.read_bytes()).hexdigest()},
    }
    bundle = without_bundler / "js" / "pages" / "form-checks.js"
    bundle.parent.mkdir(parents=True)
    bundle.write_text("form()")
    (without_bundler / "bundles.json").write_text(json.dumps(description))
    with bundles.open_bundles() as contents:
        assert contents["js/pages/form-checks.js"] == b"form()"
    assert caplog.text == ""

    description["sources"]["js/pages/form-checks.js"] = "of another version"
    (without_bundler / "bundles.json").write_text(json.dumps(description))
    with bundles.open_bundles() as contents:
        assert contents == {}
    assert "not bundled" in caplog.text and "npm ci" in caplog.text


def test_a_bundler_that_fails_is_reported_and_the_modules_are_served(without_bundler, monkeypatch, tmp_path, caplog):
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\necho 'SyntaxError: this Node.js is too old' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(bundles, "find_bundler", lambda: str(broken))
    with bundles.open_bundles() as contents:
        assert contents == {}
    assert "too old" in caplog.text


@pytest.fixture
def unbundled_static(without_bundler, settings, tmp_path) -> Path:
    """Returns a folder of static files that `collectstatic` has written on a machine without the bundler."""
    settings.DEBUG = False
    settings.STATIC_ROOT = tmp_path / "static"
    settings.INSTALLED_APPS = ["django.contrib.staticfiles"]  # the files of other apps take long
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "messenger.assets.storage.BundlingStaticFilesStorage"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path / "static"


@pytest.mark.browser
async def test_without_the_bundler_pages_load_the_modules_and_work(unbundled_static, make_site, browser_for):
    assert describe_bundles(unbundled_static) == {}
    site = make_site()
    link = site.folder / "data" / "static"
    link.unlink()
    link.symlink_to(unbundled_static)
    site.start()
    site.create_users("alice")
    page = await browser_for(site, "alice")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    await page.goto("/")
    await page.wait_for_selector("live-socket[data-state=open]", state="attached")
    scripts = [url for url in requested if url.endswith(".js")]
    assert len([url for url in scripts if "/js/lib/" in url]) > 5
    assert all(re.search(r"\.[0-9a-f]{12}\.js$", url) for url in scripts if "/static/" in url)
