"""Runs a simulation on the engine that its settings need: the basic kernel, the order engine, plain Python.

The basic kernel (`admf.simulation.template`) does what most backtests use, as fast as it goes; the order
engine (`admf.simulation.orders`) does all of it. Where both can, they give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from admf.errors import WorkflowCancelledError
from admf.simulation.facts import SIGMA, FactNeeds, Facts, facts_of
from admf.simulation.inputs import PRICES, Inputs, decider
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS
from admf.simulation.settings import Settings
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable
    from admf.market import Bars
    from admf.simulation.kernel import StepCall
    from admf.strategies import BoundStrategy


PLAIN_BARS = (
    20_000  # fewer bars than this are not worth compiling an order engine: they take a third of a second
)


class Tracks(NamedTuple):
    """What an engine returns.

    Parameters
    ----------
    equity, positions
        One value a simulated bar.
    orders, trades
        Rows in the columns of `admf.simulation.records`.
    ending
        Cash, position, entry price, entry bar, target and number of cut decisions at the end.
    financing
        Borrow, funding, margin interest and cash interest that were paid, currency; negative: received.
    """

    equity: FloatArray
    positions: FloatArray
    orders: FloatArray
    trades: FloatArray
    ending: tuple[float, ...]
    financing: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)


class Ground(NamedTuple):
    """What a simulation runs on.

    Parameters
    ----------
    bars
        All bars, also those that only warm up.
    first, last
        Simulated range.
    table
        Indicators of these bars.
    finer
        Bars of a finer timeframe, which decide what happens inside a bar; None: there are none.
    """

    bars: Bars
    first: int
    last: int
    table: IndicatorTable
    finer: Bars | None = None

    def facts(self, settings: Settings) -> Facts:
        """Give the facts of the bars that these settings need."""
        return facts_of(self.bars, needs_of(settings), self.table, self.finer)

    def volatility(self, settings: Settings) -> FloatArray | None:
        """Give the volatility that the fills of each simulated bar know; None where no cost depends on it."""
        if "impact" not in settings.order_features():
            return None
        return self.facts(settings).rows[self.first : self.last, SIGMA]


def needs_of(settings: Settings) -> FactNeeds:
    """Say which facts of a bar the order engine needs."""
    return FactNeeds(
        spread_column=settings.spread_column,
        volatility_bars=settings.volatility_bars,
        adv_bars=settings.adv_bars,
        atr_bars=settings.atr_bars,
        halted_column=settings.halted_column,
        halt_on_zero_volume=settings.halt_on_zero_volume,
        locate_column=settings.locate_column,
        funding_column=settings.funding_column,
    )


def run_engine(
    strategy: BoundStrategy,
    inputs: Inputs,
    settings: Settings,
    ground: Ground,
    stopped: Callable[[], bool] | None = None,
) -> tuple[Tracks, str | None]:
    """Run the compiled engine; where the step cannot be compiled plain Python, and say why.

    The reason is None where the engine is compiled, and empty where plain Python is the quicker choice: an
    order engine takes some ten seconds to compile, once, in which plain Python does half a million bars.
    """
    from admf.simulation.compile import CannotCompileError, compile_kernel
    from admf.simulation.kernel import kernel_source
    from admf.simulation.step_source import NotEmbeddableError

    if strategy.needs_python is not None:
        return run_plain(strategy, inputs, settings, ground, stopped), strategy.needs_python
    n = ground.last - ground.first
    # numpy's memory, not numba's: it comes in huge pages, and faults less
    equity, positions = np.empty(n), np.empty(n)
    prices = [inputs.arrays[name] for name in PRICES]
    rows = [inputs.arrays[name] for name in inputs.rows]
    state = () if strategy.initial_state is None else (strategy.initial_state,)
    try:
        step = step_call(strategy, inputs)
        if needs_orders(step, settings, ground):
            if n < PLAIN_BARS:
                return run_plain(strategy, inputs, settings, ground, stopped), ""
            from admf.simulation.orders import generate

            source = generate.kernel_source(step, order_features(step, settings, ground))
            kernel = compile_kernel(source, f"strategy {strategy.name} for these settings")
            rules, fine = ground.facts(settings)
            special: tuple[FloatArray, ...] | None = (rules, fine, _read_only(settings.order_numbers()))
            numbers = (*inputs.numbers.values(), *state)
        else:
            source = kernel_source(step, settings.features)
            kernel = compile_kernel(source, f"strategy {strategy.name} for these settings")
            special = None
            numbers = (*inputs.numbers.values(), *settings.numbers(), *state)
    except (CannotCompileError, NotEmbeddableError) as error:
        return run_plain(strategy, inputs, settings, ground, stopped), str(error)
    try:
        rest = kernel(
            equity,
            positions,
            ground.first,
            ground.last,
            inputs.warmup,
            *(special or ()),
            *prices,
            *rows,
            *numbers,
        )
    except Exception as error:  # noqa: BLE001 - the step raised; plain Python says on which bar
        tracks = run_plain(strategy, inputs, settings, ground, stopped)
        return tracks, f"the compiled step raised {error!r}"
    return Tracks(equity, positions, *rest), None


def needs_orders(step: StepCall, settings: Settings, ground: Ground) -> bool:
    """Tell whether the order engine is needed."""
    return settings.detailed or step.source.gives_orders or ground.finer is not None


def order_features(step: StepCall, settings: Settings, ground: Ground) -> frozenset[str]:
    """Name the parts of the order engine that are in use."""
    more = {"orders"} if step.source.gives_orders else set()
    return settings.order_features() | more | ({"path"} if ground.finer is not None else set())


def _read_only(numbers: tuple[float, ...]) -> FloatArray:
    array = np.array(numbers)
    array.flags.writeable = False
    return array


def step_call(strategy: BoundStrategy, inputs: Inputs) -> StepCall:
    """Say how a kernel calls the strategy's step; NotEmbeddableError where its source cannot be had."""
    from admf.simulation.kernel import StepCall
    from admf.simulation.step_source import collect

    return StepCall(
        collect(strategy.on_bar, inputs.texts),
        [name for name in strategy.arguments if name not in inputs.texts],
        inputs.rows,
        inputs.numbers,
        strategy.initial_state,
    )


def run_plain(
    strategy: BoundStrategy,
    inputs: Inputs,
    settings: Settings,
    ground: Ground,
    stopped: Callable[[], bool] | None = None,
) -> Tracks:
    """Run the order engine in plain Python over the bars, until `stopped` says True."""
    from admf.simulation.orders.plain import OrderEngine

    bars, first, last = ground.bars, ground.first, ground.last
    facts, fine = ground.facts(settings)
    engine = OrderEngine(settings.order_numbers(), fine.tolist())
    decide = decider(strategy, inputs, lambda bar: f"{bar} ({bars.index[bar].isoformat()})")
    equity = np.empty(last - first)
    positions = np.empty(last - first)
    with np.errstate(all="ignore"):  # as in compiled code, a division by zero is infinite, not an error
        for at, row in enumerate(facts[first:last].tolist()):
            if stopped is not None and stopped():
                raise WorkflowCancelledError(f"the simulation was stopped at bar {at} of {last - first}")
            bar = first + at
            asked = (lambda account, bar=bar: decide(bar, account)) if bar >= inputs.warmup else None
            equity[at] = engine.on_bar(row, asked)
            positions[at] = engine.position
    engine.finish()
    return Tracks(
        equity,
        positions,
        np.array(engine.orders, dtype=np.float64).reshape(-1, len(ORDER_COLUMNS)),
        np.array(engine.trades, dtype=np.float64).reshape(-1, len(TRADE_COLUMNS)),
        engine.ending,
        engine.financing,
    )
