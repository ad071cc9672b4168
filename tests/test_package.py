"""Tests of the package: the wheel is built, installed into a new environment, and run in an empty folder.

The environment uses the installed libraries of the test environment, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from tests.processes import Program
from tests.settings import SECRET

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # The build backend is called directly: pip would install it from a package registry.
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / built.stdout.split()[-1]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Returns the folder with the programs of a new virtual environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    libraries = sysconfig.get_path("purelib")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (packages / "libraries.pth").write_text(libraries + "\n")
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    return folder / "bin"


class InstalledSite(Program):
    """The server of the installed package, started with the command `messenger serve` in an empty folder."""

    name = "installed"

    def __init__(self, folder: Path, programs: Path, **variables: str):
        super().__init__(folder)
        self.programs = programs
        self.variables = variables

    def command(self):
        return [self.programs / "messenger", "serve"]

    def environment(self):
        inherited = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        return {**inherited, "SECRET_KEY": SECRET, "PORT": str(self.port), **self.variables}

    def popen_options(self) -> dict:
        return {"cwd": self.folder}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / "messenger", *arguments],
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.folder,
            timeout=120,
        )

    def get(self, path: str, **headers: str) -> tuple[str, str]:
        """Returns the content type and the text of a response with status 200."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.headers["Content-Type"], response.read().decode()


def test_the_wheel_contains_pages_scripts_translations_and_licences(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "static", "locale"):
        sources = {
            f"messenger/resources/{path.relative_to(ROOT).as_posix()}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
        }
        assert sources <= names
    licences = {name.partition(".dist-info/licenses/")[2] for name in names} - {""}
    assert licences >= {"LICENSE", "NOTICE.md", "static/vendor/emoji/LICENSE"}
    # A new app must be named in `packages` of pyproject.toml ([tool.hatch.build.targets.wheel]).
    apps = {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    folders = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert folders == {app for app in apps if (ROOT / app).is_dir()}


@pytest.mark.long
def test_an_installed_package_serves_styled_pages_from_an_empty_folder(environment, tmp_path):
    """It also finds its translations, and its worker starts."""
    site = InstalledSite(tmp_path, environment)
    for command in (["migrate", "--no-input"], ["collectstatic", "--no-input"]):
        done = site.run(*command)
        assert done.returncode == 0, done.stderr
    with site:
        _, page = site.get("/accounts/login/")
        sheet = re.search(r'href="(/static/[^"]+\.css)"', page)
        assert sheet, page
        content_type, css = site.get(sheet[1])
        assert content_type.startswith("text/css")
        assert "--" in css
        script = re.search(r'src="(/static/[^"]+\.js)"', page)
        assert script, page
        assert site.get(script[1])[0].startswith("text/javascript")
        _, chinese = site.get("/accounts/login/", **{"Accept-Language": "zh-CN"})
        assert "登录" in chinese
        worker = subprocess.run(["pgrep", "-P", str(site.process.pid), "-f", "worker --sidecar"], capture_output=True)
        assert worker.returncode == 0, site.tail()
    assert (tmp_path / "var" / "messenger.sqlite3").exists()
    assert "Traceback" not in site.log.read_text()


def test_messenger_without_arguments_prints_its_commands(environment, tmp_path):
    site = InstalledSite(tmp_path, environment)
    printed = site.run()
    assert printed.returncode == 0
    for command in ("serve", "worker", "migrate", "doctor", "backup", "restore", "import_sqlite"):
        assert re.search(rf"^  {command} ", printed.stdout, re.MULTILINE), command
    assert list(tmp_path.iterdir()) == []  # not even a folder for data

    listed = site.run("help", "--commands").stdout.split()
    mentioned = re.findall(r"^  (\w+)  ", printed.stdout, re.MULTILINE)
    assert set(mentioned) - {"serve"} <= set(listed)


def test_an_unknown_command_is_named(environment, tmp_path):
    done = InstalledSite(tmp_path, environment).run("serf")
    assert done.returncode == 1
    assert "Unknown command: 'serf'" in done.stderr
    assert "Type 'messenger help' for usage." in done.stderr


def test_each_vendored_folder_has_a_licence_and_a_notice():
    notice = (ROOT / "NOTICE.md").read_text()
    for folder in (ROOT / "static" / "vendor").iterdir():
        licence = next((folder / name for name in ("LICENSE", "LICENCE") if (folder / name).exists()), None)
        assert licence, folder
        assert licence.relative_to(ROOT).as_posix() in notice
