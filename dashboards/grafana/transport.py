"""One call to Grafana's HTTP API, through grafana-api (extra
`wattline[grafana]`): status and body, whatever they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from plant.errors import PushError

SECONDS: Final = 15.0
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What Grafana said. `body` is None where there was none, as with 204."""

    status: int
    body: Any = None

    @property
    def message(self) -> str:
        """Grafana's own words."""
        return (
            str(self.body.get("message", ""))
            if isinstance(self.body, dict)
            else str(self.body or "")
        )

    @property
    def reason(self) -> str:
        """The short reason that some refusals carry, such as `version-mismatch`."""
        return str(self.body.get("status", "")) if isinstance(self.body, dict) else ""


class Transport(Protocol):
    """How calls reach Grafana. PushError where none does."""

    url: str

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
    ) -> Answer: ...


@dataclass(slots=True)
class HttpTransport:
    """Calls over HTTP with a service account token, which is in no message."""

    url: str
    token: str = field(repr=False)
    _api: Any = field(init=False, repr=False)
    _last: Any = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise PushError(
                f"'{self.url}' is not an address of Grafana; give --url http://HOST:3000"
            )

        try:
            from grafana_api.grafana_api import GrafanaAPI
        except ImportError:
            raise PushError(
                "grafana-api is not installed; install wattline[grafana] and try again"
            ) from None

        self._api = GrafanaAPI(self.token, timeout=SECONDS)
        self._api.url = f"{self.url}/api"
        self._api.s.hooks["response"].append(self._remember)

    def _remember(self, response: Any, *_: Any, **__: Any) -> None:
        self._last = response

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
    ) -> Answer:
        """The answer to one call. The package raises on every 4xx and 5xx, and on an empty body."""
        from grafana_api.grafana_api import GrafanaException
        from requests.exceptions import ConnectionError, RequestException, SSLError, Timeout

        self._last = None
        try:
            return Answer(200, getattr(self._api, method)(path, json=body))
        except GrafanaException as refused:
            return Answer(refused.status_code, refused.response)
        except SSLError as error:
            raise PushError(f"{self.url}: the certificate is not accepted: {error}") from None
        except Timeout:
            raise PushError(f"{self.url}: no answer within {SECONDS:.0f} s") from None
        except ConnectionError:
            raise PushError(
                f"{self.url}: nobody answers; is Grafana running, and is this its address?"
            ) from None
        except (
            ValueError,
            TypeError,
            # not JSON; a page of a proxy that has the word
            # "message" in it makes the package stumble
        ):
            return self._without_json()
        except RequestException as error:
            raise PushError(f"{self.url}: {type(error).__name__}: {error}") from None

    def _without_json(self) -> Answer:
        """An empty body is an answer, and so is a refusal; a good
        page that is not JSON is somebody else's.
        """
        last = self._last
        if last is not None and (last.status_code >= 400 or not last.content):
            return Answer(last.status_code, last.text[:LONGEST] or None)

        raise PushError(
            f"{self.url}: the answer is not Grafana's; is there a sub-path missing in --url?"
        )
