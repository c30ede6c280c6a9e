"""The one failure policy of everything that goes on for ever: hosts, polling, stores beside.

A failure is said once with its cause, and tried again after a pause that grows.
While it lasts, `Trouble.standing` says who stands still, since when and why:
readiness, metrics, "needs attention" and rules read it there. When the work goes
on, that is said once too. Nobody has to restart anything.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from plant.backoff import Backoff
from plant.errors import WattlineError


@dataclass(frozen=True, slots=True)
class Standing:
    """A part that does not go on.

    `since_ns` is event time (ns UTC); `tries` counts the attempts that failed.
    """

    who: str
    since_ns: int
    cause: str
    tries: int = 1

    def seconds(self, now_ns: int) -> float:
        """For how long it has stood still at `now_ns`."""
        return max(now_ns - self.since_ns, 0) * 1e-9


@dataclass(slots=True)
class Trouble:
    """Follows the failures of one part.

    `meanwhile` ends the sentence that a plant engineer reads when it begins: what this means for
    readings and figures until it is over.
    """

    who: str
    meanwhile: str
    now_ns: Callable[[], int]
    log: logging.Logger
    backoff: Backoff = field(default_factory=Backoff)
    standing: Standing | None = None
    changed: Callable[[], None] = lambda: None
    _said: type[Exception] | None = None

    def attempt(
        self,
        work: Callable[[], object],
        note: Callable[[Exception], float] | None = None,
    ) -> float | None:
        """Do some work; None if it went well, else the seconds to wait before the next attempt.

        This is the wrapper that catches everything. `note` is asked instead of `failed` where a
        failure means more to its owner.
        """
        try:
            work()
        except Exception as error:
            return (note or self.failed)(error)

        self.worked()
        return None

    def failed(self, error: Exception) -> float:
        """Note a failure; the seconds to wait before the next attempt."""
        wait_s = self.backoff.take()
        cause = cause_of(error)
        if self.standing is None:
            self.standing = Standing(self.who, self.now_ns(), cause)
            self._say(error, cause)
            self.changed()
            return wait_s

        self.standing = replace(
            self.standing,
            cause=cause,
            tries=self.backoff.tries,
        )
        if type(error) is not self._said:
            self._say(error, cause)

        return wait_s

    def _say(self, error: Exception, cause: str) -> None:
        self._said = type(error)
        # A cause from outside, such as a full disk, is a sentence;
        # a mistake of our own needs its traceback.
        outside = isinstance(error, WattlineError | OSError)
        self.log.error(
            "%s stands still: %s. %s It is tried again until it works",
            self.who,
            cause.rstrip("."),
            self.meanwhile,
            exc_info=None if outside else error,
        )

    def worked(self) -> None:
        """Note that the work went on."""
        before = self.standing
        if before is None:
            return

        self.standing = None
        self._said = None
        self.backoff.reset()
        self.log.warning(
            "%s goes on again after %.1f s",
            self.who,
            before.seconds(self.now_ns()),
        )
        self.changed()


def cause_of(error: Exception) -> str:
    """What went wrong, for a person: the sentence of an error that
    is meant for people, else its kind and text.
    """
    if isinstance(error, WattlineError) and str(error):
        return str(error)

    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
