"""Trade the same signals in this project's engine and in vectorbt, and hold their answers against each other.

    answers.py            vectorbt's answers now, against admf's `simulate` and against the files of the tests
    answers.py --write    the same, and write the files

vectorbt's licence keeps it out of the tests' environment, so the ordinary test reads its answers from two
small files: closed trades, and the equity at each close. Prices and signals come from a seed.

Where the two engines mean different things by the same word, a setting maps one to the other:

- An order of unlimited size is the whole equity in both, the fees kept back (admf: cash_fraction of 1). A
  share of it is `size_type="percent"`, which vectorbt does not take where positions reverse.
- vectorbt reverses in one order, admf in two: the same units and proportional fees, but a fee per order is
  paid once there and twice here. So cases with such a fee trade one side.
- An entry against the position reverses it (`upon_opposite_entry="reverse"`, vectorbt's default), as a target
  of the other sign does here. An entry for the side that is held does nothing (`accumulate=False`).
- Filled at the close of the decision, the equity of that bar is before the order's costs here and after them
  there. So that case has none.
- Entry and exit of one side never come on the same bar: flat, admf enters and vectorbt does nothing.
- vectorbt's year, its metrics, and its stops are others (it takes one order a bar, so that a stop counts only
  from the bar after the entry on); they are not compared here.
"""

from __future__ import annotations

import argparse
import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FILES = Path(__file__).resolve().parents[1] / "tests" / "simulation" / "data"
TRADES, EQUITY = FILES / "vectorbt_trades.parquet", FILES / "vectorbt_equity.parquet"
SIGNALS = ("long_entry", "long_exit", "short_entry", "short_exit")
LONG, SHORT = SIGNALS[:2], SIGNALS[2:]
COLUMNS = ("entry_bar", "exit_bar", "side", "units", "entry_price", "exit_price", "pnl")
BARS = 400


@dataclass(frozen=True)
class Case:
    """One backtest in both engines' words.

    Parameters
    ----------
    name, seed
        Name in the files; seed of the prices and signals.
    signals
        Those that count.
    ours, theirs
        Arguments of `admf.simulate` and of vectorbt's `from_signals`.
    """

    name: str
    seed: int
    signals: tuple[str, ...] = SIGNALS
    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)


BPS = {"commission_bps": 10.0, "slippage_bps": 5.0}, {"fees": 10.0 / 1e4, "slippage": 5.0 / 1e4}
FIXED = {"commission_fixed": 2.5}, {"fixed_fees": 2.5}
WHOLE = {"lot_size": 1.0}, {"size_granularity": 1.0}
HALF = {"fraction": 0.5}, {"size": 0.5, "size_type": "percent"}
UNITS = {"method": "fixed_units", "units": 7.5}, {"size": 7.5}


def _case(
    name: str, seed: int, signals: tuple[str, ...] = SIGNALS, costs: Any = BPS, sizing: Any = ({}, {}),
    same_close: bool = False,
) -> Case:  # fmt: skip
    execution = {"fill": "same_close"} if same_close else {}
    ours = {"costs": costs[0], "sizing": sizing[0], "execution": execution}
    return Case(name, seed, signals, ours, {**costs[1], **sizing[1]})


BOTH_FEES = {**BPS[0], **FIXED[0]}, {**BPS[1], **FIXED[1]}
CASES = (
    _case("no costs", 1, costs=({}, {})),
    _case("both sides", 2),
    _case("both sides, other prices", 3),
    _case("both sides, whole units", 4, sizing=WHOLE),
    _case("both sides, fixed units", 5, sizing=UNITS),
    _case("both sides, filled at the close", 6, costs=({}, {}), same_close=True),
    _case("long", 7, LONG, BOTH_FEES),
    _case("long, whole units", 8, LONG, BOTH_FEES, WHOLE),
    _case("long, half", 9, LONG, BPS, HALF),
    _case("short", 10, SHORT, BOTH_FEES),
    _case("short, whole units", 11, SHORT, BPS, WHOLE),
    _case("short, half", 12, SHORT, BPS, HALF),
)


def market(seed: int) -> pd.DataFrame:
    """Daily prices and signals; the same seed gives the same ones, to the last digit."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.015, BARS)))
    opening = np.concatenate(([100.0], close[:-1])) * np.exp(random.normal(0.0, 0.005, BARS))
    # four decimals: the last bits of an exponential depend on the processor
    frame = pd.DataFrame({"open": opening, "close": close}).round(4)
    frame["high"] = frame.max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    frame["volume"] = 1000.0
    # one signal of a side a bar; sometimes one of each side
    for side, exits in (("long", "long_exit"), ("short", "short_exit")):
        drawn = random.random(BARS)
        frame[f"{side}_entry"] = (drawn < 0.1).astype(float)
        frame[exits] = (drawn > 0.9).astype(float)
    frame.loc[BARS - 1, list(SIGNALS)] = 0.0  # what is decided there never fills, in vectorbt at that close
    frame.index = pd.date_range("2015-01-01", periods=BARS, freq="D", tz="UTC")
    return frame


def by_admf(case: Case) -> tuple[pd.DataFrame, np.ndarray]:
    """Closed trades in `COLUMNS`, and the equity."""
    import admf

    bars = admf.load_bars(market(case.seed), symbol="X", timeframe="1d")
    result = admf.simulate(bars, "signals", {name: name for name in case.signals}, **case.ours)
    trades = result.trades[list(COLUMNS)].assign(side=np.where(result.trades["side"] == "long", 1, -1))
    return trades, result.equity_values


def by_vectorbt(case: Case) -> tuple[pd.DataFrame, np.ndarray]:
    """The same from vectorbt: decided on a close, filled at the next open, so signals move one bar on."""
    import vectorbt as vbt

    frame = market(case.seed).tz_localize(None)
    same_close = case.ours["execution"].get("fill") == "same_close"
    names = dict(zip(SIGNALS, ("entries", "exits", "short_entries", "short_exits"), strict=True))
    later = 0 if same_close else 1
    signals = {names[name]: frame[name].shift(later, fill_value=0.0).astype(bool) for name in case.signals}
    if case.signals == SHORT:
        signals["entries"] = signals["exits"] = pd.Series(False, index=frame.index)
    price = frame["close"] if same_close else frame["open"]
    portfolio = vbt.Portfolio.from_signals(
        frame["close"], price=price, init_cash=100_000.0, freq="D", **signals, **case.theirs
    )
    records = portfolio.trades.closed.records
    trades = pd.DataFrame(
        {
            "entry_bar": records["entry_idx"],
            "exit_bar": records["exit_idx"],
            "side": np.where(records["direction"] == 0, 1, -1),
            "units": records["size"],
            **{name: records[name] for name in ("entry_price", "exit_price", "pnl")},
        }
    )
    return trades, portfolio.value().to_numpy()


def difference(ours: tuple[pd.DataFrame, np.ndarray], theirs: tuple[pd.DataFrame, np.ndarray]) -> str | None:
    """Say where two answers differ: bars and sides at all, numbers by more than a relative 1e-12."""
    left, right = (trades.to_numpy(float) for trades, _ in (ours, theirs))
    if left.shape != right.shape:
        return f"{len(left)} trades against {len(right)}"
    apart = np.abs(left - right)
    apart[:, 3:6] /= right[:, 3:6]
    # a profit is a difference: it is as exact as the value that was traded
    apart[:, 6] /= right[:, 3] * right[:, 4]
    if (apart > 1e-12).any():
        row, column = np.argwhere(apart > 1e-12)[0]
        return f"{COLUMNS[column]} of trade {row}: {left[row, column]!r} against {right[row, column]!r}"
    apart = np.abs(ours[1] / theirs[1] - 1.0)
    if not (apart <= 1e-12).all():
        bar = int(np.argmax(~(apart <= 1e-12)))
        return f"equity of bar {bar}: {ours[1][bar]!r} against {theirs[1][bar]!r}"
    return None


def stored() -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
    """vectorbt's answers as the files have them, by the name of the case."""
    trades, equity = pd.read_parquet(TRADES), pd.read_parquet(EQUITY)
    return {
        name: (trades.loc[trades["case"] == name, list(COLUMNS)], equity[name].to_numpy()) for name in equity
    }


def write(answers: dict[str, tuple[pd.DataFrame, np.ndarray]]) -> None:
    FILES.mkdir(exist_ok=True)
    tables = [trades.assign(case=name) for name, (trades, _) in answers.items()]
    pd.concat(tables, ignore_index=True).to_parquet(TRADES, index=False)
    pd.DataFrame({name: equity for name, (_, equity) in answers.items()}).to_parquet(EQUITY, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold admf's answers against vectorbt's.")
    parser.add_argument("--write", action="store_true", help="write vectorbt's answers for the tests")
    arguments = parser.parse_args()
    try:
        version = importlib.metadata.version("vectorbt")
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit("vectorbt is not installed; `make bench` installs the peers") from None
    answers = {case.name: by_vectorbt(case) for case in CASES}
    if arguments.write:
        write(answers)
    files = stored()
    problems = []
    for case in CASES:
        theirs = answers[case.name]
        for what, ours in (("admf", by_admf(case)), ("the file of the tests", files[case.name])):
            if (problem := difference(ours, theirs)) is not None:
                problems.append(f"{case.name}: {what} and vectorbt disagree: {problem}")
    if problems:
        raise SystemExit("\n".join(problems))
    count = sum(len(trades) for trades, _ in answers.values())
    print(f"vectorbt {version}: {len(CASES)} cases of {BARS} bars, {count} closed trades: agreed to 1e-12")


if __name__ == "__main__":
    main()
