"""All errors of Wattline on one screen.

WattlineError
├── ConfigError        a file the user wrote is wrong; carries every mistake with its line
├── DeviceError        a device did not give what was asked; carries meter and endpoint
│   ├── Unreachable    no connection
│   ├── DeviceTimeout  connected, no answer in time
│   ├── AuthFailed     the device or broker refused the credentials or certificate
│   ├── ProtocolError  an answer that cannot be understood
│   └── Unsupported    the device says that it does not have what was asked
├── RetryableError     a sink cannot take data now; the journal holds it and it is tried again
│   └── StoreFull      no room on the disk; nothing of the write is kept, it is tried again
├── PermanentError     a sink will never take this data; it goes to the dead letters with the reason
│   └── RevisionRefused  a store would hold two revisions of a window; nothing was written
├── StoreDamaged       a file of the data folder is damaged, or older than the others
├── PushError          Grafana did not take what was pushed; says what was refused and what to do
├── SinkRefused        a sink takes nothing until someone changes a setting or a right
├── JournalFull        the journal has reached its bound and its policy is to refuse
└── QueryError         a question to the API or a store that cannot be answered as asked
    └── NotThere       it is about something that there is not, such as a line or an alert
"""

from __future__ import annotations

from dataclasses import dataclass


class WattlineError(Exception):
    """Base of all errors that Wattline raises on purpose; its text is meant for the user."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it is and what to do about it."""

    file: str
    line: int
    path: str
    message: str

    def place(self) -> tuple[str, int, str]:
        """What mistakes are put in order by."""
        return self.file, self.line, self.path

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.message}"


class ConfigError(WattlineError):
    """A file is wrong. `mistakes` holds all of them, in file order."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=Mistake.place)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class DeviceError(WattlineError):
    """A device did not give what was asked of it."""

    def __init__(
        self,
        message: str,
        *,
        meter: str = "",
        endpoint: str = "",
    ) -> None:
        self.meter = meter
        self.endpoint = endpoint
        where = [meter] if meter else []
        if endpoint:
            where.append(f"({endpoint})")

        prefix = " ".join(where)
        super().__init__(f"{prefix}: {message}" if prefix else message)


class Unreachable(DeviceError):
    """No connection could be made, or it was lost."""


class DeviceTimeout(DeviceError):
    """Connected, but no answer within the time allowed."""


class AuthFailed(DeviceError):
    """Credentials or certificate were refused."""


class ProtocolError(DeviceError):
    """The answer cannot be understood; the connection is dropped."""


class Unsupported(DeviceError):
    """The device says that it does not have what was asked (Modbus exceptions 1, 2, 3;
    BadNodeIdUnknown).
    """


class RetryableError(WattlineError):
    """A sink cannot take data now. `after_s`: how long it asks to be left alone, if it says so."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(message)


class StoreFull(RetryableError):
    """There is no room on the disk.

    Nothing of what was being written is kept; trying again is right.
    """


class PermanentError(WattlineError):
    """A sink will never take this data."""


class RevisionRefused(PermanentError):
    """A window is there already in a newer revision, or in this one with other content.

    Nothing was written.
    """


class StoreDamaged(WattlineError):
    """A file of the data folder cannot be read, or contradicts another.

    Says what is damaged, what is lost, what to do.
    """


class SinkRefused(WattlineError):
    """A sink takes nothing until a setting or a right is changed."""


class JournalFull(WattlineError):
    """The journal has reached its bound."""


class PushError(WattlineError):
    """Grafana cannot be reached, or did not take what was pushed."""


class QueryError(WattlineError):
    """A question that cannot be answered as asked; says what is accepted."""


class NotThere(QueryError):
    """A question about something that there is not: a line, an alert, a rule."""
