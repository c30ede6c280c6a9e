"""A process that owes messages and sends them until it is killed: python -m tests.notify_child
DATABASE COUNT PLANT_NOTIFY_JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from zoneinfo import ZoneInfo

from plant.clock import SystemClock
from plant.notify import Notify
from rules.notify.build import Notifier
from tests.notify_rig import NOON_NS, alert, outbox, telling


def main(path: str, count: str, config: str) -> None:
    box, notify = outbox(path), Notify.model_validate(json.loads(config))
    notifier = Notifier(
        notify, "works", ZoneInfo("Asia/Shanghai"), box, SystemClock(), lambda name: name
    )
    now_ns = notifier.clock.now()
    told = [
        telling(key=f"k{n}", at_ns=NOON_NS, alerts=(alert(id=f"a{n}"),)) for n in range(int(count))
    ]
    box.put_now(
        d for t in told for d in notifier.plan(t, now_ns)
    )  # as the machine does after a restart: the same keys again
    notifier.start()
    print("started", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
