"""`wattline rules`: check, test, and try on stored data before a rule goes live."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer

from api.rule_views import backtest_words
from api.times import span
from books.windows import newest_window
from plant.errors import ConfigError, QueryError, WattlineError
from plant.load import load_plant, read_text
from plant.site import Site, decode_control
from rules.language.config import RuleFile
from rules.language.load import Loaded, known_of, load_packs, load_rules, rules_for
from rules.watching.backtest import backtest as run_backtest
from rules.watching.testing import run_tests
from store.alert_book import AlertBook
from store.duck import DuckStore

app = typer.Typer(
    no_args_is_help=True, help="Rules that raise alerts: test them, and try them on stored data."
)
AsJson = Annotated[bool, typer.Option("--json", help="print as JSON")]
Files = Annotated[list[Path] | None, typer.Argument(help="rule files; none: the packs that ship")]


@app.command("test")
def run_all(
    files: Files = None,
    plant: Annotated[
        Path | None, typer.Option(help="check names against this plant file too")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests that stand beside rules."""
    failures = []
    tests = 0
    rules = 0
    for loaded in _loaded(files, plant):
        rules = rules + len(loaded.file.rules)
        tests = tests + len(loaded.file.tests)
        failures += [(loaded.path, f) for f in run_tests(loaded)]

    if as_json:
        print(
            json.dumps(
                {
                    "rules": rules,
                    "tests": tests,
                    "failures": [f"{path}: {f}" for path, f in failures],
                },
                indent=1,
            )
        )
    else:
        for path, failure in failures:
            print(f"{path}: {failure}")

        print(f"{rules} rules, {tests} tests, {len(failures)} failed")

    raise typer.Exit(1 if failures else 0)


def _loaded(files: list[Path] | None, plant: Path | None) -> list[Loaded]:
    """Rule files; every mistake of all of them in one error."""
    parsed = None if plant is None else load_plant(plant)
    known = None if parsed is None else known_of(parsed)
    if not files:
        return load_packs()

    loaded = []
    mistakes = []
    for path in files:
        try:
            loaded.append(load_rules(path, known))
        except ConfigError as error:
            mistakes += error.mistakes

    if mistakes:
        raise ConfigError(mistakes)

    return loaded


@app.command()
def schema() -> None:
    """Print the JSON schema of rule files, for editors."""
    print(json.dumps(RuleFile.model_json_schema(), indent=1))


@app.command()
def backtest(
    rule: Annotated[str, typer.Argument(help="id of a rule")],
    start: Annotated[
        str, typer.Option("--from", help="ISO 8601 with offset, today, or a span back such as -7d")
    ] = "-7d",
    end: Annotated[str, typer.Option("--to", help="ISO 8601 with offset, or now")] = "now",
    known: Annotated[
        str, typer.Option(help="then: windows as they were first known; now: as they are known now")
    ] = "now",
    level: Annotated[float, typer.Option(help="the threshold times this")] = 1.0,
    url: Annotated[
        str, typer.Option(help="a running Wattline; its rule of that id is tried")
    ] = "http://127.0.0.1:8000",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="instead: the data folder of a Wattline that is not running, with --plant",
        ),
    ] = None,
    plant: Annotated[
        Path | None, typer.Option(help="plant file whose rules are meant, with --data")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="rule file that is not in force yet, with --data")
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            envvar="WATTLINE_TOKEN", help="of a Wattline that listens on more than loopback"
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Say when a rule would have fired, for how long, how often in a
    week, and how other thresholds would have done.
    """
    if known not in ("then", "now"):
        raise typer.BadParameter(
            f"'{known}' is neither then nor now",
            param_hint="--known",
        )

    given = {
        "from": start,
        "to": end,
        "known": known,
        "level": level,
    }
    found = (
        _asked(
            url,
            token,
            rule,
            file,
            given,
        )
        if data is None
        else _here(
            data,
            plant,
            file,
            rule,
            given,
        )
    )
    print(json.dumps(found, indent=1) if as_json else _table(found))


def _asked(
    url: str,
    token: str,
    rule: str,
    file: Path | None,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Ask a running Wattline; WattlineError with its words if it cannot."""
    base = f"{url.rstrip('/')}/api/v1/rules"
    if file is None:
        question = urllib.request.Request(
            f"{base}/{urllib.parse.quote(rule)}/backtest?{urllib.parse.urlencode(given)}"
        )
    else:
        body = json.dumps(
            {
                "text": read_text(file),
                "rule": rule,
                **given,
            }
        ).encode()
        question = urllib.request.Request(
            f"{base}/try",
            body,
            {"Content-Type": "application/json"},
        )

    if token:
        question.add_header("Authorization", f"Bearer {token}")

    try:
        with urllib.request.urlopen(question, timeout=300) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except urllib.error.HTTPError as error:
        raise WattlineError(_said(error)) from None
    except OSError as error:
        raise WattlineError(
            f"no Wattline answers at {url} ({error}); start it, give --url, or --data for one that"
            " is stopped"
        ) from None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError):
        return f"it answered {error.code}"


def _here(
    data: Path,
    plant: Path | None,
    file: Path | None,
    rule_id: str,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Try a rule on the data folder of a Wattline that is stopped."""
    if plant is None:
        raise WattlineError("--data needs --plant too: the plant file whose rules are meant")

    parsed = load_plant(plant)
    rules = (
        rules_for(plant, parsed) if file is None else load_rules(file, known_of(parsed)).file.rules
    )
    rule = next((r for r in rules if r.id == rule_id), None)
    if rule is None:
        raise WattlineError(
            f"there is no rule '{rule_id}'; known are {', '.join(r.id for r in rules)}"
        )

    site = _site_of(data)
    store = DuckStore(data / "figures.duckdb")
    try:
        newest = newest_window(store)
        if newest is None:
            raise WattlineError(f"{data} holds no books yet")

        books_end = newest + round(site.window_s * 1e9)
        start, end = span(
            str(given["from"]),
            str(given["to"]),
            site,
            books_end,
        )
        tried = run_backtest(
            store,
            site,
            rule,
            start,
            end,
            given["known"],
            float(given["level"]),
        )
        words: dict[str, Any] = msgspec.to_builtins(backtest_words(tried))
        return words
    except QueryError as error:
        raise WattlineError(str(error)) from None
    finally:
        store.close()


def _site_of(data: Path) -> Site:
    """The plant whose books the rules judged last."""
    book = AlertBook(data / "alerts.db")
    try:
        saved = book.part("site")
    finally:
        book.close()

    site = None if saved is None else decode_control(saved[1]).site
    if site is None:
        raise WattlineError(f"{data} holds no books yet")

    return site


def _table(found: Mapping[str, Any]) -> str:
    """What people read."""
    zone = ZoneInfo("UTC") if sys.platform == "win32" else datetime.now().astimezone().tzinfo
    lines = [
        f"{found['rule']}: {found['when']}",
        f"{_at(found['from_ms'], zone)} to {_at(found['to_ms'], zone)}, as known {found['known']}",
        "",
    ]
    lines.append(
        f"would have fired {found['fired']} times, {found['per_week']:.1f} a week,"
        f" {found['seconds'] / 60:.0f} minutes in all"
    )
    for s in found["spans"][:50]:
        long = "still" if s["to_ms"] is None else f"{(s['to_ms'] - s['from_ms']) / 60_000:.0f} min"
        value = "" if s["value"] is None else f"{s['value']:.4g} {found['unit']}"
        lines.append(f"  {_at(s['from_ms'], zone)}  {long:>9}  {s['subject']:24} {value}")

    more = len(found["spans"]) - 50
    lines += [f"  and {more} more"] if more > 0 else []
    lines += ["", "threshold   fired   a week   minutes"]
    lines += [
        f"    x {t['factor']:<5g} {t['fired']:5d} {t['per_week']:8.1f} {t['seconds'] / 60:9.0f}"
        for t in found["others"]
    ]
    return "\n".join(lines)


def _at(ms: int, zone: Any) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
