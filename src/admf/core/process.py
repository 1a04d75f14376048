"""Which process a run belongs to, and whether that is gone: so that what was killed is not called running."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

_PROC = Path("/proc")


class Process(BaseModel):
    """A process, told apart from all others: a number alone is used again by later ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: str = Field(description="Host, its start, and the space that process numbers are counted in.")
    pid: int
    started: str = Field("", description="Ticks from the start of the host; empty where it cannot be told.")

    @classmethod
    def this(cls) -> Process:
        """Give the process that this is called in."""
        return cls(machine=_machine(), pid=os.getpid(), started=_started(os.getpid()) or "")

    @property
    def gone(self) -> bool | None:
        """Whether it has ended; None where that cannot be told from here, as of another machine's."""
        if self.machine != _machine():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # it is another user's, so it is there
            pass
        started = _started(self.pid)
        return started is not None and started != self.started


def _machine() -> str:
    parts = [platform.node()]
    try:
        parts.append((_PROC / "sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink(_PROC / "self/ns/pid"))  # two containers may share name and start
    except OSError:  # another system: the name must do
        pass
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """Give when a process was started: empty where it has died and waits to be collected, None if unknown.

    Another user's may be hidden (hidepid), which looks as if it were not there.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return "" if fields[0] in "ZX" else fields[19]
