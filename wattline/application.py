"""Page and API over the parts of a running plant."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from api.access import Access, Guard
from api.app import Shown, create_app
from api.ports import Ports
from rules.watching.backtest import backtest
from store.influxql.query import Answerer
from wattline import __version__
from wattline.parts import Parts


def application(parts: Parts, page: Path | None) -> Guard:
    """The app behind its guard; `page` is the folder of the built page, None for the API alone."""
    ports = Ports(
        figures=parts.history,
        live=parts.live.hub,
        operations=parts.operations,
        instants=parts.live.now.apart,
        alerts=parts.rules.alerts,
        trials=partial(backtest, parts.store, parts.site),
        queries=Answerer(
            parts.site.id,
            parts.store,
            parts.journal.names,
            parts.live.window_ns,
        ),
    )
    access = Access(
        token=parts.door.token,
        query_token=parts.door.query_token,
        hosts=frozenset(parts.options.allowed_hosts),
    )
    return create_app(
        Shown(parts.site, __version__, page),
        ports,
        access,
    )
