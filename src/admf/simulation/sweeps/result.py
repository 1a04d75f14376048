"""What a sweep gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import AdmfError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """Metrics of many trials.

    Parameters
    ----------
    strategy
        Name of the strategy.
    metrics
        Names of the metrics, in the table's order.
    trials
        Number of trials that were asked for (combinations that a constraint rules out are not).
    dropped
        Combinations of a grid that a constraint of the strategy ruled out.
    finished
        Number of trials that were run, or found in `folder`.
    stopped
        None, ``cancelled`` or ``deadline``: then the table has the trials that were finished.
    compiled
        Whether every trial ran in the compiled kernel; else the plain engine ran some, with the same numbers.
    warnings
        What a reader of the numbers should know.
    seconds
        Wall time.
    folder
        Where the Parquet files are; None: the table is in memory.
    """

    strategy: str
    metrics: tuple[str, ...]
    trials: int
    dropped: int
    finished: int
    stopped: str | None
    compiled: bool
    warnings: tuple[str, ...]
    seconds: float
    folder: Path | None = None
    _parts: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def complete(self) -> bool:
        """Whether every trial was run."""
        return self.finished == self.trials

    @property
    def table(self) -> pd.DataFrame:
        """One row a finished trial: its parameters, then its metrics; the index is the trial's number.

        Of a sweep with `folder`, read anew from there: for what does not fit into memory read the files one
        by one.
        """
        import pandas as pd

        if self.folder is not None:
            frames = [pd.read_parquet(path) for path in sorted(self.folder.glob("part-*.parquet"))]
            if not frames:
                raise AdmfError(f"no chunk of this sweep was finished; there is no table in {self.folder}")
            return pd.concat(frames).set_index("trial")
        columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        return pd.DataFrame(columns).set_index("trial")

    def best(self, metric: str, count: int = 10, lowest: bool = False) -> pd.DataFrame:
        """Give the trials with the highest (or lowest) values of a metric, best first; NaN ones are left out.

        Raises
        ------
        AdmfError
            The sweep did not compute that metric.
        """
        if metric not in self.metrics:
            raise AdmfError(f"this sweep has no metric {metric!r}", f"it computed: {', '.join(self.metrics)}")
        table = self.table.dropna(subset=[metric])
        return table.sort_values(metric, ascending=lowest, kind="stable").head(count)

    def __repr__(self) -> str:
        state = "" if self.stopped is None else f", stopped: {self.stopped}"
        return (
            f"<SweepResult {self.strategy}: {self.finished:,} of {self.trials:,} trials, "
            f"{len(self.metrics)} metrics, {self.seconds:.1f} s{state}>"
        )
