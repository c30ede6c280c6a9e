"""Chat services played on loopback: the three robots with the answers
their documentation gives, and others through apprise.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from plant.errors import PermanentError, RetryableError
from rules.notify import bots
from rules.notify.apprise_channel import AppriseChannel
from rules.notify.channels import Message
from rules.notify.wording import wording
from tests.notify_rig import telling
from tests.receivers import Http

pytestmark = pytest.mark.net
OK = {
    "dingtalk": {"errcode": 0, "errmsg": "ok"},
    "wecombot": {"errcode": 0, "errmsg": "ok"},
    "feishu": {"code": 0, "msg": "success"},
}
SHOWN = dict(bots.ADDRESS)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    made = Http()
    for service in bots.ADDRESS:
        monkeypatch.setitem(bots.ADDRESS, service, f"{made.url}/{service}?token=")
    yield made
    made.close()


def send(url: str, count: int = 1) -> Any:
    told = [telling(key=f"k{n}") for n in range(count)]
    written = wording(told, "zh", ZoneInfo("Asia/Shanghai"), "http://e.local", "一厂")
    AppriseChannel(lambda: url, 5.0).send(
        Message(key="k", severity="warning", words=written, told=tuple(told))
    )
    return written


@pytest.mark.parametrize("service", list(OK))
def test_a_robot_that_says_ok_has_taken_it(hook: Http, service: str) -> None:
    hook.says = json.dumps(OK[service])
    written = send(f"{service}://TokEn-1")
    ((path, _, body),) = hook.got
    text = body["content"]["text"] if service == "feishu" else body["text"]["content"]
    assert path == f"/{service}?token=TokEn-1" and text == f"{written.title}\n{written.plain}"


@pytest.mark.parametrize(
    ("service", "says", "kind"),
    [
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}, PermanentError),
        (
            "dingtalk",
            {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
            RetryableError,
        ),
        ("wecombot", {"errcode": 93000, "errmsg": "invalid webhook url"}, PermanentError),
        ("wecombot", {"errcode": 45009, "errmsg": "api freq out of limit"}, RetryableError),
        (
            "feishu",
            {
                "code": 19021,
                "msg": "sign match fail or timestamp is not within one hour from current time",
            },
            PermanentError,
        ),
        ("feishu", {"code": 9499, "msg": "too many request"}, RetryableError),
        ("feishu", "<html>login</html>", RetryableError),
    ],
)
def test_a_robot_that_refuses_with_200_has_not(
    hook: Http, service: str, says: Any, kind: type[Exception]
) -> None:
    hook.says = says if isinstance(says, str) else json.dumps(says)
    with pytest.raises(kind, match=r"robot (refused: \d+|gave an answer)") as error:
        send(f"{service}://TokEn-1")
    assert "TokEn-1" not in str(error.value)


def test_dingtalk_and_feishu_are_signed(hook: Http) -> None:
    hook.says = json.dumps({"errcode": 0})
    send("dingtalk://SECabc@TokEn-1")
    hook.says = json.dumps({"code": 0})
    send("feishu://SECabc@TokEn-1")
    query = parse_qs(urlsplit(hook.got[0][0]).query)
    want = hmac.new(b"SECabc", f"{query['timestamp'][0]}\nSECabc".encode(), hashlib.sha256).digest()
    assert base64.b64decode(query["sign"][0]) == want
    body = hook.got[1][2]
    want = hmac.new(f"{body['timestamp']}\nSECabc".encode(), b"", hashlib.sha256).digest()
    assert base64.b64decode(body["sign"]) == want


def test_the_address_as_the_service_shows_it_is_understood() -> None:
    assert bots.bot(SHOWN["wecombot"] + "abc-1") == bots.Bot("wecombot", "abc-1")
    assert bots.bot("slack://a/b/c") is None


def test_a_long_list_is_cut_in_the_middle(hook: Http) -> None:
    text = "\n".join(
        ["subject", *(f"{n} 号压机空闲功率过高" for n in range(200)), "http://e.local/alerts"]
    )
    cut = bots.fitted(text, 2000)
    assert (
        len(cut.encode()) <= 2000
        and cut.startswith("subject\n0 号")
        and cut.endswith("…\nhttp://e.local/alerts")
    )
    assert bots.fitted("short\nlink", 2000) == "short\nlink"


def test_ntfy_through_apprise(hook: Http) -> None:
    written = send(f"ntfy://127.0.0.1:{hook.port}/wattline")
    assert (
        hook.got[0][2]["title"] == written.title
        and "http://e.local/alerts/a1" in hook.got[0][2]["message"]
    )


AZURE = "triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=4d5e6f"


@pytest.mark.parametrize(
    "url",
    [
        "workflows://prod.example:443/1a2b/3c4d",
        f"https://prod-01.logic.azure.com:443/workflows/1a2b3c/{AZURE}",
        f"https://default1a2b.3c.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/1a2b3c/{AZURE}",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "mailtos://mail.works.local:465?from=a@b.de&to=c@b.de",
        "ntfy://ntfy.works.local/alerts",
        "mmost://chat.local/3ccdd113474722377935511fc85d3dd4",
    ],
)
def test_what_the_guide_names_is_known_to_apprise(url: str) -> None:
    import apprise

    assert apprise.Apprise.instantiate(url) is not None
