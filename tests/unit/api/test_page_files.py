"""The files of the page: compressed where the browser takes that, kept
where they cannot change, asked again where they can.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest

from tests.api_rig import ApiRig
from tests.rig import text
from tests.unit.api.test_access import PLANT, client

SCRIPT = b"console.log('page');" * 50
BROTLI = b"br of the script"


@pytest.fixture
def api(tmp_path: Path) -> httpx.AsyncClient:
    page = tmp_path / "dist"
    assets = page / "assets"
    assets.mkdir(parents=True)
    (page / "index.html").write_text("<html>", encoding="utf-8")
    (assets / "main.js").write_bytes(SCRIPT)
    (assets / "main.js.br").write_bytes(BROTLI)
    (assets / "main.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "secret.txt").write_text("no", encoding="utf-8")
    rig = ApiRig(text(PLANT, "g l"), tmp_path)
    return client(rig.app(page=page))


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("", None),
    ],
)
async def test_the_smallest_form_that_is_taken(
    api: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    async with api, api.stream("GET", "/assets/main.js", headers=headers) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])

    plain = {"br": BROTLI, "gzip": gzip.compress(SCRIPT), None: SCRIPT}[encoding]
    assert (gzip.decompress(sent) == SCRIPT) if encoding == "gzip" else sent == plain
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


async def test_a_form_that_the_browser_has_is_not_sent_again(api: httpx.AsyncClient) -> None:
    async with api:
        plain = await api.get("/", headers={"Accept-Encoding": ""})
        assert plain.headers["cache-control"] == "no-cache"
        again = await api.get("/", headers={"If-None-Match": plain.headers["etag"]})
        assert again.status_code == 304
        packed = await api.get("/assets/main.js", headers={"Accept-Encoding": "gzip"})
        whole = await api.get("/assets/main.js", headers={"Accept-Encoding": ""})
        assert packed.headers["etag"] != whole.headers["etag"], "each form has its own tag"


async def test_places_are_the_page_and_files_that_are_not_there_are_not(
    api: httpx.AsyncClient,
) -> None:
    async with api:
        assert (await api.get("/line/press")).text == "<html>"

        for path in ("/assets/gone.js", "/api/v1/nothing", "/..%2fsecret.txt"):
            assert (await api.get(path)).status_code == 404, path


@pytest.mark.parametrize(
    "path", ["/%00", "/assets/%00", "/index.html%00", "/x/" + 3000 * "a/" + "b.js"]
)
async def test_what_cannot_be_a_file_is_not_there(api: httpx.AsyncClient, path: str) -> None:
    async with api:
        answer = await api.get(path)
        assert answer.status_code in (200, 404)
        assert not answer.text.startswith("console")


async def test_long_names_are_not_there(api: httpx.AsyncClient) -> None:
    async with api:
        assert (await api.get("/" + 5000 * "a" + ".js")).status_code == 404
