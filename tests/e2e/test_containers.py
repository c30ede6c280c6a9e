"""The container files without a container engine: the image's commands run as written under another
root, the rest rendered or checked as files.

What stands in for the engine, in `Image`: paths of the image are folders under the test's; the
locked packages are not downloaded but seen from this environment (`--require-hashes`); `useradd` is
not run; the port is a free one. The base image, the user, limits and networks are not tested.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.test_guides import ROOT
from tests.loopback import answers, free_port, until

DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
OWN = re.compile(r"(?<![\w.:/-])/(opt|src|etc|var|run)/")
pytestmark = [pytest.mark.net, pytest.mark.slow, pytest.mark.timeout(180)]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as pairs of word and rest, both stages in order."""
    lines = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if line.endswith("\\")], "lines that go on are not read here"
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


class Image:
    """The instructions of the Dockerfile, followed under `root`."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port, self.work = root, port, root
        self.env = {"PATH": os.environ["PATH"], "HOME": str(root / "var/lib/wattline")}
        self.found: dict[str, str] = {}
        for word, rest in instructions():
            getattr(self, f"_{word.lower()}", self._note)(word, rest)

    def own(self, text: str) -> str:
        """Text with the image's paths and port as they are here."""
        return OWN.sub(rf"{self.root}/\1/", text).replace("8000", str(self.port))

    def _note(self, word: str, rest: str) -> None:
        self.found[word] = rest

    def _from(self, _: str, rest: str) -> None:
        assert re.match(r"python:3\.\d+-slim\b", rest)
        self.env["PATH"] = os.environ["PATH"]

    def _workdir(self, _: str, rest: str) -> None:
        self.work = Path(self.own(f"{rest}/"))  # /src has no more of a path
        self.work.mkdir(parents=True, exist_ok=True)

    def _copy(self, _: str, rest: str) -> None:
        source, target = rest.split()[-2:]
        if rest.startswith("--from=build"):
            assert source == target, "an environment is not moved"
            assert Path(self.own(f"{source}/bin/wattline")).exists()
        elif source == ".":
            ignored = [
                i.removeprefix("**/")
                for i in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
            ]
            shutil.copytree(
                ROOT,
                self.work,
                dirs_exist_ok=True,
                ignore=lambda at, names: _ignored(Path(at), names, ignored),
            )
        else:
            (self.work / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, self.work / target)

    def _env(self, _: str, rest: str) -> None:
        for name, value in (pair.split("=", 1) for pair in rest.split()):
            self.env[name] = self.own(f"{value}/").rstrip("/").replace("$PATH", self.env["PATH"])

    def _run(self, _: str, rest: str) -> None:
        for command in rest.split(" && "):
            if command.startswith("useradd"):
                assert "--uid 10001" in command and "--home-dir /var/lib/wattline" in command
            elif "--require-hashes" in command:
                assert (self.work / command.split()[-1]).exists()
                (packages,) = (self.root / "opt/wattline").glob("lib/python*/site-packages")
                (packages / "others.pth").write_text(
                    sysconfig.get_path("purelib") + "\n", encoding="utf-8"
                )
            else:
                self._shell(command)

    def _shell(self, command: str) -> None:
        mine = re.sub(
            r"^python ",
            f"{sys.executable} ",
            self.own(command).replace("pip install", "pip install -q --no-index"),
        )
        done = subprocess.run(
            mine,
            shell=True,
            cwd=self.work,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def listed(self, word: str) -> list[str]:
        """An instruction in the form of a list, such as ENTRYPOINT."""
        return [self.own(part) for part in json.loads(self.found[word])]

    def healthy(self) -> bool:
        """What the HEALTHCHECK says."""
        options, _, command = self.found["HEALTHCHECK"].partition(" CMD ")
        assert "--timeout=5s" in options.split()
        listed = [self.own(part) for part in json.loads(command)]
        return (
            subprocess.run(
                listed, env=self.env, cwd=self.work, capture_output=True, timeout=20, check=False
            ).returncode
            == 0
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """The container's process; ended as the engine ends it."""
        command = [*self.listed("ENTRYPOINT"), *self.listed("CMD")]
        command[0] = shutil.which(command[0], path=self.env["PATH"]) or "?"
        assert command[0].startswith(str(self.root))
        process = subprocess.Popen(
            command, cwd=self.work, env=self.env, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.send_signal(getattr(signal, self.found["STOPSIGNAL"]))
            assert process.wait(30) == 0, "must end clean within stop_grace_period"


def _ignored(at: Path, names: list[str], patterns: list[str]) -> set[str]:
    """`dist` and the like only at the top; the built page lies deeper."""
    deep = {"__pycache__", "node_modules"}
    return {
        n for n in names for p in patterns if fnmatch.fnmatch(n, p) and (at == ROOT or n in deep)
    }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if not (ROOT / "dashboards/live/dist/index.html").exists():
        pytest.skip("the live page is not built (make page), and the Dockerfile asks for it")
    return Image(tmp_path_factory.mktemp("image"), free_port())


def test_the_image_runs(image: Image) -> None:
    plant = Path(image.own("/etc/wattline/plant.yaml"))
    plant.parent.mkdir(parents=True)
    made = subprocess.run(
        [*image.listed("ENTRYPOINT"), "init", str(plant)],
        env=image.env,
        cwd=image.work,
        check=False,
    )
    assert made.returncode == 0
    plant.write_text(
        plant.read_text(encoding="utf-8").replace("192.0.2.20:502", "127.0.0.1:1"), encoding="utf-8"
    )
    assert not image.healthy(), "nothing runs yet"
    with image.running() as process:
        until(image.healthy, 60, "a healthy container")
        (container,) = documents("kubernetes/wattline.yaml")[-1]["spec"]["template"]["spec"][
            "containers"
        ]
        for probe in ("startupProbe", "livenessProbe"):
            assert answers(image.port, container[probe]["httpGet"]["path"])
    assert process.stdout is not None
    said = process.stdout.read()
    assert "ended, everything is stored" in said
    assert "/enter" in said, "the one-time link is in the log"
    assert Path(image.own("/var/lib/wattline/data/journal.db")).exists(), "data lies in the volume"


def test_the_page_and_nothing_else_of_the_tree_is_in_it(image: Image) -> None:
    (packages,) = (image.root / "opt/wattline").glob("lib/python*/site-packages")
    assert (packages / "dashboards/live/dist/index.html").exists()
    assert not (packages / "tests").exists()
    for name in (".git", ".venv", "data", "dashboards/live/node_modules"):
        assert not (image.root / "src" / name).exists(), f"{name} must stand in .dockerignore"


def compose_command() -> list[str]:
    """The plug-in of docker, or the program of old; neither needs an engine to render."""
    plugin = ["docker", "compose"]
    if (
        shutil.which("docker")
        and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode
    ):
        return plugin
    if shutil.which("docker-compose") is None:
        pytest.skip("neither docker compose nor docker-compose is installed")
    return ["docker-compose"]


def test_compose_renders() -> None:
    command = [*compose_command(), "-f", str(ROOT / "deploy/docker/compose.yaml"), "config"]
    rendered = yaml.safe_load(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    (compose,) = documents("docker/compose.yaml")
    assert set(rendered["services"]) == set(compose["services"])
    assert set(rendered["volumes"]) == set(compose["volumes"])


def kubectl(folder: Path, *command: str) -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        ["kubectl", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_kubernetes_renders(tmp_path: Path) -> None:
    """By kubectl itself, which needs no cluster for this."""
    shutil.copy(ROOT / "deploy/kubernetes/wattline.yaml", tmp_path)
    (tmp_path / "kustomization.yaml").write_text("resources: [wattline.yaml]\n", encoding="utf-8")
    key = lambda d: d["kind"]  # noqa: E731
    assert sorted(kubectl(tmp_path, "kustomize", "."), key=key) == sorted(
        documents("kubernetes/wattline.yaml"), key=key
    )


def test_the_command_that_puts_the_plant_file_in(tmp_path: Path) -> None:
    """It stands as a comment in the manifest, and makes what the manifest holds."""
    manifest = (ROOT / "deploy/kubernetes/wattline.yaml").read_text(encoding="utf-8")
    command = re.search(r"kubectl (create configmap .*)$", manifest, re.MULTILINE)
    assert command is not None
    (tmp_path / "plant.yaml").write_text("site: {id: mine}\n", encoding="utf-8")
    (made,) = kubectl(tmp_path, *command[1].split())
    mine = documents("kubernetes/wattline.yaml")[0]
    assert (made["kind"], made["metadata"]["name"], set(made["data"])) == (
        mine["kind"],
        mine["metadata"]["name"],
        set(mine["data"]),
    )
    assert made["data"]["plant.yaml"] == "site: {id: mine}\n"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text(encoding="utf-8")))


def test_compose_mounts_what_is_there() -> None:
    (compose,) = documents("docker/compose.yaml")
    made_by_the_user = {"./plant", "./secrets"}
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith(".") and source not in made_by_the_user:
                assert (ROOT / "deploy" / "docker" / source).exists(), source
            elif not source.startswith("."):
                assert source in compose["volumes"]
        assert set(service.get("depends_on", ())) <= set(compose["services"])


def test_kubernetes_parts_fit_together() -> None:
    parts = {d["kind"]: d for d in documents("kubernetes/wattline.yaml")}
    pod = parts["StatefulSet"]["spec"]["template"]
    assert (
        parts["Service"]["spec"]["selector"]
        == pod["metadata"]["labels"]
        == parts["StatefulSet"]["spec"]["selector"]["matchLabels"]
    )
    claims = {c["metadata"]["name"] for c in parts["StatefulSet"]["spec"]["volumeClaimTemplates"]}
    (container,) = pod["spec"]["containers"]
    assert {m["name"] for m in container["volumeMounts"]} == claims | {
        v["name"] for v in pod["spec"]["volumes"]
    }
    assert parts["StatefulSet"]["spec"]["replicas"] == 1, "the embedded store has one writer"


def test_images_run_what_the_command_line_knows() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    listed = re.search(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)
    assert listed is not None
    given = yaml.safe_load(listed[1])
    (container,) = documents("kubernetes/wattline.yaml")[-1]["spec"]["template"]["spec"][
        "containers"
    ]
    assert given == container["args"]
    help_text = subprocess.run(
        [sys.executable, "-m", "wattline.cli", "run", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(word in help_text.stdout for word in given if word.startswith("--"))
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()
