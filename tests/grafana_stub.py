"""A Grafana on loopback that answers as a real one was seen to: folders,
data sources, dashboards, roles, and refusals on demand.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]
ADMIN, EDITOR, VIEWER = "admin-token", "editor-token", "viewer-token"
ROLES = {ADMIN: 2, EDITOR: 1, VIEWER: 0}


class Stub:
    """State of the Grafana.

    `refuse` gives an answer of its own to (method, path); `writes` lists what was written.
    """

    def __init__(self, version: str = "11.6.0", prefix: str = "") -> None:
        self.version, self.prefix = version, prefix
        self.folders: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.boards: dict[str, Any] = {}
        self.refuse: dict[tuple[str, str], Reply] = {}
        self.healths: dict[str, Reply] = {}
        self.writes: list[str] = []
        self.bodies: list[Any] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{self.prefix}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def handle_all(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size) or b"null")
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                status, answer = stub.answer(self.command, self.path, body, token)
                raw = (
                    answer
                    if isinstance(answer, bytes)
                    else b""
                    if answer is None
                    else json.dumps(answer).encode()
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = handle_all

            def log_message(self, *_: object) -> None: ...

        return Handler

    def answer(self, method: str, path: str, body: Any, token: str) -> Reply:
        """Status and body; bytes are sent as they are."""
        if not path.startswith(f"{self.prefix}/api/"):
            return 200, b"<!doctype html><title>a page</title>"
        path = path.removeprefix(f"{self.prefix}/api")
        if (method, path) in self.refuse:
            return self.refuse[method, path]
        if path == "/health":
            return 200, {"commit": "0000", "database": "ok", "version": self.version}
        if token not in ROLES:
            return 401, {"message": "Invalid API key"}
        needed = (
            2
            if "/datasources" in path and not path.endswith("/health")
            else 1
            if method != "GET"
            else 0
        )
        if ROLES[token] < needed:
            return 403, {
                "accessErrorId": "ACE1",
                "message": "You'll need additional permissions",
                "title": "Access denied",
            }
        if method != "GET":
            self.writes.append(f"{method} {path}")
            self.bodies.append(body)
        return self._route(method, path.strip("/").split("/"), body)

    def _route(self, method: str, parts: list[str], body: Any) -> Reply:
        match (method, *parts):
            case ("GET", "org"):
                return 200, {"id": 1, "name": "Main Org."}
            case ("GET", "folders", uid):
                return (
                    (200, self.folders[uid])
                    if uid in self.folders
                    else (404, {"message": "folder not found"})
                )
            case ("POST", "folders"):
                return self._folder(body)
            case ("GET", "datasources", "uid", uid):
                return (
                    (200, self._shown(uid))
                    if uid in self.sources
                    else (404, {"message": "Data source not found"})
                )
            case ("POST", "datasources") | ("PUT", "datasources", "uid", _):
                return self._source(method, body)
            case ("GET", "datasources", "uid", uid, "health"):
                return self.healths.get(
                    uid,
                    (
                        200,
                        {"status": "OK", "message": "datasource is working. 5 measurements found"},
                    ),
                )
            case ("GET", "dashboards", "uid", uid):
                return (
                    (200, self.boards[uid])
                    if uid in self.boards
                    else (404, {"message": "Dashboard not found"})
                )
            case ("POST", "dashboards", "db"):
                return self._board(body)
            case ("DELETE", *_):
                return 204, None
        return 404, {"message": "Not found"}

    def _folder(self, body: Any) -> Reply:
        if any(
            f["uid"] == body["uid"] or f["title"] == body["title"] for f in self.folders.values()
        ):
            return 412, {
                "message": "a folder with that name already exists",
                "status": "version-mismatch",
            }
        self.folders[body["uid"]] = body | {"id": len(self.folders) + 1, "version": 1}
        return 200, self.folders[body["uid"]]

    def _source(self, method: str, body: Any) -> Reply:
        if method == "POST" and any(s["name"] == body["name"] for s in self.sources.values()):
            return 409, {"message": "data source with the same name already exists"}
        self.sources[body["uid"]] = body
        return 200, {"datasource": self._shown(body["uid"]), "id": 1, "message": "Datasource added"}

    def _shown(self, uid: str) -> Any:
        """Secrets are never given back, and Grafana adds keys of its own."""
        kept = {k: v for k, v in self.sources[uid].items() if k != "secureJsonData"}
        secrets = dict.fromkeys(self.sources[uid].get("secureJsonData", {}), True)
        return {
            "id": 1,
            "orgId": 1,
            "readOnly": False,
            "basicAuth": False,
            "version": 3,
            "secureJsonFields": secrets,
        } | kept

    def _board(self, body: Any) -> Reply:
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        if board.get("id"):
            return 404, {"message": "Dashboard not found", "status": "not-found"}
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        there = self.boards.get(uid)
        if there and there["meta"]["provisioned"]:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body.get("overwrite"):
            return 412, {
                "message": "The dashboard has been changed by someone else",
                "status": "version-mismatch",
            }
        if any(
            b["dashboard"]["title"] == board["title"] and u != uid for u, b in self.boards.items()
        ):
            return 412, {
                "message": "A dashboard with the same name in the folder already exists",
                "status": "name-exists",
            }
        version = there["dashboard"]["version"] + 1 if there else 1
        meta = {"folderUid": body["folderUid"], "provisioned": False, "version": version}
        self.boards[uid] = {
            "dashboard": board | {"id": 7, "version": version, "weekStart": ""},
            "meta": meta,
        }
        return 200, {"id": 7, "uid": uid, "status": "success", "version": version}
