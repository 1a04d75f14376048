"""`SimulationSession`: the engine stepped one bar at a time, with the bits of a batch over the same bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.errors import ConfigError, DataError, Problem, StrategyError
from admf.indicators.latest import LatestValues
from admf.indicators.spec import BAR_COLUMNS
from admf.indicators.table import column_of
from admf.market.timeframes import rate_warnings
from admf.simulation.api import backtest_config, settings_of
from admf.simulation.assumptions import assumption_card, warnings_of
from admf.simulation.engine import Ground, needs_of
from admf.simulation.exits import count_exits, exit_warnings
from admf.simulation.facts import atr_of, is_daily, next_row, require_sessions
from admf.simulation.history import History
from admf.simulation.inputs import Step
from admf.simulation.needs import require_targets, require_volume, silent_volume, volume_keys
from admf.simulation.orders.plain import Account, OrderEngine
from admf.simulation.records import (
    FILLED,
    FINANCING,
    ORDER_COLUMNS,
    PARTLY_FILLED,
    STATUSES,
    TRADE_COLUMNS,
    columns_of,
    is_fill,
)
from admf.simulation.result import SimulationResult
from admf.simulation.session_update import Order, SessionUpdate, fill_of, order_of
from admf.simulation.step_source import gives_orders
from admf.strategies import resolve_strategy
from admf.strategies.orders import AT_THE_CLOSE, DAY, LEG_FIELDS, TIMES_IN_FORCE, Decision

if TYPE_CHECKING:
    from admf.core.config.models import CostsConfig, ExecutionConfig, MarginConfig, RiskConfig, SizingConfig
    from admf.market import Bars


class SimulationSession:
    """Simulates a strategy bar by bar: fills, decisions and result are those of `simulate`, bit for bit.

    Indicators are TA-Lib's over all bars so far, so that a bar costs more the longer the session is.
    A user's own indicator function gives the batch's bits only if its value at a bar does not depend, by
    rounding, on how many bars follow; it must cope with few bars, unless a history comes before them.
    One thread at a time.

    Parameters
    ----------
    strategy, params, execution, sizing, costs, margin, risk, initial_cash, risk_free_pct, allow_modules
        As in `simulate`.
    history
        Bars before the session: they warm the strategy up and are not simulated, as those before `start` in
        `simulate`. Symbol, timeframe, time zone and columns are theirs, also if there are none in it. Without
        it, the first bar says which columns there are.
    symbol, timeframe, timezone
        Of the bars, where there is no history; the timeframe is needed then.

    Raises
    ------
    ConfigError
        A key or value is wrong, or needs volume that the history has not.
    StrategyError
        The strategy or its parameters are wrong.
    ComponentError
        An indicator reads a column that the history has not, or a timeframe that does not fit.
    """

    def __init__(
        self,
        strategy: Any,
        params: Mapping[str, Any] | None = None,
        *,
        execution: Mapping[str, Any] | ExecutionConfig | None = None,
        sizing: Mapping[str, Any] | SizingConfig | None = None,
        costs: Mapping[str, Any] | CostsConfig | None = None,
        margin: Mapping[str, Any] | MarginConfig | None = None,
        risk: Mapping[str, Any] | RiskConfig | None = None,
        initial_cash: float = 100_000.0,
        risk_free_pct: float = 0.0,
        history: Bars | None = None,
        symbol: str = "SESSION",
        timeframe: str | None = None,
        timezone: str = "UTC",
        allow_modules: Sequence[str] = (),
        _restored: bool = False,
    ) -> None:
        sections = {"execution": execution, "sizing": sizing, "costs": costs, "margin": margin, "risk": risk}
        self.config = backtest_config("session", sections, initial_cash, None, None, risk_free_pct)
        self.strategy = resolve_strategy(strategy, params, allow_modules=tuple(allow_modules))
        require_targets(self.strategy, self.config)
        self._counted = history is None  # bars a year: counted from the bars at the end, as load_bars does
        start = history if history is not None else _no_bars(symbol, timeframe, timezone)
        self._history = History(start, open_columns=history is None)
        self._first = len(start)
        self._settings = settings_of(self.config).for_bars(start.symbol, start.periods_per_year)
        self._needs = needs_of(self._settings)
        require_sessions(start, self._settings)
        self._days = is_daily(start)
        if history is not None:
            self._columns_of(start)
        if len(start) and not _restored:  # bars that were simulated may have none so far
            require_volume(start, self.config)
        self._volume_for = volume_keys(self.config)
        self._latest = LatestValues(self.strategy.indicators | self._own_indicators(), start)
        self._engine = OrderEngine(self._settings.order_numbers())
        self._step = Step(self.strategy)
        self._warm = False
        self._equity: list[float] = []
        self._positions: list[float] = []
        self._stopped: str | None = None

    def __len__(self) -> int:
        """Bars that were simulated, the history not counted."""
        return len(self._equity)

    def __repr__(self) -> str:
        equity = self._equity[-1] if self._equity else self.config.initial_cash
        return f"<SimulationSession {self.strategy.name}: {len(self)} bars, equity {equity:,.2f}>"

    @property
    def bars(self) -> Bars:
        """All bars so far, the history first."""
        return self._history.bars

    @property
    def pending(self) -> tuple[Order, ...]:
        """The orders that work, or are on their way, after the last bar."""
        return tuple(order_of(row) for row in self._engine.unfilled())

    def on_bar(self, bar: Any) -> SessionUpdate:
        """Take the next bar: fill what was decided before, check stops, mark, ask the strategy.

        Parameters
        ----------
        bar
            A mapping with timestamp, open, high, low, close, volume (0 where absent, unless a setting needs
            it) and the other columns, or an object with such attributes and a mapping `extra`. The timestamp
            is a time (without a zone: one of the bars'), or UTC nanoseconds as an integer.

        Raises
        ------
        DataError
            The bar is not valid, or does not come after the last one; the session stands as before.
        StrategyError
            The strategy failed. The session has seen the bar, but no decision, and goes no further.
        """
        self._require_running()
        self._history.append(bar, self._volume_for)
        try:
            return self._advance(self._history.bars)
        except BaseException as error:
            self._stopped = f"{type(error).__name__} at bar {len(self._history) - 1}"
            raise

    def _advance(self, bars: Bars) -> SessionUpdate:
        engine = self._engine
        at = len(bars) - 1
        before = dict(self._latest.values)
        self._latest.update(bars)
        self._warm = self._warm or self._is_warm(at)
        columns = self._columns_of(bars)

        def value_of(argument: str) -> float | None:
            name = argument.removeprefix("prev_")
            if name in self.strategy.indicators:
                value: float = (self._latest.values if name == argument else before)[name]
            elif name in columns:
                value = columns[name][at]
            elif name in BAR_COLUMNS:
                value = getattr(bars, name)[at if name == argument else at - 1]
            else:
                return None
            return value

        label = f"{at} ({np.datetime64(int(bars.timestamps[at]), 'ns').astype('M8[s]')} UTC)"

        def asked(account: Account) -> Any:
            answer = self._step(value_of, account, label)
            if not self._days and isinstance(answer, tuple):
                require_no_session(answer, f"strategy {self.strategy.name}", label)
            return answer

        decide = asked if self._warm else None
        known = len(engine.orders)
        facts = next_row(bars, self._needs, before.get(_ATR, math.nan))
        with np.errstate(all="ignore"):  # as in compiled code, a division by zero is infinite, not an error
            equity = engine.on_bar(facts, decide)
        self._equity.append(equity)
        self._positions.append(engine.position)
        rows = [fill_of(row) for row in engine.orders[known:]]
        return SessionUpdate(
            bar=len(self) - 1,
            timestamp=int(bars.timestamps[at]),
            orders=self.pending,
            fills=tuple(row for row in rows if row.status in _FILLS),
            refused=tuple(row for row in rows if row.status not in _FILLS),
            asked=self._warm,
            position=engine.position,
            entry_price=engine.ending[2],
            cash=engine.ending[0],
            equity=equity,
            target=engine.ending[4],
            state=self._step.state,
        )

    def _own_indicators(self) -> dict[str, Any]:
        """Name the indicators that the engine reads for itself."""
        bars = self._needs.atr_bars
        return {_ATR: atr_of(bars)} if bars else {}

    def _is_warm(self, at: int) -> bool:
        """Tell whether all that the step asks for has been there, as `BoundStrategy.first_complete_bar`."""
        for argument in self.strategy.arguments:
            name = argument.removeprefix("prev_")
            if name in self.strategy.indicators:
                first = self._latest.first.get(name, at + 1)
            elif name in BAR_COLUMNS:
                first = 0
            else:
                continue
            if first + (name != argument) > at:
                return False
        return True

    def _columns_of(self, bars: Bars) -> dict[str, Any]:
        return {
            name: column_of(bars, column, f"strategy {self.strategy.name}")
            for name, column in self.strategy.columns.items()
        }

    def _require_running(self) -> None:
        if self._stopped is not None:
            raise StrategyError(
                f"the session of strategy {self.strategy.name} has stopped: {self._stopped}",
                hint="load it as it was last saved, with the strategy corrected",
            )

    def result(self) -> SimulationResult:
        """Give the result so far: what `simulate` gives for these bars.

        Raises
        ------
        DataError
            No bar was simulated yet.
        """
        from admf.indicators import IndicatorTable

        self._require_running()
        if not self._equity:
            raise DataError("the session has no result before its first bar", hint="call on_bar first")
        bars, engine, settings = self._priced_bars(), self._engine, self._settings
        table = IndicatorTable(bars, prove=False)
        warmup = self.strategy.first_complete_bar(
            {name: table.row(spec) for name, spec in self.strategy.indicators.items()}
            | {name: getattr(bars, name) for name in BAR_COLUMNS}
        )
        simulated = bars.slice(self._first, None)
        ground = Ground(bars, self._first, len(bars), table)
        orders = columns_of(ORDER_COLUMNS, _table([*engine.orders, *engine.unfilled()], ORDER_COLUMNS))
        trades = columns_of(TRADE_COLUMNS, _table(engine.trades, TRADE_COLUMNS))
        equity, positions = np.array(self._equity), np.array(self._positions)
        equity.flags.writeable = positions.flags.writeable = False
        return SimulationResult(
            bars=simulated,
            strategy=self.strategy.name,
            params=dict(self.strategy.params),
            initial_cash=self.config.initial_cash,
            risk_free_pct=self.config.risk_free_pct,
            equity_values=equity,
            position_values=positions,
            order_table=orders,
            trade_table=trades,
            assumptions=assumption_card(
                settings,
                simulated,
                max(warmup - self._first, 0),
                engine.ending[:5],
                "a session takes its bars one by one",
                own_orders=gives_orders(self.strategy.on_bar, self.strategy.params),
            ),
            warnings=[
                *warnings_of(settings, equity, orders, int(engine.ending[-1]), ground.volatility(settings)),
                *silent_volume(bars, self.config),
                *rate_warnings(simulated.timestamps, simulated.periods_per_year),
                *exit_warnings(count_exits(trades, orders, is_fill(orders["status"]))),
            ],
            compiled=False,
            financing=dict(zip(FINANCING, engine.financing, strict=True)),
        )

    def _priced_bars(self) -> Bars:
        """Bars with the number of them in a year."""
        from dataclasses import replace

        from admf.market.timeframes import periods_per_year

        bars = self._history.bars
        if not self._counted:
            return bars
        return replace(
            bars, periods_per_year=float(periods_per_year(bars.timestamps, bars.timeframe, bars.timezone))
        )

    def save(self, path: str | Path) -> Path:
        """Write the session to one file, whole or not at all; it goes on from there after `load`.

        The file is a zip of JSON and .npy arrays.

        Raises
        ------
        StrategyError
            The strategy keeps things in ``self``, or its state or parameters cannot be written as JSON.
        """
        from admf.simulation.session_file import save

        self._require_running()
        return save(self, Path(path))

    @classmethod
    def load(
        cls, path: str | Path, *, strategy: Any = None, allow_modules: Sequence[str] = ()
    ) -> SimulationSession:
        """Restore a saved session.

        Parameters
        ----------
        path
            What `save` wrote.
        strategy
            The strategy itself, where it was no registered name and no ``module:Name``.
        allow_modules
            Modules that the strategy may come from.

        Raises
        ------
        DataError
            There is no such file, it is damaged, or its bars are not those that were saved.
        StrategyError
            The strategy is not the one that was saved: its step, parameters or indicators have changed.
        """
        from admf.simulation.session_file import load

        return load(cls, Path(path), strategy, allow_modules)


def require_no_session(decision: Decision, who: str, where: str) -> None:
    """Refuse an order that ends with a session, on bars that come one by one and do not tell when it ends."""
    size = len(LEG_FIELDS)
    for leg in (decision[:size], decision[size:]):
        force = leg[LEG_FIELDS.index("time_in_force")]
        if leg[0] == leg[0] and force in (DAY, AT_THE_CLOSE):
            raise StrategyError(
                f"{who} gave an order with time in force {TIMES_IN_FORCE[int(force)]} at bar {where}: it "
                "needs to know the last bar of a session, which bars that come one by one do not tell",
                hint="give it cancel_after_bars in place of that, or simulate all bars at once",
            )


_ATR = "the engine's ATR"  # no strategy's indicator can be called so
_FILLS = (STATUSES[FILLED], STATUSES[PARTLY_FILLED])


def _no_bars(symbol: str, timeframe: str | None, timezone: str) -> Bars:
    from admf.market.bars import Bars
    from admf.market.timeframes import split_timeframe
    from admf.market.timestamps import check_timezone

    if timeframe is None:
        problem = Problem("timeframe", "is missing", allowed='as "1d" or "5m"', hint="or give a history")
        raise ConfigError([problem], "SimulationSession")
    split_timeframe(timeframe)
    check_timezone(timezone)
    none = np.empty(0)
    return Bars(
        symbol, timeframe, np.empty(0, np.int64), none, none, none, none, none, timezone=timezone,
        source="bars as they came",
    )  # fmt: skip


def _table(rows: Sequence[tuple[float, ...]], columns: tuple[str, ...]) -> Any:
    return np.array(rows, dtype=np.float64).reshape(-1, len(columns))
