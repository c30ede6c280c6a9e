"""The live page: the files that were built, compressed where the browser takes that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import Request
from fastapi.responses import FileResponse, PlainTextResponse, Response

from api.access import Role
from api.errors import refusal
from api.routing import Routes

ENCODINGS: Final = {
    "br": ".br",
    "gzip": ".gz",
}
"""What the build puts beside each file, the smallest first."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Files whose names change with what is in them."""
ASK_AGAIN: Final = "no-cache"
INDEX: Final = "index.html"
KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


def page_routes(routes: Routes, folder: Path | None) -> None:
    """All that no other route answers. Paths without a dot are places in the page."""

    @routes.hidden("/{path:path}", role=Role.VIEWER)
    async def serve(path: str, request: Request) -> Response:
        if path.startswith("api/"):
            return refusal(
                404,
                "not_found",
                f"there is no /{path}",
                "see /api/docs",
            )

        if folder is None or not (folder / INDEX).exists():
            return PlainTextResponse(
                "The live page is not built; run `make page`. The API is at /api/docs.",
                404,
            )

        wanted = built(folder, path)
        if wanted is not None:
            cached = FOR_EVER if path.startswith("assets/") else ASK_AGAIN
            return asset(wanted, request, cached)

        if "." in path.rpartition("/")[2]:
            return refusal(404, "not_found", f"there is no /{path}")

        return asset(folder / INDEX, request, ASK_AGAIN)


def built(folder: Path, path: str) -> Path | None:
    """The file of the page at `path`; None where there is none in its folder."""
    if not path:
        return None

    try:
        wanted = (folder / path).resolve()
        inside = wanted.is_relative_to(folder.resolve())
        return wanted if inside and wanted.is_file() else None
    except (OSError, ValueError):
        # Longer than a name can be, or with a zero byte in it.
        return None


def asset(
    file: Path,
    request: Request,
    cached: str,
) -> Response:
    """A file in the smallest form that the browser takes; 304 where it has it already."""
    encoding = chosen(file, request.headers.get("accept-encoding", ""))
    sent = file if encoding is None else beside(file, encoding)
    found = sent.stat()
    headers = {
        "Cache-Control": cached,
        "ETag": f'"{found.st_mtime_ns:x}-{found.st_size:x}-{encoding or "plain"}"',
        "Vary": "Accept-Encoding",
    }

    if known(
        request.headers.get("if-none-match", ""),
        headers["ETag"],
    ):
        return Response(
            status_code=304,
            headers=headers,
        )

    if encoding is not None:
        headers["Content-Encoding"] = encoding

    return FileResponse(
        sent,
        headers=headers,
        stat_result=found,
        media_type=KINDS.get(file.suffix),
    )


def chosen(file: Path, accepted: str) -> str | None:
    """The encoding to send a file in: the first that is both there and taken; None for the plain
    file."""
    taken = set()

    for offer in accepted.split(","):
        name, _, weight = offer.partition(";")

        # `br;q=0` says that it must not be sent.
        if weight.replace(" ", "").rstrip("0.") != "q=":
            taken.add(name.strip().lower())

    for encoding in ENCODINGS:
        if encoding in taken and beside(file, encoding).is_file():
            return encoding

    return None


def beside(file: Path, encoding: str) -> Path:
    """The compressed form of a file."""
    return file.with_name(file.name + ENCODINGS[encoding])


def known(asked: str, tag: str) -> bool:
    """Whether a browser has this form of the file (`If-None-Match`)."""
    return tag in [part.strip().removeprefix("W/") for part in asked.split(",")]
