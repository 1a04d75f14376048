"""What a strategy's step is given: which numbers, from which arrays, and from which bar on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import DataError, StrategyError
from admf.indicators.spec import BAR_COLUMNS
from admf.indicators.table import column_of
from admf.simulation.orders.plain import Account
from admf.strategies.locate import describe_failure
from admf.strategies.orders import is_decision
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars
    from admf.strategies import BoundStrategy

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Inputs:
    """Arrays and numbers behind the arguments of a step.

    Parameters
    ----------
    arrays
        Name without ``prev_`` -> values per bar, float64 of shape (bars,), read-only. The four prices too.
    lags
        Argument of the step -> (array's name, 0 for the present bar or 1 for the one before).
    numbers, texts
        Parameters that the step reads.
    warmup
        First bar on which every value is there (not NaN).
    """

    arrays: Mapping[str, FloatArray]
    lags: Mapping[str, tuple[str, int]]
    numbers: Mapping[str, float]
    texts: Mapping[str, str]
    warmup: int

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the arrays besides the four prices, in the order in which a kernel takes them."""
        return tuple(name for name in self.arrays if name not in PRICES)


def gather(bars: Bars, strategy: BoundStrategy, table: IndicatorTable) -> Inputs:
    """Find the array or number for each argument of the strategy's step.

    Raises
    ------
    DataError
        A column that the strategy reads is missing, or some value never appears within these bars.
    """
    arrays: dict[str, FloatArray] = {name: getattr(bars, name) for name in PRICES}
    lags: dict[str, tuple[str, int]] = {}
    numbers: dict[str, float] = {}
    texts: dict[str, str] = {}
    for argument in strategy.arguments:
        name = argument.removeprefix("prev_")
        if name in strategy.indicators:
            arrays[name] = table.row(strategy.indicators[name])
        elif name in strategy.columns:
            arrays[name] = column_of(bars, strategy.columns[name], f"strategy {strategy.name}")
        elif name in BAR_COLUMNS:
            arrays[name] = getattr(bars, name)
        elif name in strategy.params:
            value = strategy.params[name]
            if isinstance(value, str):
                texts[name] = value
            else:
                numbers[name] = value
            continue
        else:
            continue  # of the account, or the state: the engine knows it
        lags[argument] = (name, int(name != argument))
    warmup = strategy.first_complete_bar(arrays)
    if warmup >= len(bars):
        raise DataError(
            f"strategy {strategy.name}: its values are not complete on any of the {len(bars)} bars "
            f"of {bars.symbol}",
            hint="load more bars, or choose shorter periods",
        )
    return Inputs(arrays, lags, numbers, texts, warmup)


class Step:
    """A strategy's step in plain Python, with its state.

    Parameters
    ----------
    strategy
        Whose step it is.
    """

    def __init__(self, strategy: BoundStrategy) -> None:
        self._strategy = strategy
        self._call = strategy.new_step()
        self.state = strategy.initial_state

    def __call__(self, value_of: Callable[[str], float | None], account: Account, where: str) -> Any:
        """Ask for the target exposure, or a decision with orders (a tuple of floats).

        Parameters
        ----------
        value_of
            Value of an argument that comes from the market; None where it comes from elsewhere.
        account
            What the strategy holds.
        where
            Bar, for messages.

        Raises
        ------
        StrategyError
            The step raised, or returned something that is no target.
        """
        values = [self._value(name, value_of, account) for name in self._strategy.arguments]
        try:
            answer = self._call(*values)
        except Exception as error:
            raise StrategyError(
                f"strategy {self._strategy.name} failed at bar {where}: {describe_failure(error)}"
            ) from error
        if self.state is not None:
            if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], tuple)):
                raise StrategyError(
                    f"strategy {self._strategy.name} has a state, but returned {answer!r} at bar {where}",
                    hint="return (target, state), the state being a tuple",
                )
            answer, self.state = answer
        if isinstance(answer, tuple) and is_decision(answer):
            return tuple(float(part) for part in answer)
        number = isinstance(answer, (bool, int, float, np.bool_, np.integer, np.floating))
        if number and not math.isinf(answer):
            return float(answer)
        # Infinity is what compiled code makes of a division by zero; cut to 1 it would be a full position.
        raise StrategyError(
            f"strategy {self._strategy.name} returned {answer if number else repr(answer)} at bar {where}, "
            "which is not a target",
            hint="return a number from -1 to 1, NaN for no decision, or an order of admf.strategies.orders",
        )

    def _value(self, name: str, value_of: Callable[[str], float | None], account: Account) -> Any:
        if name == "state":
            return self.state
        value = value_of(name)
        if value is not None:
            return value
        # numpy's scalars divide by zero as compiled code does: to infinity, without an error
        known = {
            "position": np.float64(account.position),
            "entry_price": np.float64(account.entry_price),
            "bars_held": account.bars_held,
            "equity": np.float64(account.equity),
        }
        return known[name] if name in known else self._strategy.params[name]


def decider(
    strategy: BoundStrategy, inputs: Inputs, label: Callable[[int], str]
) -> Callable[[int, Account], Any]:
    """Return a function that asks the step about a bar of the arrays, by its position."""
    step = Step(strategy)

    def decide(bar: int, account: Account) -> Any:
        def value_of(argument: str) -> float | None:
            found = inputs.lags.get(argument)
            return None if found is None else inputs.arrays[found[0]][bar - found[1]]

        return step(value_of, account, label(bar))

    return decide
