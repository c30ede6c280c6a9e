"""Puts folder, data sources and dashboards into a Grafana (9 to 13):
compares before it writes, and says what each refusal means.

What Grafana answers, as seen on a running server: a folder that is there 409 or 412; a dashboard
412 `version-mismatch` or `name-exists`, 400 for a missing folder or a dashboard from files, 404 for
a stale id; a missing role 403, a wrong token 401; empty bodies with 204.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dashboards.grafana.difference import OWN, of_dashboards, of_datasources
from dashboards.grafana.transport import Answer, Transport
from plant.errors import PushError

Json = dict[str, Any]
EXISTS: Final = (409, 412)
KEPT: Final = ("isDefault", "user", "basicAuth", "basicAuthUser", "withCredentials")
"""What an administrator may have set on a data source: a PUT replaces it whole."""
BUNDLED: Final = (
    "the InfluxDB data source is not running in this Grafana. From 13.2 on it is a plug-in bundled"
    " with the package: an upgrade without internet may have lost it, or the start-up update"
    " stopped it. Put the [plugins] part of deploy/grafana/grafana.ini into grafana.ini, see that"
    " nothing is mounted over plugins-bundled, and restart Grafana"
)


class Done(StrEnum):
    """What became of one thing."""

    SAME = "unchanged"
    MADE = "created"
    CHANGED = "updated"
    FROM_FILES = "comes from files, left alone"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing, what is to be done with it, and where it differs."""

    what: str
    done: Done
    where: tuple[str, ...] = ()


@dataclass(slots=True)
class Client:
    """Everything Wattline does with a Grafana."""

    transport: Transport

    def _get(
        self,
        path: str,
        role: str,
        what: str,
    ) -> Json | None:
        """The thing at `path`; None if there is none."""
        answer = self.transport.call("GET", path)
        return None if answer.status == 404 else self._taken(answer, what, role)

    def _taken(
        self,
        answer: Answer,
        what: str,
        role: str,
    ) -> Json:
        """The body of a good answer; PushError with what to do for any other."""
        if answer.status < 300:
            return answer.body if isinstance(answer.body, dict) else {}

        raise PushError(f"{what}: {self._why(answer, role)}")

    def _why(self, answer: Answer, role: str) -> str:
        said = (
            f"Grafana says: {answer.message}"
            if answer.message
            else f"Grafana answered {answer.status}"
        )
        if answer.status == 401:
            return (
                "the token is not accepted; make a service account token in Grafana and set"
                " WATTLINE_SECRET_GRAFANA"
            )

        if answer.status == 403:
            return f"the token may not do this: its service account needs the role {role}"

        if answer.status >= 500:
            return f"Grafana failed ({answer.status}); its log says why. {said}"

        return f"{said} ({answer.status})"

    def version(self) -> str:
        """Version of Grafana; the token is tried as well."""
        health = self._taken(
            self.transport.call("GET", "/health"),
            "health",
            "Viewer",
        )
        if "version" not in health and "database" not in health:
            raise PushError(
                f"{self.transport.url}: this is not Grafana; is there a sub-path missing in --url?"
            )

        organisation = self.transport.call("GET", "/org")
        if (
            organisation.status != 403
        ):  # a token of narrow rights may not see it; what it needs shows when it is needed
            self._taken(organisation, "organisation", "Viewer")

        return str(health.get("version", "unknown"))

    # ---- folder

    def folder(self, wanted: Json, write: bool) -> Change:
        what = f"folder {wanted['uid']}"
        there = self._get(f"/folders/{wanted['uid']}", "Editor", what)
        if there is not None:
            return Change(what, Done.SAME)

        if write:
            self._make_folder(wanted, what)

        return Change(what, Done.MADE)

    def _make_folder(self, wanted: Json, what: str) -> None:
        answer = self.transport.call("POST", "/folders", wanted)
        if answer.status not in EXISTS:
            self._taken(answer, what, "Editor")
        elif self._get(f"/folders/{wanted['uid']}", "Editor", what) is None:
            raise PushError(
                f"{what}: another folder is called '{wanted['title']}'; rename it in Grafana and"
                " try again"
            )

    # ---- data sources

    def datasource(
        self,
        wanted: Json,
        write: bool,
        renew: bool = False,
    ) -> Change:
        """`renew` writes a secret again: what is stored cannot be read back and compared."""
        what = f"data source {wanted['uid']}"
        there = self._get(
            f"/datasources/uid/{wanted['uid']}",
            "Admin",
            what,
        )
        if there is None:
            if write:
                self._make_datasource(wanted, what)

            return Change(what, Done.MADE)

        where = of_datasources(wanted, there) or (
            ["secureJsonData"] if renew and "secureJsonData" in wanted else []
        )
        if there.get("readOnly"):
            return Change(what, Done.FROM_FILES, tuple(where))

        if write and where:
            body = (
                {key: there[key] for key in KEPT if key in there}
                | wanted
                | {"jsonData": (there.get("jsonData") or {}) | wanted["jsonData"]}
            )
            self._taken(
                self.transport.call(
                    "PUT",
                    f"/datasources/uid/{wanted['uid']}",
                    body,
                ),
                what,
                "Admin",
            )

        return Change(
            what,
            Done.CHANGED if where else Done.SAME,
            tuple(where),
        )

    def _make_datasource(self, wanted: Json, what: str) -> None:
        answer = self.transport.call("POST", "/datasources", wanted)
        if answer.status in EXISTS:
            raise PushError(
                f"{what}: another data source is called '{wanted['name']}'; rename it in Grafana"
                " and try again"
            )

        self._taken(answer, what, "Admin")

    def health(self, uid: str) -> str:
        """What the data source's own health check says; PushError if it is not well."""
        what = f"data source {uid}"
        if self._get(f"/datasources/uid/{uid}", "Admin", what) is None:
            raise PushError(
                f"{what}: not there; push it (--source URL) or provision it from deploy/grafana"
            )

        answer = self.transport.call("GET", f"/datasources/uid/{uid}/health")
        if answer.status < 300 and answer.reason in ("OK", ""):
            return answer.message or "OK"

        if answer.status == 404 or "plugin" in answer.message.lower():
            raise PushError(f"{what}: {BUNDLED}. {answer.message}".rstrip())

        if answer.status in (401, 403):
            raise PushError(f"{what}: {self._why(answer, 'Viewer')}")

        raise PushError(
            f"{what}: Grafana cannot read from it: {answer.message or answer.status}; is its URL"
            " right from where Grafana runs, is its token valid?"
        )

    # ---- dashboards

    def dashboard(
        self,
        wanted: Json,
        folder: str,
        write: bool,
        message: str,
    ) -> Change:
        what = f"dashboard {wanted['uid']}"
        there = self._get(
            f"/dashboards/uid/{wanted['uid']}",
            "Editor",
            what,
        )
        meta = (there or {}).get("meta", {})
        where = [] if there is None else of_dashboards(wanted, there.get("dashboard", {}))
        if there is not None and meta.get("folderUid", folder) != folder:
            where.append(f"folder ({meta['folderUid'] or 'General'} instead of {folder})")

        if meta.get("provisioned"):
            return Change(what, Done.FROM_FILES, tuple(where))

        done = Done.MADE if there is None else Done.CHANGED if where else Done.SAME
        if write and done is not Done.SAME:
            self._save(
                wanted,
                folder,
                what,
                message,
            )

        return Change(what, done, tuple(where))

    def _save(
        self,
        wanted: Json,
        folder: str,
        what: str,
        message: str,
    ) -> None:
        board = {key: value for key, value in wanted.items() if key not in OWN}
        body = {
            "dashboard": board,
            "folderUid": folder,
            "overwrite": True,
            "message": message,
        }
        answer = self.transport.call("POST", "/dashboards/db", body)
        said = answer.message.lower()
        if answer.status == 412 and answer.reason == "version-mismatch":
            raise PushError(f"{what}: somebody saved it at the same moment; push again")

        if answer.status in EXISTS and (answer.reason == "name-exists" or "same name" in said):
            raise PushError(
                f"{what}: another dashboard of this folder is called '{wanted['title']}'; rename it"
                " and try again"
            )

        if answer.status == 400 and "provisioned" in said:
            raise PushError(
                f"{what}: it comes from files; take it out of provisioning to push it, or leave it"
                " there"
            )

        if answer.status == 400 and "folder" in said:
            raise PushError(f"{what}: the folder {folder} is not there any more; push again")

        if answer.status == 404:
            raise PushError(
                f"{what}: Grafana looks for it under an old number; delete it there and push again"
                f" ({answer.message})"
            )

        self._taken(answer, what, "Editor")
