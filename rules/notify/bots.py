"""Group robots of DingTalk, WeCom and Feishu.

They answer 200 to what they refuse, with the reason in the body, which apprise 2.2 takes for
success: an alert would be lost without a word. So these three are posted here and their answer is
read. Used by `apprise_channel`.

https://open.dingtalk.com/document/robots/custom-robot-access,
https://developer.work.weixin.qq.com/document/path/91770,
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from plant.errors import PermanentError, RetryableError
from rules.notify.channels import http
from rules.notify.wording import Wording

ADDRESS: Final = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=",
    "wecombot": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/",
}
_MOST_BYTES: Final = {"dingtalk": 18_000, "wecombot": 2_000, "feishu": 18_000}
_LATER: Final = (-1, 90030, 130101, 410100, 45009, 9499, 11232)
"""Codes that mean busy or too many messages a minute; all others need a change of setting."""
LATER_S: Final = 60.0
LEFT_OUT: Final = "…"


class Bot(msgspec.Struct, frozen=True):
    """One robot: which service, its token, and the secret it signs with, if it does."""

    service: str
    token: str
    secret: str = ""


class Request(msgspec.Struct, frozen=True):
    """What is posted, and where to."""

    url: str
    body: dict[str, object]


def bot(url: str) -> Bot | None:
    """The robot of an address, as apprise writes it (dingtalk://SECRET@TOKEN) or as the service
    shows it; None: not one of these."""
    for service, shown in ADDRESS.items():
        if url.startswith(shown):
            token = url.removeprefix(shown).partition("&")[0]
            return Bot(service, token)

    parts = urlsplit(url)
    if parts.scheme not in ADDRESS:
        return None

    secret, _, token = parts.netloc.rpartition("@")
    in_the_query = parse_qs(parts.query).get("secret", [""])[0]
    return Bot(
        service=parts.scheme,
        token=unquote(token),
        secret=unquote(secret) or in_the_query,
    )


def send(
    robot: Bot,
    written: Wording,
    timeout_s: float,
) -> None:
    """Post, and read what it says."""
    text = fitted(
        f"{written.title}\n{written.plain}",
        _MOST_BYTES[robot.service],
    )
    # The signature is compared with the service's own clock, so this is never event time.
    request = _request(robot, text, time.time())
    answer = http(
        request.url,
        timeout_s,
        request.body,
        what=f"{robot.service}'s robot",
    )
    _check(robot.service, answer)


def _request(
    robot: Bot,
    text: str,
    now_s: float,
) -> Request:
    """The text in the form of the service, signed where the robot has a secret."""
    url = ADDRESS[robot.service] + quote(robot.token, safe="")
    if robot.service == "feishu":
        body: dict[str, object] = {
            "msg_type": "text",
            "content": {"text": text},
        }
        if robot.secret:
            stamp = str(int(now_s))
            sign = _sign(f"{stamp}\n{robot.secret}", "")
            body |= {
                "timestamp": stamp,
                "sign": sign,
            }

        return Request(url, body)

    if robot.service == "dingtalk" and robot.secret:
        stamp = str(int(now_s * 1000))
        sign = _sign(robot.secret, f"{stamp}\n{robot.secret}")
        url += f"&timestamp={stamp}&sign={quote(sign, safe='')}"

    return Request(
        url,
        {
            "msgtype": "text",
            "text": {"content": text},
        },
    )


def _sign(key: str, text: str) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _check(service: str, answer: bytes) -> None:
    """Whether it took the message; raises where it did not."""
    try:
        said = json.loads(answer)
        code = int(
            said.get(
                "errcode",
                said.get("code", said.get("StatusCode", 0)),
            )
        )
    except (ValueError, TypeError, AttributeError):
        raise RetryableError(
            f"{service}'s robot gave an answer that is not its own; is a proxy in between?"
        ) from None

    if code == 0:
        return

    why = said.get("errmsg") or said.get("msg") or ""
    reason = f"{service}'s robot refused: {code} {why}".strip()
    if code in _LATER:
        raise RetryableError(reason, LATER_S)

    raise PermanentError(f"{reason}; look at the robot's token and its security settings")


def fitted(text: str, most_bytes: int) -> str:
    """The text, without lines from its middle where it is too long: the subject and the link
    stay."""
    lines = text.split("\n")
    while len("\n".join(lines).encode()) > most_bytes and len(lines) > 3:
        link = lines[-1]
        is_marked = lines[-2] == LEFT_OUT
        kept = lines[:-3] if is_marked else lines[:-2]
        lines = [
            *kept,
            LEFT_OUT,
            link,
        ]

    shown = "\n".join(lines).encode()[:most_bytes]
    return shown.decode(errors="ignore")
