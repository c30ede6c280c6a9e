"""Real receivers on loopback: a mail server (aiosmtpd), an HTTP
server that keeps what it gets, mosquitto, Alertmanager.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from paho.mqtt.enums import CallbackAPIVersion

from tests.loopback import answers, free_port, until

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
BUILD = Path(__file__).parents[1] / "deploy" / "build_alertmanager.sh"


class Mail:
    """A mail server; `says` is what it answers to a message, `unknown` who has no mailbox.

    With a password it wants a login.
    """

    def __init__(self, password: str | None = None, port: int | None = None) -> None:
        self.says, self.got, self.unknown = "250 OK", list[EmailMessage](), ""
        self.port = port or free_port()

        def known(
            _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword
        ) -> AuthResult:
            return AuthResult(success=data.password.decode() == password, handled=False)

        login = (
            {"authenticator": known, "auth_required": True, "auth_require_tls": False}
            if password
            else {}
        )
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **login)
        self._controller.start()

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address == self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.says.startswith("250"):
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            self.got.append(parsed)
        return self.says

    def close(self) -> None:
        self._controller.stop()


class Http:
    """Keeps the bodies of what is sent to it; `status` and `says` are what it answers.

    `held` stops it from answering at all until it is set.
    """

    def __init__(self) -> None:
        self.status, self.says, self.got = 200, "", list[tuple[str, dict[str, str], Any]]()
        self.arrived, self.held = threading.Event(), threading.Event()
        self.held.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.got.append(
                    (self.path, dict(self.headers), json.loads(body) if body else None)
                )
                outer.arrived.set()
                outer.held.wait(30)
                try:
                    self.send_response(outer.status)
                    answer = outer.says.encode()
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    pass  # the sender was killed meanwhile

            do_GET = do_POST

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Broker:
    """A mosquitto on a port that it keeps over `stop` and
    `start`; forgets what is retained when it stops.
    """

    def __init__(self, folder: Path, anonymous: bool = True) -> None:
        if MOSQUITTO is None:
            pytest.skip("the program mosquitto is not installed")
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\nallow_anonymous {str(anonymous).lower()}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)], stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


class Listener:
    """A subscriber, such as a SCADA: the last text of each topic, and every text in order."""

    def __init__(self, port: int) -> None:
        self.last, self.all = dict[str, str](), list[tuple[str, str]]()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_message = self._message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def _message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        text = message.payload.decode()
        self.all.append((message.topic, text))
        self.last[message.topic] = text

    def wait(self, topic: str, check: Callable[[str], bool], seconds: float = 15.0) -> str:
        until(
            lambda: topic in self.last and check(self.last[topic]), seconds, f"{topic} as expected"
        )
        return self.last[topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def alertmanager_binary() -> Path:
    """Where Alertmanager is; built first if need be."""
    folder = os.environ.get("WATTLINE_TOOLS")
    found = (
        Path(folder) if folder else Path.home() / ".cache/wattline/bin"
    ) / "alertmanager-0.28.1"
    if not found.exists():
        if shutil.which("go") is None:
            pytest.skip(
                f"Alertmanager 0.28.1 is not at {found} and there is no Go compiler to build it"
            )
        subprocess.run([str(BUILD)], check=True, timeout=900)
    return found


class Alertmanager:
    """One Alertmanager that sends everything on to a webhook at once."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / "alertmanager.yml"
        config.write_text(
            "route: {receiver: hook, group_wait: 0s, group_interval: 1s, repeat_interval: 1h, group_by: [site]}\n"
            f"receivers: [{{name: hook, webhook_configs: [{{url: '{webhook}', send_resolved: true}}]}}]\n"
        )
        command = [
            str(alertmanager_binary()), f"--config.file={config}", f"--storage.path={folder / 'am'}", f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=", "--log.level=error",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: answers(self.port, "/-/ready"), 20, "Alertmanager")

    def firing(self) -> dict[str, Any]:
        """Alerts that fire now, by name."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?active=true", timeout=5) as answer:
            return {found["labels"]["alertname"]: found for found in json.loads(answer.read())}

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
