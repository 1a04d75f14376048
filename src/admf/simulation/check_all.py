"""All that is wrong with a config at once: what its models refuse, unknown names, data that fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from admf.core.config.models import DataConfig
from admf.core.config.rest import Rest
from admf.errors import DataError, Problem

if TYPE_CHECKING:
    from admf.core.config import WorkflowConfig
    from admf.market import Bars

_DATA = "workflow.data_config"
#: Keys that say what is read; the others say how to understand it.
_READ = ("source", "path", "url", "table", "query", "symbols", "columns")


def further_problems(
    rest: Rest,
    check: Callable[[WorkflowConfig], list[Problem]] | None = None,
    *,
    read_data: bool = True,
) -> list[Problem]:
    """List what is wrong with a config beside what its models refused.

    A wrong value hides no other: strategies, allocations, parameters, symbols and data are judged as far as
    what is left of the config says what they should be. Data are read.

    Parameters
    ----------
    rest
        The config without what is known to be wrong.
    check
        A further check, as that of a workflow type of the user's.
    read_data
        False: the config's data are not used, the caller gives others.

    Returns
    -------
    list of Problem
        Nothing that may be a consequence of what is known.
    """
    from admf.simulation.check import check_workflow

    config = rest.config
    problems: list[Problem] = []
    bars: Mapping[str, Bars] | None = None
    if read_data and rest.whole:
        try:
            bars, error = _read(rest)
        except DataError as failed:
            error = failed
        if error is not None:
            problems += data_problems(config, error)
    named = "symbols" in config.data_config.model_fields_set and rest.sound(f"{_DATA}.symbols")
    if not named and not rest.sound(_DATA):  # the default is that of a source which may not be meant
        data = config.data_config.model_copy(update={"symbols": []})
        config = config.model_copy(update={"data_config": data})
    if rest.section is not None:
        missing = [symbol for symbol in config.data_config.symbols if bars and symbol not in bars]
        problems += check_workflow(config, bars or None, missing=missing)
        if check is not None:
            problems += check(config)
    if not rest.whole:  # what a base says about parameters and symbols is not known: names are names
        problems = [problem for problem in problems if problem.path.endswith(".name")]
    unique = dict.fromkeys(problems)
    return [problem for problem in unique if problem.path == _DATA or rest.sound(problem.path)]


def data_problems(config: WorkflowConfig, error: DataError) -> list[Problem]:
    """List what an error of the data says, one problem for each key that it is of."""
    from admf.market.findings import together

    by_key: dict[str | None, list[DataError]] = {}
    for part in error.parts or (error,):
        by_key.setdefault(part.key, []).append(part)
    problems = []
    for key, parts in by_key.items():
        told = together(parts)
        problems.append(
            config.problem(f"data_config.{key}" if key else "data_config", told.message, hint=told.hint)
        )
    return problems


def _read(rest: Rest) -> tuple[Mapping[str, Bars] | None, DataError | None]:
    """Load what can be loaded; where keys are wrong that matter later, see whether there are such data."""
    from admf.market.configured import load_what_can_be
    from admf.market.sources import read

    data = rest.config.data_config
    if data.source.startswith("block:"):  # looked up when the run starts
        return None, None
    if rest.sound(_DATA):
        market, error = load_what_can_be(data)
        return market.bars, error
    wrong = [path.removeprefix(_DATA)[1:].partition(".")[0] for path in rest.wrong if path.startswith(_DATA)]
    if all(key in DataConfig.model_fields and key not in _READ for key in wrong):
        read(data)
    return None, None
