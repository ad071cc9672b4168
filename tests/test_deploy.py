"""Tests of the files for running a site: Procfile, Dockerfile, deploy/compose.yaml, deploy/systemd.

There is no Docker where tests run. So the steps of the Dockerfile are executed without it, in a folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from tests.conftest import require_program
from tests.databases import (
    ROOT,
    collected_static,
    copy_sqlite_template,
    describe_bundles,
    production_environment,
)
from tests.processes import Program

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
COMPOSE_TEXT = (ROOT / "deploy" / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


class ProcfileLine(Program):
    """A line of the Procfile, started as process managers do: by a shell, in the project folder, with PORT set."""

    def __init__(self, folder: Path, name: str, line: str):
        self.name, self.line = name, line
        super().__init__(folder)

    def command(self):
        return ["bash", "-c", self.line]

    def environment(self):
        return production_environment(DATA_DIR=str(self.folder / "data"), PORT=str(self.port))

    def popen_options(self) -> dict:
        return {"cwd": ROOT}


def test_no_line_of_the_procfile_ends_by_itself(tmp_path):
    """Process managers such as honcho stop everything as soon as one line ends."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines.keys() >= {"web", "worker"}
    copy_sqlite_template(tmp_path / "data")
    (tmp_path / "data" / "static").symlink_to(collected_static())
    programs = [ProcfileLine(tmp_path, name, lines[name]) for name in sorted(lines, key=lambda name: name != "web")]
    try:
        for program in programs:
            program.start(wait=False)
        programs[0].wait_until_ready()
        time.sleep(3)
        for program in programs:
            assert program.running, program.tail()
            assert "Traceback" not in program.tail()
    finally:
        for program in programs:
            program.kill()


# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_systemd_units_are_valid(tmp_path):
    require_program("systemd-analyze", "systemd")
    units = []
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        # The program does not exist here, and a template needs an instance.
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
        units.append(tmp_path / unit.name.replace("@", "@8000"))
        units[-1].write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "messenger" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_systemd_units_start_commands_that_exist():
    for unit in (ROOT / "deploy" / "systemd").glob("*.service"):
        command = re.search(r"(?m)^ExecStart=/srv/messenger/bin/messenger (\w+)", unit.read_text())
        assert command and _is_command(command[1]), unit.name


# ── Compose ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_compose_runs_all_services_and_knows_its_variables():
    services = COMPOSE["services"]
    assert set(services) == {"caddy", "setup", "web", "worker", "postgres", "redis", "s3", "coturn"}
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    for variable in re.findall(r"\$\{(\w+)", COMPOSE_TEXT):
        assert re.search(rf"(?m)^#?{variable}=", example), variable
    for variable in re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT):
        assert re.search(rf"(?m)^{variable}=", example), f"{variable} is required"


def test_compose_sets_only_variables_that_are_documented():
    documented = (ROOT / "docs" / "running.md").read_text()
    pending = {"TURN_URL", "TURN_SECRET"}  # of calls, which come with their own documentation
    for variable in set(COMPOSE["x-messenger"]["environment"]) - pending:
        assert f"`{variable}`" in documented, variable


def test_compose_trusts_only_the_network_of_the_proxy():
    (network,) = COMPOSE["networks"]["edge"]["ipam"]["config"]
    assert COMPOSE["x-messenger"]["environment"]["TRUSTED_PROXIES"] == network["subnet"]
    members = [name for name, service in COMPOSE["services"].items() if "edge" in service.get("networks", [])]
    assert members == ["caddy", "web"]


# ── Dockerfile ───────────────────────────────────────────────────────────────────────────────────────────────────
def instructions() -> list[tuple[str, str]]:
    """Returns the instructions of the Dockerfile as pairs of keyword and arguments, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return [(keyword, rest) for keyword, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def copied_files() -> list[str]:
    """Returns the files that `COPY . .` copies: all of the repository that .dockerignore does not name."""
    ignored = set((ROOT / ".dockerignore").read_text().splitlines())
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    files = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [name for name in files if name.partition("/")[0] not in ignored and not name.startswith(".")]


def test_the_image_contains_the_package_and_runs_without_rights():
    folders = {name.partition("/")[0] for name in copied_files() if "/" in name}
    apps = {app.partition(".")[0] for app in settings.INSTALLED_APPS}
    assert folders == {app for app in apps if (ROOT / app).is_dir()} | {"locale", "static", "templates"}
    assert ("COPY", ". .") in instructions()
    assert ("USER", "10001") in instructions()
    (check,) = [rest for keyword, rest in instructions() if keyword == "HEALTHCHECK"]
    assert "/healthz" in check
    (command,) = [json.loads(rest) for keyword, rest in instructions() if keyword == "CMD"]
    assert command == ["messenger", "serve"]


@pytest.mark.long
def test_the_steps_of_the_dockerfile_build_an_image_that_serves_pages(tmp_path):
    """Executes RUN and COPY in one folder instead of images. Leaves out the system packages and the user."""
    app, source, data = tmp_path / "app", tmp_path / "src", tmp_path / "data"
    require_program("npm", "npm")
    source.mkdir()
    data.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
    # `python` and `pip` of the image: a virtual environment with pip.
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "base"], check=True)
    environment["PATH"] = f"{tmp_path / 'base' / 'bin'}:{environment['PATH']}"
    subprocess.run(["pip", "install", "--quiet", "--upgrade", "pip"], check=True, env=environment)
    for keyword, rest in instructions():
        if (keyword, rest) == ("COPY", ". ."):
            for name in copied_files():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, source / name)
        elif keyword == "COPY" and "--from" not in rest:
            *names, target = rest.split()
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, source / target)
                else:
                    (source / target).mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, source / target)
        elif keyword == "RUN" and "apt-get" not in rest:
            step = rest.replace("/app", str(app))
            done = subprocess.run(["bash", "-ec", step], cwd=source, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"

    class Container(Program):
        name = "container"

        def command(self):
            return [app / "bin" / "messenger", "serve"]

        def environment(self):
            variables = production_environment(DATA_DIR=str(data), PORT=str(self.port), HOST="127.0.0.1")
            return variables | {"PATH": f"{app / 'bin'}:{os.environ['PATH']}"}

        def popen_options(self) -> dict:
            return {"cwd": data}

    container = Container(tmp_path)
    for command in ("migrate --no-input", "collectstatic --no-input --verbosity 0"):
        subprocess.run([app / "bin" / "messenger", *command.split()], check=True, env=container.environment(), cwd=data)
    with container:
        page = subprocess.run(
            ["curl", "--silent", "--fail", f"http://127.0.0.1:{container.port}/accounts/login/"], capture_output=True
        )
        assert b"stylesheet" in page.stdout
    assert describe_bundles(data / "static"), "the image needs no bundler, because it contains the bundles"
    assert not list(app.rglob("pip")), "pip is not in the image"


def _is_command(name: str) -> bool:
    from django.core.management import get_commands

    return name == "serve" or name in get_commands()
