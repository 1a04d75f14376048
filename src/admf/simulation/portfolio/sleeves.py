"""Strategies as an allocation: their signals are recorded once, and replayed as target weights.

A sleeve is one strategy on one symbol with its share of the capital. Each is simulated on its own, at market
and with the portfolio's plain costs, which gives the target that it holds at each close; the portfolio
carries these out with the cash that all share, and all of its settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from admf.errors import ConfigError, DataError, Problem, StrategyError, WorkflowCancelledError
from admf.simulation.portfolio.allocation import Universe
from admf.simulation.portfolio.view import View
from admf.simulation.records import FILLED, MARKET_ORDER, SIGNAL, UNFILLED
from admf.typing import FloatArray

#: Costs of a strategy's own account. What else the portfolio pays hangs on what is held together: tiers on
#: all that is traded, interest on the cash of all.
PLAIN_COSTS = ("commission_bps", "commission_per_unit", "commission_fixed", "slippage_bps", "spread_bps")

Aggregation = Literal["weighted", "majority", "unanimous"]
AGGREGATIONS: tuple[Aggregation, ...] = ("weighted", "majority", "unanimous")


@dataclass(frozen=True)
class Member:
    """A strategy and what its signal counts.

    Parameters
    ----------
    label
        Name in the attribution; unique among the members.
    strategy
        Registered name, ``module:Name`` or the strategy.
    params
        Its parameters.
    path
        Where it stands in the allocation's parameters, for messages.
    weight
        Above 0.
    """

    label: str
    strategy: Any
    params: Mapping[str, Any]
    path: str
    weight: float = 1.0


@dataclass(frozen=True)
class Sleeve:
    """A strategy on a symbol, with its capital.

    Parameters
    ----------
    symbol
        What it trades.
    member
        The strategy.
    capital
        Share of the equity that a full signal of the symbol uses.
    """

    symbol: str
    member: Member
    capital: float


def read_members(entries: Any, path: str, what: str, also: Sequence[str] = ()) -> list[Member]:
    """Read ``{name, params, weight, label}`` mappings; ``also`` may stand in them too.

    Raises
    ------
    ConfigError
        With every problem.
    """
    problems: list[Problem] = []
    members: list[Member] = []
    allowed = ("name", "params", "weight", "label", *also)
    for at, given in entries:
        here = f"{path}.{at}"
        entry = given if isinstance(given, Mapping) else {"name": given}
        unknown = [key for key in entry if key not in allowed]
        problems += [
            Problem(f"{here}.{key}", "is no known key", allowed=", ".join(allowed)) for key in unknown
        ]
        weight = entry.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < np.inf:
            problems.append(Problem(f"{here}.weight", "must be a number above 0", found=repr(weight)))
            weight = 1.0
        if not isinstance(entry.get("params") or {}, Mapping):
            problems.append(Problem(f"{here}.params", "must be a mapping", found=repr(entry["params"])))
        elif entry.get("name") is None:
            problems.append(Problem(f"{here}.name", "is missing: which strategy?"))
        else:
            name = entry["name"]
            label = str(entry.get("label") or (name if isinstance(name, str) else _name_of(name)))
            taken = {member.label for member in members}
            if label in taken:
                label = f"{label} {at}"
            members.append(Member(label, name, dict(entry.get("params") or {}), here, float(weight)))
    if not problems and not members:
        problems.append(Problem(path, "names no strategy"))
    if problems:
        raise ConfigError(problems, what)
    return members


def _name_of(strategy: Any) -> str:
    return str(getattr(strategy, "__name__", None) or getattr(strategy, "name", type(strategy).__name__))


class Sleeves:
    """Recorded signals, put together to one weight a symbol.

    Parameters
    ----------
    labels
        Names of the members.
    signals
        Targets held at each close, from -1 to 1, shape (rows, symbols, members).
    member_weights
        What a member's signal counts on a symbol, shape (symbols, members); 0: it does not trade it.
    capital
        Share of the equity that a full signal uses, shape (symbols,).
    aggregation
        How signals are put together.

    Attributes
    ----------
    parts
        Share of each member in the target, shape (rows, symbols, members); adds to 1 where there is one.
    """

    default_schedule = "on_change"

    def __init__(
        self,
        labels: Sequence[str],
        signals: FloatArray,
        member_weights: FloatArray,
        capital: FloatArray,
        aggregation: Aggregation,
    ) -> None:
        self.labels = tuple(labels)
        signal, self.parts = aggregate(signals, member_weights, aggregation)
        self._targets = signal * capital

    def weights(self, view: View) -> FloatArray:
        """Give the targets that hold at this close."""
        targets: FloatArray = self._targets[len(view.timestamps) - 1]
        return targets


def aggregate(
    signals: FloatArray, weights: FloatArray, aggregation: Aggregation
) -> tuple[FloatArray, FloatArray]:
    """Put the signals of several members together.

    ``weighted``: ``sum(w s) / sum(w)``. ``majority``: 1 or -1 where the members of that sign have more than
    half of the weight, else 0. ``unanimous``: 1 or -1 where all members have that sign, else 0.

    Parameters
    ----------
    signals
        From -1 to 1, shape (rows, symbols, members).
    weights
        Not negative, shape (symbols, members).
    aggregation
        Which of the three.

    Returns
    -------
    signal, parts
        Shape (rows, symbols), and each member's share in it, shape (rows, symbols, members): of a vote, those
        who voted with the outcome share by weight. Where the signal is 0, so are the shares.
    """
    total = weights.sum(axis=1)
    safe = np.where(total > 0.0, total, 1.0)
    if aggregation == "weighted":
        voices = signals * weights
        signal = voices.sum(axis=2) / safe
    else:
        votes = np.sign(signals) * weights
        up = np.where(votes > 0.0, votes, 0.0).sum(axis=2)
        down = np.where(votes < 0.0, -votes, 0.0).sum(axis=2)
        if aggregation == "majority":
            signal = 1.0 * (up > total / 2.0) - 1.0 * (down > total / 2.0)
        else:
            all_up = ((signals > 0.0) | (weights == 0.0)).all(axis=2)
            all_down = ((signals < 0.0) | (weights == 0.0)).all(axis=2)
            signal = np.where(total > 0.0, 1.0 * all_up - 1.0 * all_down, 0.0)
        voices = np.where(np.sign(votes) == signal[:, :, None], votes, 0.0)
    spoken = voices.sum(axis=2, keepdims=True)
    acts = (signal != 0.0)[:, :, None] & (spoken != 0.0)
    parts = np.where(acts, voices / np.where(acts, spoken, 1.0), 0.0)
    return signal, parts


def record_all(
    universe: Universe, sleeves: Sequence[Sleeve], members: Sequence[Member], aggregation: Aggregation
) -> Sleeves:
    """Record the signals of every sleeve.

    Parameters
    ----------
    universe
        Of the portfolio.
    sleeves
        Strategies by symbol.
    members
        Their strategies, in the order of the attribution.
    aggregation
        How the signals of several on one symbol are put together.

    Raises
    ------
    WorkflowCancelledError
        The work was stopped.
    """
    symbols = universe.joined.symbols
    shape = (len(universe.joined.timestamps), len(symbols), len(members))
    signals, weights = np.zeros(shape), np.zeros(shape[1:])
    capital = np.zeros(len(symbols))
    for sleeve in sleeves:
        if universe.stopped is not None and universe.stopped():
            raise WorkflowCancelledError(
                f"the portfolio was stopped before {sleeve.member.label} on {sleeve.symbol}"
            )
        column, at = symbols.index(sleeve.symbol), members.index(sleeve.member)
        signals[:, column, at] = record(universe, sleeve)
        weights[column, at] = sleeve.member.weight
        capital[column] = sleeve.capital
    return Sleeves([member.label for member in members], signals, weights, capital, aggregation)


def orders_refused(label: str) -> StrategyError:
    """Say that a strategy which gives orders cannot be part of a portfolio."""
    return StrategyError(
        f"{label} gives orders of its own; a portfolio fills targets at the opens, with the cash of all",
        hint="return a target from -1 to 1, or run it alone, as the strategy of one symbol",
    )


def record(universe: Universe, sleeve: Sleeve) -> FloatArray:
    """Simulate a strategy on its own, and give the target that it holds at each row's close.

    Returns
    -------
    ndarray of shape (rows,)
        From -1 to 1; 0 before its first decision. A strategy that cannot decide on a symbol, or never does,
        has none, which the universe's warnings say.

    Raises
    ------
    StrategyError
        It gives orders, or failed.
    """
    from admf.simulation.api import simulate

    joined, symbol, member = universe.joined, sleeve.symbol, sleeve.member
    held = np.zeros(len(joined.timestamps))
    bars = joined.bars[symbol]
    span = joined.timestamps[[universe.first, universe.last - 1]]
    inside = (bars.timestamps >= span[0]) & (bars.timestamps <= span[1])
    if not inside.any():
        return held
    first, last = int(np.argmax(inside)), len(inside) - int(np.argmax(inside[::-1]))
    try:
        result = simulate(
            bars,
            member.strategy,
            member.params,
            costs={key: getattr(universe.costs, key) for key in PLAIN_COSTS},
            execution={"direction": universe.direction},
            initial_cash=universe.initial_cash * sleeve.capital,
            start=bars.index[first].to_pydatetime(),
            end=bars.index[last - 1].to_pydatetime(),
            table=universe.tables.get(symbol),
            allow_modules=universe.allow_modules,
            stopped=universe.stopped,
        )
    except DataError as error:
        universe.warnings.append(f"{member.label} does not trade {symbol}: {error.message}")
        return held
    if not result.compiled:
        universe.warnings.append(f"{member.label} on {symbol} is not compiled, and slower for it")
    rows = joined.rows[list(joined.symbols).index(symbol)][first:last]
    orders = result.order_table
    if np.any(orders["type"] != MARKET_ORDER) or np.any(orders["reason"] != SIGNAL):
        raise orders_refused(member.label)
    if not len(orders["bar"]):
        universe.warnings.append(f"{member.label} never decides to trade {symbol}")
    accepted = (orders["status"] == FILLED) | (orders["status"] == UNFILLED)  # decided on the last bar
    for bar, target in zip(orders["decided_bar"][accepted], orders["target"][accepted], strict=True):
        held[rows[bar] :] = target
    return held
