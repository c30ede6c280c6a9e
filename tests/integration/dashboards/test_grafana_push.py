"""Pushing to a Grafana: idempotent, and each of its answers
becomes a sentence that says what to do.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import shipped
from dashboards.grafana.client import Change, Client, Done
from dashboards.grafana.transport import HttpTransport
from plant.errors import PushError
from plant.load import load_plant
from simulator import __file__ as simulator
from tests.grafana_stub import ADMIN, EDITOR, VIEWER, Stub

pytestmark = pytest.mark.net
JIAXING = Path(simulator).parent / "plants" / "jiaxing.yaml"
SOURCE = shipped.datasource(
    "wattline", "http://wattline:8000/api/influx", "wattline", "1m", "query-token"
)
BOARD = shipped.dashboards()["site.json"]
SAVE = ("POST", "/dashboards/db")


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


def client(stub: Stub, token: str = ADMIN) -> Client:
    return Client(HttpTransport(stub.url, token))


def push(stub: Stub, token: str = ADMIN, board: dict[str, Any] = BOARD) -> list[Change]:
    to = client(stub, token)
    to.version()
    return [
        to.datasource(SOURCE, True),
        to.folder(shipped.FOLDER, True),
        to.dashboard(board, "wattline", True, "wattline test"),
    ]


# ---- what goes well


def test_pushing_again_writes_nothing(stub: Stub) -> None:
    assert [c.done for c in push(stub)] == [Done.MADE] * 3
    written = list(stub.writes)
    assert [c.done for c in push(stub)] == [Done.SAME] * 3
    assert stub.writes == written


def test_what_is_written(stub: Stub) -> None:
    push(stub)
    source, folder, board = stub.bodies
    assert (
        source["access"] == "proxy"
        and source["database"] == source["jsonData"]["dbName"] == "wattline"
    )
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token query-token"}
    assert folder == {"uid": "wattline", "title": "Wattline"}
    assert (
        board["overwrite"] is True
        and board["folderUid"] == "wattline"
        and board["message"] == "wattline test"
    )
    assert not {"id", "version", "iteration"} & set(board["dashboard"])


def test_a_change_is_written_once_and_named(stub: Stub) -> None:
    push(stub)
    stub.boards["wattline-site"]["dashboard"]["panels"][1]["title"] = "changed in the page"
    stub.sources["wattline"]["url"] = "http://elsewhere"
    found = push(stub)
    assert [(c.done, c.where) for c in found] == [
        (Done.CHANGED, ("url",)), (Done.SAME, ()), (Done.CHANGED, ("panels[1].title",)),
    ]  # fmt: skip
    assert [c.done for c in push(stub)] == [Done.SAME] * 3


def test_what_grafana_adds_of_its_own_is_no_change(stub: Stub) -> None:
    push(stub)
    board = stub.boards["wattline-site"]["dashboard"]
    board.update(id=99, version=12, iteration=1, schemaVersion=42, gnetId=None)
    assert [c.done for c in push(stub)] == [Done.SAME] * 3


def test_a_board_in_another_folder_comes_back(stub: Stub) -> None:
    push(stub)
    stub.boards["wattline-site"]["meta"]["folderUid"] = ""
    assert push(stub)[2].where == ("folder (General instead of wattline)",)
    assert stub.boards["wattline-site"]["meta"]["folderUid"] == "wattline"


def test_a_token_is_written_again_only_when_asked(stub: Stub) -> None:
    push(stub)
    assert client(stub).datasource(SOURCE, True).done is Done.SAME
    assert client(stub).datasource(SOURCE, True, renew=True).where == ("secureJsonData",)
    bare = shipped.datasource("wattline", "http://wattline:8000/api/influx", "wattline", "1m", None)
    stub.sources["wattline"] = bare | {"jsonData": SOURCE["jsonData"]}
    assert client(stub).datasource(SOURCE, True).where == ("secureJsonData.httpHeaderValue1",)


def test_what_an_administrator_set_is_kept(stub: Stub) -> None:
    push(stub)
    stub.sources["wattline"] |= {"isDefault": True, "url": "http://elsewhere"}
    stub.sources["wattline"]["jsonData"] |= {"tlsSkipVerify": True}
    assert client(stub).datasource(SOURCE, True).where == ("url",)
    assert (
        stub.bodies[-1]["isDefault"] is True
        and stub.bodies[-1]["jsonData"]["tlsSkipVerify"] is True
    )
    assert client(stub).datasource(SOURCE, True).done is Done.SAME


def test_a_token_that_may_not_see_the_organisation_goes_on(stub: Stub) -> None:
    stub.refuse["GET", "/org"] = (403, {"message": "no"})
    assert client(stub).version() == "11.6.0"


def test_nothing_is_written_when_only_looking(stub: Stub) -> None:
    looking = client(stub)
    found = [looking.datasource(SOURCE, False), looking.folder(shipped.FOLDER, False)]
    found.append(looking.dashboard(BOARD, "wattline", False, ""))
    assert [c.done for c in found] == [Done.MADE] * 3
    assert not stub.writes


def test_under_a_sub_path() -> None:
    stub = Stub(prefix="/grafana")
    try:
        assert client(stub).version() == "11.6.0"
        with pytest.raises(PushError, match="sub-path"):
            Client(HttpTransport(stub.url.removesuffix("/grafana"), ADMIN)).version()
    finally:
        stub.close()


def test_an_empty_204_is_an_answer(stub: Stub) -> None:
    answer = client(stub).transport.call("DELETE", "/v1/provisioning/alert-rules/x")
    assert (answer.status, answer.body) == (204, None)


# ---- what comes from files


def test_what_comes_from_files_is_left_alone(stub: Stub) -> None:
    push(stub)
    stub.boards["wattline-site"]["meta"]["provisioned"] = True
    stub.sources["wattline"] |= {"readOnly": True, "url": "http://other"}
    written = list(stub.writes)
    board = copy.deepcopy(BOARD) | {"title": "Other"}
    assert [c.done for c in push(stub, board=board)] == [
        Done.FROM_FILES,
        Done.SAME,
        Done.FROM_FILES,
    ]
    assert stub.writes == written


# ---- what is refused

REFUSED: dict[str, tuple[tuple[str, str], tuple[int, Any], str]] = {
    "401": (("GET", "/org"), (401, {"message": "Invalid API key"}), "WATTLINE_SECRET_GRAFANA"),
    "403 of a data source": (("POST", "/datasources"), (403, {"message": "no"}), "needs the role Admin"),
    "409 of a data source": (("POST", "/datasources"), (409, {"message": "data source with the same name already exists"}), "another data source is called 'Wattline'"),
    "403 of a folder": (("POST", "/folders"), (403, {"message": "no"}), "needs the role Editor"),
    "412 of a folder of another uid": (("POST", "/folders"), (412, {"message": "exists"}), "another folder is called 'Wattline'"),
    "409 of a folder of another uid": (("POST", "/folders"), (409, {"message": "exists"}), "another folder is called 'Wattline'"),
    "403 of a dashboard": (SAVE, (403, {"message": "no"}), "needs the role Editor"),
    "412 version-mismatch": (SAVE, (412, {"status": "version-mismatch", "message": "changed by someone else"}), "push again"),
    "412 name-exists": (SAVE, (412, {"status": "name-exists", "message": "A dashboard with the same name in the folder already exists"}), "another dashboard of this folder"),
    "400 missing folder": (SAVE, (400, {"message": "folder not found"}), "the folder wattline is not there"),
    "400 from files": (SAVE, (400, {"message": "Cannot save provisioned dashboard"}), "comes from files"),
    "400 anything else": (SAVE, (400, {"message": "bad request data"}), "Grafana says: bad request data \\(400\\)"),
    "404 stale id": (SAVE, (404, {"message": "Dashboard not found", "status": "not-found"}), "under an old number"),
    "500": (SAVE, (500, {"message": "Failed to save dashboard"}), "its log says why"),
    "502 with a page": (SAVE, (502, b"<html>a message of the proxy</html>"), "Grafana failed \\(502\\)"),
    "a page instead of an answer": (("GET", "/health"), (200, b"<html></html>"), "the answer is not Grafana's"),
    "something that is not Grafana": (("GET", "/health"), (200, {"status": "ok"}), "this is not Grafana"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_says_what_to_do(stub: Stub, name: str) -> None:
    where, reply, said = REFUSED[name]
    stub.refuse[where] = reply
    with pytest.raises(PushError, match=said) as found:
        push(stub)
    assert ADMIN not in str(found.value)


def test_a_folder_made_meanwhile_is_good(stub: Stub) -> None:
    stub.folders["wattline"] = {"uid": "wattline", "title": "Wattline"}
    stub.refuse["GET", "/folders/wattline"] = (404, {"message": "folder not found"})
    with pytest.raises(PushError, match="another folder"):
        client(stub).folder(shipped.FOLDER, True)
    del stub.refuse["GET", "/folders/wattline"]
    assert client(stub).folder(shipped.FOLDER, True).done is Done.SAME


def test_roles(stub: Stub) -> None:
    with pytest.raises(PushError, match=r"data source wattline: .* role Admin"):
        push(stub, EDITOR)
    assert client(stub, EDITOR).folder(shipped.FOLDER, True).done is Done.MADE
    assert client(stub, EDITOR).dashboard(BOARD, "wattline", True, "").done is Done.MADE
    stub.boards.clear()
    with pytest.raises(PushError, match=r"dashboard wattline-site: .* role Editor"):
        client(stub, VIEWER).dashboard(BOARD, "wattline", True, "")
    with pytest.raises(PushError, match="token is not accepted"):
        client(stub, "made-up").version()


def test_nobody_answers() -> None:
    with pytest.raises(PushError, match="nobody answers"):
        Client(HttpTransport("http://127.0.0.1:9", ADMIN)).version()
    with pytest.raises(PushError, match="is not an address"):
        HttpTransport("grafana:3000", ADMIN)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grafana_api.grafana_api", None)
    with pytest.raises(PushError, match=r"install wattline\[grafana\]"):
        HttpTransport("http://127.0.0.1:9", ADMIN)


# ---- health

HEALTHS: dict[str, tuple[tuple[int, Any], str]] = {
    "plug-in lost": ((404, {"message": "Plugin not registered", "messageId": "plugin.notRegistered"}), "bundled"),
    "plug-in not running": ((500, {"message": "Plugin unavailable"}), "preinstall|\\[plugins\\]"),
    "store away": ((400, {"status": "ERROR", "message": "error performing influxQL query: connection refused"}), "cannot read from it: .*connection refused"),
    "no permission": ((403, {"message": "no"}), "needs the role"),
    "said in a good answer": ((200, {"status": "ERROR", "message": "unauthorized"}), "cannot read from it: unauthorized"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHS)
def test_health_names_the_cause(stub: Stub, name: str) -> None:
    push(stub)
    stub.healths["wattline"], said = HEALTHS[name]
    with pytest.raises(PushError, match=said):
        client(stub).health("wattline")


def test_health_of_what_is_well_and_what_is_not_there(stub: Stub) -> None:
    push(stub)
    assert client(stub).health("wattline") == "datasource is working. 5 measurements found"
    with pytest.raises(PushError, match="not there; push it"):
        client(stub).health("wattline-readings")


# ---- the command


def wattline(
    stub: Stub, command: str, *more: str, token: str = ADMIN
) -> subprocess.CompletedProcess[str]:
    environment = {
        "WATTLINE_SECRET_GRAFANA": token,
        "WATTLINE_SECRET_GRAFANA_SOURCE": "query-token",
        "PATH": "",
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "wattline.cli", "grafana", command, "--url", stub.url, *more],
        capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip


def test_the_command_from_nothing_to_well(stub: Stub) -> None:
    fitted = ("--source", "http://wattline:8000/api/influx", "--plant", str(JIAXING))
    missing = wattline(stub, "check")
    assert (
        missing.returncode == 1
        and "push it" in missing.stderr
        and "run wattline grafana push" in missing.stderr
    )
    before = wattline(stub, "diff", *fitted)
    assert before.returncode == 1 and not stub.writes
    pushed = wattline(stub, "push", *fitted)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.count("created") == 9 and "Grafana 11.6.0" in pushed.stdout
    written = list(stub.writes)
    again = wattline(stub, "push", *fitted)
    assert again.stdout.count("unchanged") == 9 and stub.writes == written
    assert wattline(stub, "diff", *fitted).returncode == 0
    assert wattline(stub, "check").returncode == 0
    assert set(stub.sources) == {"wattline", "wattline-readings"}
    assert stub.sources["wattline-readings"]["database"] == "wattline_raw"
    for said in (missing, before, pushed, again):
        assert (
            ADMIN not in said.stdout + said.stderr
            and "query-token" not in said.stdout + said.stderr
        )


def test_the_command_says_one_plain_sentence(stub: Stub) -> None:
    done = wattline(stub, "push", token="made-up")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr.startswith("wattline: organisation: the token is not accepted")
        and "Traceback" not in done.stderr
    )


def test_files_are_fitted_to_the_plant(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wattline.cli", "grafana", "write", str(tmp_path / "boards"), "--plant", str(JIAXING)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "boards" / "compare.json").read_text(encoding="utf-8"))
    values = {v["name"]: v["query"] for v in board["templating"]["list"] if v["type"] == "constant"}
    assert values == {
        "window": "1m",
        "tz": "Asia/Shanghai",
        "shift": "480m",
        "shift_offset": "360m",
    }
    assert values == shipped.constants(load_plant(JIAXING))
    assert board["timezone"] == "Asia/Shanghai"


def test_shifts_that_are_not_alike_count_as_days() -> None:
    assert shipped.shift_grid(
        {"early": "06:00-14:00", "late": "14:00-22:00", "night": "22:00-06:00"}, "00:00"
    ) == (
        480,
        360,
    )
    assert shipped.shift_grid({"day": "06:00-18:00", "night": "18:00-06:00"}, "00:00") == (720, 360)
    assert shipped.shift_grid({"day": "08:00-16:00"}, "06:00") == (1440, 360)
    assert shipped.shift_grid({}, "00:00") == (1440, 0)
