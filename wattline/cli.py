"""The command `wattline`. Exit codes: 0 good, 1 the answer is no, 2 wrong usage."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.clock import Clock, ScaledClock, SystemClock
from plant.errors import ConfigError, WattlineError
from plant.load import load_plant
from rules.language.load import rules_for
from wattline import __version__
from wattline.commands.declare import app as declare_app
from wattline.commands.grafana import grafana
from wattline.commands.notify import app as notify_app
from wattline.commands.rules import app as rules_app
from wattline.commands.store import app as store_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Live energy and carbon of a factory, per production line.",
)
app.add_typer(grafana, name="grafana")
app.add_typer(declare_app, name="declare")
app.add_typer(store_app, name="store")
app.add_typer(rules_app, name="rules")
app.add_typer(notify_app, name="notify")
PlantArg = Annotated[Path, typer.Argument(help="plant file")]
Data = Annotated[Path, typer.Option("--data", help="folder for journal and figures")]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="port of page and API")]
Bind = Annotated[
    str,
    typer.Option(
        "--bind",
        help="address to listen on; any but loopback needs a token, which is made at start",
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        help=(
            "further name under which this host is known, such as that of a proxy; may be repeated"
        ),
    ),
]
Level = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error")]
AsJson = Annotated[bool, typer.Option("--json", help="print as JSON")]


def _log(level: str) -> None:
    if level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(
            f"'{level}' is not a log level; use debug, info, warning or error",
            param_hint="--log-level",
        )

    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("wattline").setLevel(level.upper())
    logging.getLogger("asyncua").setLevel(logging.ERROR)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


def _port_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WattlineError(
                f"port {port} on {host} cannot be used ({error.strerror}); give another with --port"
            ) from None


def _loop() -> None:
    """uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def demo(
    speed: Annotated[
        float, typer.Option(min=0.1, max=600, help="event seconds per real second")
    ] = 1.0,
    seconds: Annotated[float | None, typer.Option(help="end after so many real seconds")] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="compare the books with the simulator's truth; exit 1 on a difference"
        ),
    ] = False,
    data: Data = Path("data/demo"),
    port: Port = 8000,
    bind: Bind = "127.0.0.1",
    allow_host: AllowHost = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="forget what an earlier demo stored")
    ] = False,
    log_level: Level = "warning",
    as_json: AsJson = False,
) -> None:
    """A simulated factory, live: devices in a child process, everything else here."""
    from wattline.demo.demo import DemoOptions, run_demo

    _log(log_level)
    _loop()
    if verify:
        from wattline.demo.verify import run_verify

        raise typer.Exit(
            run_verify(
                speed=speed,
                seconds=seconds or 120.0,
                as_json=as_json,
            )
        )

    _port_free(bind, port)
    folder = data if speed == 1.0 else data.with_name(f"{data.name}-speed-{speed:g}")
    if (reset or speed != 1.0) and folder.exists():
        shutil.rmtree(folder)

    options = DemoOptions(
        data=folder,
        speed=speed,
        seconds=seconds,
        host=bind,
        port=port,
        backfill=speed == 1.0,
        allowed_hosts=allow_host or (),
    )
    run_demo(options)


@app.command()
def run(
    plant: PlantArg,
    data: Data = Path("data/plant"),
    port: Port = 8000,
    bind: Bind = "127.0.0.1",
    allow_host: AllowHost = None,
    endpoints: Annotated[Path | None, typer.Option(help="endpoints.json of a simulation")] = None,
    log_level: Level = "info",
) -> None:
    """Run a plant: collector, journal, engine, store, API and page in one process."""
    from wattline.options import Options
    from wattline.places import read_endpoints
    from wattline.runtime import Runtime
    from wattline.until_stopped import run_until_stopped

    _log(log_level)
    _loop()
    catalogue = load_catalogue()
    parsed = load_plant(plant, catalogue, figure_names())
    options = Options(
        data,
        bind,
        port,
        rules=rules_for(plant, parsed),
        allowed_hosts=allow_host or (),
    )
    _port_free(bind, port)
    clock: Clock = SystemClock()
    if endpoints is not None:
        found = read_endpoints(endpoints)
        clock = ScaledClock(**found["clock"])
        options.simulated = True
        options.endpoints = found["connections"]

    runtime = Runtime(
        parsed,
        catalogue,
        clock,
        options,
    )
    try:
        print(
            f"Wattline: {parsed.site.id}, live at {runtime.parts.door.link()} (data in {data})",
            flush=True,
        )
        asyncio.run(run_until_stopped(runtime))
    finally:
        runtime.close()


@app.command()
def simulate(
    plant: PlantArg,
    speed: Annotated[float, typer.Option(min=0.1, max=600)] = 1.0,
    endpoints: Annotated[Path, typer.Option(help="where to write endpoints.json")] = Path(
        "endpoints.json"
    ),
    fault: Annotated[
        list[str] | None,
        typer.Option(help="KIND:METER@START+LENGTH, such as silent:smt_3_el@3m+2m"),
    ] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    epoch_ns: Annotated[int | None, typer.Option(hidden=True)] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    log_level: Level = "warning",
) -> None:
    """Only the devices of a plant, simulated, on real protocols and free loopback ports."""
    from simulator.server import simulate as serve_devices

    _log(log_level)
    try:
        serve_devices(
            plant,
            speed=speed,
            epoch_ns=epoch_ns,
            seed=seed,
            endpoints_path=endpoints,
            faults=fault or [],
            with_parent=with_parent,
            ready=lambda e: print(json.dumps(e, indent=1), flush=True),
        )
    except ValueError as error:
        raise WattlineError(str(error)) from error


@app.command()
def check(
    plant: Annotated[list[Path] | None, typer.Argument(help="plant files")] = None,
    profiles: Annotated[bool, typer.Option("--profiles", help="list the meter profiles")] = False,
) -> None:
    """Check plant files; touches no network."""
    catalogue = load_catalogue()
    if profiles:
        for profile in catalogue.values():
            print(f"{profile.id:32} {profile.vendor} {profile.model}")

    if not plant and not profiles:
        raise typer.BadParameter("give a plant file, or --profiles")

    problems = 0
    for path in plant or []:
        try:
            parsed = load_plant(path, catalogue, figure_names())
            rules = rules_for(path, parsed)
            print(
                f"{path}: good: {len(parsed.meters)} meters, {len(parsed.lines)} lines,"
                f" {len(parsed.sources)} sources, {len(rules)} rules"
            )
        except ConfigError as error:
            problems += len(error.mistakes)
            print(error, file=sys.stderr)

    if problems:
        print(
            f"{problems} problem{'s' if problems > 1 else ''}, nothing was started, nothing was"
            " changed",
            file=sys.stderr,
        )
        raise typer.Exit(1)


@app.command()
def init(path: Annotated[Path, typer.Argument()] = Path("plant.yaml")) -> None:
    """Write a commented starter plant file."""
    from importlib.resources import files

    if path.exists():
        raise WattlineError(f"{path} is there already; give another name")

    path.write_text(
        (files("wattline") / "starter.yaml").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    print(f"wrote {path}; edit it, then: wattline check {path}")


@app.command()
def schema() -> None:
    """Print the JSON schema of the plant file, for editors."""
    from plant.config import PlantFile

    print(json.dumps(PlantFile.model_json_schema(), indent=1))


@app.command()
def probe(
    plant: PlantArg,
    endpoints: Annotated[Path | None, typer.Option()] = None,
    as_json: AsJson = False,
) -> None:
    """Read each meter once and say whether what it gives is plausible."""
    from wattline.commands.probe import run_probe

    _log("error")
    raise typer.Exit(run_probe(plant, endpoints, as_json))


def _leave(code: int) -> None:
    """End at once: everything is closed by now, and DuckDB's binding
    would fill the screen with notes on its own memory.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Entry point: an error meant for the user is one plain message."""
    try:
        code = app(standalone_mode=False)
        _leave(code if isinstance(code, int) else 0)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except WattlineError as error:
        print(f"wattline: {error}", file=sys.stderr)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:  # wrong usage: typer keeps the class of those to itself
        show = getattr(error, "show", None)
        if show is None:
            raise

        show()
        sys.exit(2)


if __name__ == "__main__":
    main()
