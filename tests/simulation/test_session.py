"""A session, stepped bar by bar, gives the batch's bits: fills, decisions, result; saved and restored too."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import admf
import admf.simulation.api as api
from admf.core.registry import registry_of
from admf.errors import AdmfError, ConfigError, DataError, StrategyError
from admf.indicators import ATR, EMA, MAX, SMA, custom
from admf.market import load_bars
from admf.simulation.engine import run_plain
from admf.simulation.orders import layout
from admf.simulation.session import SimulationSession
from admf.strategies import Float, Int
from admf.strategies.orders import (
    AT_THE_CLOSE,
    DAY,
    GTC,
    keep,
    limit_order,
    market_order,
    one_cancels_other,
)
from admf.testing.bars import example_bars

COUNT = 160
NAN = float("nan")


class Stateful:
    """Keeps a counter, a flag, a name and a smoothed price; decides by what it holds, too."""

    parameters: ClassVar = {"patience": Int(1, 20, default=3), "speed": Float(0.01, 1.0, default=0.3)}

    @staticmethod
    def indicators(p):
        return {"weekly": SMA(3).on("1w"), "range": ATR(5), "top": MAX(6), "far": EMA(4, price=SMA(3))}

    @staticmethod
    def initial_state(p):
        return (0, NAN, False)

    @staticmethod
    def on_bar(
        close, prev_weekly, weekly, range, prev_top, far, patience, speed, position, bars_held, equity, state
    ):
        waited, smooth, seen = state
        smooth = close if math.isnan(smooth) else smooth + speed * (close - smooth)
        waited = waited + 1
        target = NAN
        if waited >= patience:
            waited = 0
            target = 0.75 if close > smooth and close > weekly else -1.0
        if close > prev_top + range or bars_held > 9 or weekly < prev_weekly or equity < 1000.0:
            target = 0.0 if position != 0.0 else 0.5
        if far > close:
            seen = True
        return target, (waited, smooth, seen)


class WithSelf:
    """Remembers in self, and needs Python."""

    def __init__(self):
        self.count = 0

    def on_bar(self, close):
        self.count += 1
        return 1.0 if self.count % 7 < 4 else 0.0


def spread(high, low, days):
    row = np.full(len(high), np.nan)
    row[days:] = (high - low)[: len(high) - days]
    return row


class OwnIndicator:
    """Uses a function of the user's."""

    @staticmethod
    def indicators(p):
        return {"wide": custom(spread, 3)}

    @staticmethod
    def on_bar(wide, high, low):
        return 1.0 if high - low > wide else -1.0


CASES = {
    "sma_cross": {"fast": 4, "slow": 9},
    "ema_cross": {"fast": 4, "slow": 9},
    "macd_cross": {"fast": 5, "slow": 11, "signal": 4},
    "rsi_reversion": {"period": 5, "oversold": 40, "overbought": 60},
    "bollinger_breakout": {"period": 8, "deviations": 1.0},
    "donchian_breakout": {"entry": 8, "exit": 4},
    "momentum": {"period": 6},
    "buy_and_hold": {},
    "rules": {
        "indicators": {"fast": "SMA(4)", "slow": "SMA(9)", "rsi": "RSI(5)", "week": 'EMA(2).on("1w")'},
        "entry": "crosses_above(fast, slow) and rsi < 90",
        "exit": "bars_held > 6 or close < entry_price * 0.97 or prev_week > week",
        "short_entry": "crosses_below(fast, slow)",
        "short_exit": "rsi < 30 or close / prev_close > 1.03",
    },
    "signals": {"long_entry": "up", "long_exit": "dn", "short_entry": "dn"},
    "signals of targets": {"target": "target"},
    "stateful": {"patience": 2},
    "with self": {},
    "own indicator": {},
}
OWN = {"stateful": Stateful, "with self": WithSelf, "own indicator": OwnIndicator}
SETTINGS = [
    {"costs": {"commission_bps": 5.0}},
    {"execution": {"fill": "same_close"}, "sizing": {"fraction": 0.7, "lot_size": 0.1}},
    {
        "execution": {"stop_loss_pct": 3.0, "take_profit_pct": 6.0, "stop_basis": "signal_close"},
        "costs": {"slippage_bps": 3.0, "spread_bps": 2.0, "commission_fixed": 1.0},
    },
    {
        "execution": {"trailing_stop_pct": 2.0, "direction": "long_only", "repeat_signal": "reenter"},
        "sizing": {"method": "fixed_units", "units": 40.0},
        "costs": {"commission_per_unit": 0.01},
    },
    {
        "execution": {
            "order_type": "limit",
            "limit_offset_bps": 20,
            "cancel_after_bars": 3,
            "trailing_stop_atr": 3,
            "latency_bars": 1,
            "intrabar": "path",
        },
        "costs": {
            "commission_min": 1.0,
            "slippage_volatility": 0.1,
            "borrow_pct": 4.0,
            "cash_interest_pct": 1.0,
        },
        "sizing": {"method": "kelly", "kelly_trades": 5},
        "margin": {"leverage": 2.0, "maintenance_pct": 25.0},
        "risk": {
            "max_drawdown_pct": 10.0,
            "on_drawdown": "reduce",
            "cooldown_bars": 2,
            "max_exposure_pct": 150,
        },
    },
    {
        "execution": {"max_participation_pct": 2.0, "order_type": "stop_market", "stop_offset_bps": 10},
        "costs": {"commission_tiers": [{"above": 0, "bps": 10}, {"above": 50_000, "bps": 4}], "impact": 0.3},
        "sizing": {"method": "atr_risk", "risk_pct": 1.0},
        "risk": {"daily_loss_pct": 2.0, "on_daily_loss": "flatten"},
    },
]


def strategy_of(name):
    return OWN.get(name, name.partition(" ")[0])


def bars_with_signals(seed, count=COUNT):
    bars = example_bars(seed, count)
    random = np.random.default_rng(seed)
    frame = bars.frame
    for name in ("up", "dn"):
        frame[name] = (random.random(count) < 0.1).astype(float)
    frame["target"] = np.where(random.random(count) < 0.7, np.nan, random.uniform(-1.2, 1.2, count))
    return load_bars(frame, symbol="X", timeframe="1d", min_bars=1)


def rows_of(bars, start=0):
    """The bars one by one, as a feed gives them."""
    names = ("open", "high", "low", "close", "volume")
    for at in range(start, len(bars)):
        row = {name: float(getattr(bars, name)[at]) for name in names}
        yield {
            "timestamp": int(bars.timestamps[at]),
            **row,
            **{k: float(v[at]) for k, v in bars.extra.items()},
        }


def assert_same(result, expected):
    for name in ("equity_values", "position_values"):
        assert getattr(result, name).tobytes() == getattr(expected, name).tobytes(), name
    for table in ("order_table", "trade_table"):
        for name, column in getattr(expected, table).items():
            found = getattr(result, table)[name]
            assert found.dtype == column.dtype
            np.testing.assert_array_equal(found, column, err_msg=f"{table} {name}")
    assert result.digest == expected.digest
    assert {**result.assumptions, "engine": ""} == {**expected.assumptions, "engine": ""}


@pytest.fixture
def plain_engine(monkeypatch):
    """Spares the compiling; that the kernel has the same bits is tested elsewhere, and below."""
    monkeypatch.setattr(api, "run_engine", lambda *args: (run_plain(*args), "a test wants it plain"))


def test_every_built_in_strategy_is_here():
    here = {entry.name for entry in registry_of("strategy").entries() if entry.address.startswith("admf.")}
    assert here <= {name.partition(" ")[0] for name in CASES}


@pytest.mark.usefixtures("plain_engine")
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    options=st.sampled_from(SETTINGS),
    history=st.sampled_from([0, 0, 1, 17, 60]),
    stops=st.lists(st.integers(1, COUNT - 1), max_size=3),
)
def test_bar_by_bar_saved_and_restored_anywhere(tmp_path, name, seed, options, history, stops):
    bars, strategy = bars_with_signals(seed), strategy_of(name)
    start = bars.index[history]
    expected = admf.simulate(bars, strategy, CASES[name], start=start, **options)
    session = SimulationSession(strategy, CASES[name], history=bars.slice(0, history), **options)
    orders, fills = [], []
    for at, row in enumerate(rows_of(bars, history), history):
        if at in stops and name != "with self":
            session.save(tmp_path / "session")
            object_of = OWN.get(name)
            session = SimulationSession.load(tmp_path / "session", strategy=object_of)
        waiting = session.pending
        update = session.on_bar(row)
        assert update.bar == at - history == len(session) - 1
        assert update.equity == expected.equity_values[update.bar]
        assert update.position == expected.position_values[update.bar]
        if waiting and "order_type" not in options.get("execution", {}):  # what waited happens first
            first = (update.fills + update.refused)[0] if update.fills + update.refused else None
            assert first is None or first.decided_bar == waiting[0].decided_bar
        orders += update.orders
        fills += [*update.fills, *update.refused]
    table = expected.orders
    filled = table[table["status"] != "unfilled: last bar"]
    assert [fill.price for fill in fills if fill.status == "filled"] == list(
        filled.loc[filled["status"] == "filled", "price"]
    )
    assert len(fills) == len(filled)
    assert_same(session.result(), expected)
    assert session.bars.fingerprint == bars.fingerprint


def test_it_is_the_compiled_batch_too():
    bars = bars_with_signals(3, 400)
    expected = admf.simulate(bars, "sma_cross", CASES["sma_cross"], **SETTINGS[2])
    assert expected.compiled
    session = SimulationSession("sma_cross", CASES["sma_cross"], history=bars.slice(0, 0), **SETTINGS[2])
    for row in rows_of(bars):
        session.on_bar(row)
    assert_same(session.result(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_strategy_is_the_compiled_batch(number):
    name, options = list(CASES)[number], SETTINGS[number % 4]
    bars = bars_with_signals(number, 700)
    expected = admf.simulate(bars, strategy_of(name), CASES[name], **options)
    assert expected.compiled == (name != "with self")
    session = SimulationSession(strategy_of(name), CASES[name], history=bars.slice(0, 0), **options)
    for row in rows_of(bars):
        session.on_bar(row)
    assert_same(session.result(), expected)


@pytest.mark.usefixtures("plain_engine")
def test_without_a_history_the_first_bar_says_what_there_is():
    bars = bars_with_signals(5)
    session = SimulationSession("signals", CASES["signals"], symbol="X", timeframe="1d")
    for row in rows_of(bars):
        session.on_bar(row)
    assert set(session.bars.extra) == {"up", "dn", "target"}
    result = session.result()
    assert result.digest == admf.simulate(bars, "signals", CASES["signals"]).digest
    assert result.bars.periods_per_year == bars.periods_per_year


class Candle:
    def __init__(self, timestamp, price):
        self.timestamp, self.open, self.high, self.low, self.close = timestamp, price, price, price, price


@pytest.mark.parametrize(
    "moment",
    ["2024-05-02T09:30", pd.Timestamp("2024-05-02 13:30", tz="UTC"), 1_714_656_600_000_000_000],
)
def test_objects_and_times_in_every_form(moment):
    session = SimulationSession("buy_and_hold", timeframe="1d", timezone="America/New_York")
    assert session.on_bar(Candle(moment, 10.0)).timestamp == 1_714_656_600_000_000_000
    assert session.bars.volume.tolist() == [0.0]


GOOD = {"timestamp": "2024-01-03", "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 5.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamp": "2024-01-02"}, "timestamp is there twice"),
        ({"timestamp": "2024-01-01"}, "timestamp is earlier than the one before"),
        ({"timestamp": "soon"}, "timestamp: 'soon' is not a moment in time zone UTC"),
        ({"timestamp": None}, "timestamp is missing"),
        ({"high": 8.0}, "high is below low in 1 row: row 1 (2024-01-03): high 8, low 9"),
        ({"close": 12.0}, "close is outside low to high"),
        ({"close": NAN}, "close is NaN"),
        ({"open": -1.0}, "open is not positive"),
        ({"high": math.inf}, "high is infinite"),
        ({"volume": -5.0}, "volume is negative"),
        ({"open": "10"}, "open must be a number; found '10'"),
        ({"close": True}, "close must be a number; found True"),
        ({"open": None, "low": None}, "open is missing\n  low is missing"),
        ({"score": 1.0}, "column 'score' is not one of the bars before"),
        ({"open": 10**400}, "open is too large"),
    ],
)
def test_a_bar_that_is_not_valid_is_refused_and_changes_nothing(change, message):
    session = SimulationSession("buy_and_hold", timeframe="1d")
    session.on_bar({**GOOD, "timestamp": "2024-01-02"})
    before, waiting = session.bars.fingerprint, session.pending
    with pytest.raises(DataError) as caught:
        session.on_bar({**GOOD, **change})
    assert message in str(caught.value)
    assert (session.bars.fingerprint, session.pending, len(session)) == (before, waiting, 1)
    assert session.on_bar(GOOD).fills[0].price == 10.0


@pytest.mark.parametrize(
    ("bar", "message"),
    [
        (7, "a bar is a mapping or an object with timestamp, open, high, low, close; found 7"),
        ({**GOOD, "dn": 0.0}, "has no column 'up'; it has: open, high, low, close, volume, dn"),
    ],
)
def test_a_first_bar_that_lacks_what_is_needed(bar, message):
    session = SimulationSession("signals", CASES["signals"], timeframe="1d")
    with pytest.raises(AdmfError) as caught:
        session.on_bar(bar)
    assert message in str(caught.value)


def test_a_refused_first_bar_leaves_the_columns_open():
    session = SimulationSession("signals", {"long_entry": "up"}, timeframe="1d")
    with pytest.raises(DataError):
        session.on_bar({**GOOD, "high": 1.0, "wrong": 1.0})
    assert session.on_bar({**GOOD, "up": True}).orders[0].target == 1.0
    assert session.bars.extra["up"].tolist() == [1.0]


def test_bars_handed_out_do_not_change_and_cannot_be_written():
    session = SimulationSession("buy_and_hold", timeframe="1d")
    session.on_bar(GOOD)
    first = session.bars
    for day in pd.date_range("2024-01-04", periods=3000):  # more than one buffer holds
        session.on_bar({**GOOD, "timestamp": day})
    assert len(first) == 1
    assert first.close.tolist() == [10.5]
    with pytest.raises(ValueError, match="read-only"):
        first.close[0] = 1.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        first.close.flags.writeable = True
    assert len(session.bars) == 3001


class Fails:
    @staticmethod
    def on_bar(close):
        if close > 10.4:
            raise ValueError("too high")
        return 1.0


def test_after_a_strategy_has_failed_the_session_goes_no_further(tmp_path):
    session = SimulationSession(Fails, timeframe="1d")
    session.on_bar({**GOOD, "close": 10.0})
    session.save(tmp_path / "s")
    with pytest.raises(
        StrategyError,
        match=r"failed at bar 1 \(2024-01-04T00:00:00 UTC\): .*, line \d+: ValueError: too high",
    ):
        session.on_bar({**GOOD, "timestamp": "2024-01-04"})
    for call in (lambda: session.on_bar(GOOD), lambda: session.save(tmp_path / "t"), session.result):
        with pytest.raises(StrategyError, match="has stopped: StrategyError at bar 1"):
            call()
    again = SimulationSession.load(tmp_path / "s", strategy=Fails)
    assert again.on_bar({**GOOD, "timestamp": "2024-01-04", "close": 10.0}).position > 0


def test_what_a_session_needs():
    assert admf.SimulationSession is SimulationSession
    with pytest.raises(ConfigError, match="timeframe: is missing"):
        SimulationSession("buy_and_hold")
    with pytest.raises(AdmfError, match="an indicator on '1h' needs a timeframe longer"):
        SimulationSession("rules", {"indicators": {"a": 'SMA(2).on("1h")'}, "entry": "a > 1"}, timeframe="1d")
    with pytest.raises(DataError, match="no result before its first bar"):
        SimulationSession("buy_and_hold", timeframe="1d").result()
    with pytest.raises(AdmfError, match="has no column 'up'"):
        SimulationSession("signals", CASES["signals"], history=example_bars(1, 20))


HALTS = {"halt_on_zero_volume": True}


def test_settings_that_need_volume_are_refused_with_a_history_that_has_none():
    bars = example_bars(1, 20)
    silent = replace(bars, volume=np.zeros(20))
    with pytest.raises(ConfigError) as caught:
        SimulationSession("buy_and_hold", execution=HALTS, costs={"impact": 1.0}, history=silent)
    assert [str(problem) for problem in caught.value.problems] == [
        "execution.halt_on_zero_volume: needs volume, and the data has none: every bar would be halted\n"
        "    hint: load data with volume, or remove it",
        "costs.impact: needs volume, and the data has none: no fill would have any impact\n"
        "    hint: load data with volume, or remove it",
    ]
    SimulationSession("buy_and_hold", execution=HALTS, history=bars)
    SimulationSession("buy_and_hold", history=silent)


def test_settings_that_need_volume_want_it_in_every_bar(tmp_path):
    session = SimulationSession("buy_and_hold", execution=HALTS, timeframe="1d")
    absent = {name: value for name, value in GOOD.items() if name != "volume"}
    with pytest.raises(DataError) as caught:
        session.on_bar(absent)
    assert caught.value.message == (
        "SESSION: bar 0: refused\n  volume is missing, which execution.halt_on_zero_volume cannot do without"
    )
    assert len(session) == 0
    # 0 is an answer: nothing was traded in that bar
    session.on_bar({**GOOD, "volume": 0.0})
    session = SimulationSession.load(session.save(tmp_path / "s"))
    said = "execution.halt_on_zero_volume needs volume, and the data has none: every bar would be halted"
    assert said in session.result().warnings
    session.on_bar({**GOOD, "timestamp": "2024-01-04"})
    assert said not in session.result().warnings


class TestSaved:
    @pytest.fixture
    def saved(self, tmp_path):
        session = SimulationSession("sma_cross", CASES["sma_cross"], history=example_bars(1, 5))
        for row in list(rows_of(example_bars(1, 30)))[5:]:
            session.on_bar(row)
        return session.save(tmp_path / "session")

    def test_saved_over_and_no_pickle(self, saved):
        session = SimulationSession.load(saved)
        session.save(saved)
        assert [path.name for path in saved.parent.iterdir()] == [saved.name]
        with zipfile.ZipFile(saved) as file:
            assert {name.rpartition(".")[2] for name in file.namelist()} == {"json", "npy"}
            for name in file.namelist():
                if name.endswith(".npy"):
                    with file.open(name) as array:
                        np.load(array, allow_pickle=False)

    def test_a_failed_save_leaves_the_old_file(self, saved, monkeypatch):
        content = saved.read_bytes()
        session = SimulationSession.load(saved)

        def full(*args, **kwargs):
            raise OSError("no space left")

        monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(OSError, match="no space"):
            session.save(saved)
        assert saved.read_bytes() == content
        assert len(list(saved.parent.iterdir())) == 1

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.floats(0, 1), cut=st.booleans())
    def test_a_damaged_file_is_our_error(self, saved, place, cut):
        content = saved.read_bytes()
        at = min(int(place * len(content)), len(content) - 1)
        harmed = content[:at] if cut else content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
        path = saved.with_name("harmed")
        path.write_bytes(harmed)
        try:  # a byte that nothing reads may differ: then the session is whole
            session = SimulationSession.load(path)
        except AdmfError:
            return
        assert session.result().digest == SimulationSession.load(saved).result().digest

    def test_other_bars_are_found_out(self, saved, tmp_path):
        other = tmp_path / "other"
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(other, "w") as new:
            for name in old.namelist():
                source = "high.npy" if name == "close.npy" else name
                new.writestr(name, old.read(source))
        with pytest.raises(DataError, match="its bars are not those whose fingerprint it names"):
            SimulationSession.load(other)

    def test_another_layout_of_the_engine_is_found_out(self, saved, monkeypatch):
        """Its memory is a list of numbers, of the same length perhaps: each would be taken for another."""
        monkeypatch.setattr(layout, "S_CASH", layout.S_POS)
        with pytest.raises(AdmfError, match="was written by another version of admf"):
            SimulationSession.load(saved)

    def test_another_strategy_is_found_out(self, tmp_path):
        def made(threshold):
            class Step:
                @staticmethod
                def on_bar(close):
                    return 1.0 if close > threshold else 0.0

            return Step

        session = SimulationSession(made(10.0), timeframe="1d")
        session.on_bar(GOOD)
        path = session.save(tmp_path / "s")
        assert SimulationSession.load(path, strategy=made(10.0)).pending == session.pending
        with pytest.raises(StrategyError, match="its step, parameters or indicators have changed"):
            SimulationSession.load(path, strategy=made(11.0))

    def test_saved_before_the_first_bar(self, tmp_path):
        session = SimulationSession("signals", {"long_entry": "up"}, timeframe="1d", symbol="S")
        again = SimulationSession.load(session.save(tmp_path / "s"))
        assert again.on_bar({**GOOD, "up": 1.0}).orders == session.on_bar({**GOOD, "up": 1.0}).orders
        assert again.bars.symbol == "S"

    def test_a_state_keeps_its_types(self, tmp_path):
        state = (1, 2.5, NAN, -math.inf, True, "calm", None, (np.float64(0.1), np.int64(7)), -0.0)

        class Keeps:
            @staticmethod
            def initial_state(p):
                return (0,)

            @staticmethod
            def on_bar(close, state):
                return 1.0, globals()["STATE"]

        globals()["STATE"] = state
        session = SimulationSession(Keeps, timeframe="1d")
        session.on_bar(GOOD)
        again = SimulationSession.load(session.save(tmp_path / "s"), strategy=Keeps)
        found = again.on_bar({**GOOD, "timestamp": "2024-01-04"}).state
        assert repr(found) == repr(state)
        loaded = SimulationSession.load(tmp_path / "s", strategy=Keeps)._step.state
        assert repr(loaded) == repr(state)
        globals()["STATE"] = (object(),)
        session.on_bar({**GOOD, "timestamp": "2024-01-04"})
        with pytest.raises(StrategyError, match="its state cannot be saved: it holds <object"):
            session.save(tmp_path / "s")

    def test_what_cannot_be_found_or_saved(self, tmp_path):
        with pytest.raises(DataError, match="there is no saved session"):
            SimulationSession.load(tmp_path / "none")
        session = SimulationSession(WithSelf, timeframe="1d")
        with pytest.raises(StrategyError, match="cannot be saved, because on_bar takes self"):
            session.save(tmp_path / "s")
        session = SimulationSession(Fails, timeframe="1d")
        path = session.save(tmp_path / "s")
        with pytest.raises(
            StrategyError, match=r"cannot go on.*\n.*load\(path, strategy=\.\.\.\)|allow_modules"
        ):
            SimulationSession.load(path)
        assert len(SimulationSession.load(path, strategy=Fails)) == 0


class ForTheDay:
    """Gives an order of which the parameter says how long it works, from the third bar on."""

    parameters: ClassVar = {"force": Int(0, 5, default=0)}

    @staticmethod
    def on_bar(close, prev_volume, volume, force):
        if volume < 7.0:
            return keep()
        return one_cancels_other(
            market_order(1.0, time_in_force=force), limit_order(0.5, 0.5 * close, time_in_force=force)
        )


@pytest.mark.parametrize("force", [DAY, AT_THE_CLOSE, GTC])
def test_an_order_that_ends_with_a_session_is_refused_where_bars_do_not_tell_its_end(force):
    def stepped(timeframe: str) -> SimulationSession:
        session = SimulationSession(ForTheDay, {"force": int(force)}, timeframe=timeframe)
        for hour in range(3):
            bar = {**GOOD, "timestamp": f"2024-01-0{3 + hour}", "volume": 5.0 + hour}
            session.on_bar(bar)
        return session

    pending = stepped("1d").pending
    assert [(order.side, order.type, order.target) for order in pending] == [
        ("buy", "market", 1.0),
        ("buy", "limit", 0.5),
    ]
    if force == GTC:
        assert stepped("1h").pending == pending
        return
    with pytest.raises(
        StrategyError, match=r"time in force (day|at_the_close) at bar 2 .*2024-01-05"
    ) as caught:
        stepped("1h")
    assert "cancel_after_bars" in str(caught.value)
