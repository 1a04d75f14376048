"""A portfolio on the command line: the dry run, its errors with lines, the template, the components."""

import json
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "portfolio.yaml"


def test_the_dry_run_names_allocation_schedule_and_cost(admf: Callable, tmp_path: Path) -> None:
    done = admf("validate", EXAMPLE)
    assert done.returncode == 0, done.stderr
    for text in (
        "SP500: 5,031 bars of 1d",
        "NASDAQ: 5,031 bars of 1d",
        "4,779 bars, 2000-01-03 to 2018-12-31",
        "inverse_volatility",
        "weekly, band 0.02",
    ):
        assert text in done.stdout
    document = json.loads(admf("validate", EXAMPLE, "--json").stdout)
    assert document["portfolio"] == {
        "allocation": "inverse_volatility",
        "params": {"lookback": 60},
        "schedule": "weekly",
        "band": 0.02,
        "strategies": [],
    }
    assert 0 < document["estimate"]["seconds"] < 60
    assert list(tmp_path.iterdir()) == []


def test_the_template_names_its_strategies(admf: Callable) -> None:
    assert admf("init", "portfolio").returncode == 0
    document = json.loads(admf("validate", "portfolio.yaml", "--json").stdout)
    assert document["portfolio"]["schedule"] == "on_change"
    named = [(each["symbol"], each["strategy"]) for each in document["portfolio"]["strategies"]]
    assert named[:2] == [("SP500", "sma_cross"), ("SP500", "donchian_breakout")]
    assert document["portfolio"]["strategies"][0]["params"] == {"fast": 50, "slow": 200}


def test_every_problem_is_told_with_its_line(admf: Callable, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "workflow:\n"
        "  type: backtest\n"
        "  data_config: {symbols: [SP500, NASDAQ]}\n"
        "  backtest_config:\n"
        "    portfolio:\n"
        "      allocation:\n"
        "        name: per_strategy\n"
        "        params:\n"
        "          strategies:\n"
        "            SP500: {name: sma_cross, params: {fast: 0}}\n"
        "            NASDAC: momentum\n"
        "    execution:\n"
        "      repeat_signal: reenter\n"
    )
    done = admf("validate", "bad.yaml")
    assert done.returncode == 2
    assert done.stdout == ""
    section = "workflow.backtest_config"
    for text in (
        f"bad.yaml:13: {section}.execution.repeat_signal: must be hold in a portfolio",
        f"bad.yaml:10: {section}.portfolio.allocation.params.strategies.SP500.params.fast: must be from",
        f"bad.yaml:11: {section}.portfolio.allocation.params.strategies.NASDAC: is no symbol of the",
        "did you mean NASDAQ?",
    ):
        assert text in done.stderr


def test_allocations_are_listed(admf: Callable) -> None:
    done = admf("components", "allocation")
    assert done.returncode == 0
    names = (
        *("equal_weight", "fixed_weights", "inverse_volatility", "minimum_variance", "rank_momentum"),
        *("per_strategy", "ensemble"),
    )
    assert all(name in done.stdout for name in names)


def test_dates_that_begin_at_different_times_are_noted(admf: Callable, tmp_path: Path) -> None:
    lines = ["date,open,high,low,close", *(f"2024-01-0{day}{{}},10,11,9,10" for day in (2, 3, 4))]
    for symbol, hour in (("COIN", " 00:00"), ("STOCK", " 05:00")):
        (tmp_path / f"{symbol}.csv").write_text("\n".join(lines).replace("{}", hour))
    (tmp_path / "two.yaml").write_text(
        "workflow:\n  type: backtest\n  name: two\n"
        "  data_config: {source: csv, path: '{symbol}.csv', symbols: [COIN, STOCK], timeframe: 1d}\n"
        "  backtest_config: {portfolio: {allocation: {name: equal_weight}}}\n"
    )
    (note,) = json.loads(admf("validate", "two.yaml", "--json").stdout)["notes"]
    assert note.startswith(
        "6 of 6 rows split bars of one date, which begin at different times (2024-01-02: COIN at "
        "2024-01-02T00:00 UTC, STOCK at 2024-01-02T05:00 UTC)"
    )
