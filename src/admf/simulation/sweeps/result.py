"""What a sweep gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from admf.errors import AdmfError
from admf.simulation.metrics_glossary import GLOSSARY, LOWER_IS_BETTER, meant_metric
from admf.simulation.sweeps.values import array_of, plain

if TYPE_CHECKING:
    import pandas as pd


class Trial(NamedTuple):
    """One trial of a sweep: what `admf.simulate` is told to run it alone, and its metrics.

    ``admf.simulate(bars, strategy, trial.params, **trial.settings)`` is that trial.

    Parameters
    ----------
    number
        Its index in the table.
    params
        Parameters of the strategy that the sweep named; the others had their defaults.
    settings
        Everything else that it ran under, as `admf.simulate` takes it: the sections with the values of this
        trial among those of all, ``{"costs": {"commission_bps": 5, "slippage_bps": 2}}``, initial_cash,
        risk_free_pct, and start, end and allow_modules if given.
    metrics
        By name; NaN where undefined.
    """

    number: int
    params: dict[str, Any]
    settings: dict[str, Any]
    metrics: dict[str, float]


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
    _given: Mapping[str, Any] = field(default_factory=dict)
    _objects: Mapping[str, Sequence[Any]] = field(default_factory=dict)

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
            table = pd.concat(frames).set_index("trial")
            for name, values in self._objects.items():  # of which the files have the text
                table[name] = array_of([values[trial] for trial in table.index])
            return table
        columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        return pd.DataFrame(columns).set_index("trial")

    def best(self, metric: str = "sharpe_ratio", *, lowest: bool | None = None) -> Trial:
        """Give the trial with the best value of a metric; of equal ones the first.

        Parameters
        ----------
        metric
            One that the sweep computed.
        lowest
            Whether the lowest value is the best. None: for the metrics of
            `admf.simulation.metrics_glossary.LOWER_IS_BETTER` (volatility, longest drawdown, turnover...).

        Raises
        ------
        AdmfError
            The sweep did not compute that metric, or no trial has it.
        """
        chosen = self.top(metric, 1, lowest=lowest)
        if not len(chosen):
            raise AdmfError(f"no trial of this sweep has a {metric}: it is NaN in all {self.finished}")
        return self._trial(chosen)

    def trial(self, number: int) -> Trial:
        """Give one trial by its number, the index of the table.

        Raises
        ------
        AdmfError
            No finished trial has that number.
        """
        table = self.table
        if not isinstance(number, int | np.integer) or number not in table.index:
            raise AdmfError(f"no finished trial has the number {number!r}", "numbers are the table's index")
        return self._trial(table.loc[[number]])

    def _trial(self, chosen: pd.DataFrame) -> Trial:
        """Make a trial of a table's first row."""
        row: dict[str, Any] = {name: plain(chosen[name].iloc[0]) for name in chosen.columns}
        metrics = {name: float(row.pop(name)) for name in self.metrics}
        settings = {
            name: dict(each) if isinstance(each, Mapping) else each for name, each in self._given.items()
        }
        for name in [name for name in row if "." in name]:
            section, _, key = name.partition(".")
            settings.setdefault(section, {})[key] = _setting(row.pop(name))
        return Trial(int(chosen.index[0]), row, settings, metrics)

    def top(
        self, metric: str = "sharpe_ratio", count: int = 10, *, lowest: bool | None = None
    ) -> pd.DataFrame:
        """Give the rows of the table with the best values of a metric, best first; never NaN.

        Parameters
        ----------
        metric, lowest
            As for `best`.
        count
            Number of rows at most.

        Raises
        ------
        AdmfError
            The sweep did not compute that metric.
        """
        if metric not in self.metrics:
            near = None if metric in GLOSSARY else meant_metric(metric, self.metrics)
            hint = f"did you mean {near}? " if near else ""
            hint += f"it computed: {', '.join(self.metrics)}"
            raise AdmfError(f"this sweep has no metric {metric!r}", hint)
        if lowest is None:
            lowest = metric in LOWER_IS_BETTER
        table = self.table.dropna(subset=[metric])
        return table.sort_values(metric, ascending=lowest, kind="stable").head(count)

    def __repr__(self) -> str:
        state = "" if self.stopped is None else f", stopped: {self.stopped}"
        dropped = f" ({self.dropped:,} combinations dropped by constraints)" if self.dropped else ""
        return (
            f"<SweepResult {self.strategy}: {self.finished:,} of {self.trials:,} trials{dropped}, "
            f"{len(self.metrics)} metrics, {self.seconds:.1f} s{state}>"
        )


def _setting(value: Any) -> Any:
    """Undo what a column did to a setting that is none in other trials: its whole numbers became floats."""
    if not isinstance(value, float):
        return value
    if value != value:
        return None
    return int(value) if value.is_integer() else value
