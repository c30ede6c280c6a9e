"""What the end of a run may say: that everything is stored is said only when it is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.sequencer import Sequencer
from plant.standing import Standing


@dataclass(frozen=True, slots=True)
class Ending:
    """What was left undone, a sentence each. Nothing: everything is stored."""

    left: tuple[str, ...] = ()

    def text(self) -> str:
        """What is printed last."""
        if not self.left:
            return "Wattline: ended, everything is stored."

        return "\n".join(
            ("Wattline: ended, but not everything is stored:", *(f"  {s}" for s in self.left))
        )


def what_is_left(
    sequencer: Sequencer,
    standing: Sequence[Standing],
    running: Sequence[str],
) -> Ending:
    """Look around after all hosts were told to stop;
    `running` names those that did not end in time.
    """
    left: list[str] = []
    waiting = sequencer.waiting()
    causes = {host.who: host.cause for host in standing}
    if waiting:
        cause = causes.get(sequencer.trouble.who, "the journal did not take them")
        left.append(f"{waiting} readings could not be stored and are lost: {cause}")

    if sequencer.dropped:
        left.append(
            f"{sequencer.dropped} readings were left out while the journal could not keep up"
        )

    for host in standing:
        if host.who != sequencer.trouble.who:
            left.append(
                f"{host.who} stands still: {host.cause}. What it did not do waits in the journal;"
                " the next start does it"
            )

    for name in running:
        left.append(f"{name} did not end in time; what it was at is done again at the next start")

    return Ending(tuple(left))
