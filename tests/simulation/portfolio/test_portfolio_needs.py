"""What a portfolio's settings need of its data and weights, and that every one of them is said in words."""

from dataclasses import replace

import numpy as np
import pytest

import admf
from admf.core.config import BacktestConfig, RebalanceConfig
from admf.errors import ComponentError, ConfigError
from admf.simulation.api import settings_of
from admf.simulation.portfolio import check_portfolio
from admf.simulation.portfolio.assumptions import assumption_card
from admf.simulation.portfolio.join import join
from admf.simulation.portfolio.support import _KNOWN


def test_a_column_is_looked_for_in_every_symbol(some_bars):
    bars = some_bars(3)
    count = len(bars["S0"])
    bars["S0"] = replace(bars["S0"], extra={"halt": np.zeros(count), "spread": np.full(count, 0.01)})
    bars["S1"] = replace(bars["S1"], extra={"halt": np.zeros(count), "spread": np.full(count, -1.0)})
    keys = {"execution": {"halted_column": "halt"}, "costs": {"spread_column": "spread"}}
    problems = check_portfolio(BacktestConfig(portfolio={}, **keys), bars=bars)
    assert [each.path for each in problems] == [
        *("costs.spread_column", "costs.spread_column", "execution.halted_column")
    ]
    assert problems[0].message.startswith("S1: spread_column 'spread' is -1 at ")
    assert problems[1].message.startswith("S2: spread_column names 'spread', which the data do not have")
    assert problems[2].message.startswith("S2: halted_column names 'halt'")
    with pytest.raises(ConfigError) as caught:
        admf.simulate_portfolio(bars, **keys)
    assert list(caught.value.problems) == problems


def test_symbols_without_volume_are_named(some_bars):
    bars = some_bars(3)
    for name in ("S0", "S2"):
        bars[name] = replace(bars[name], volume=np.zeros(len(bars[name])))
    keys = {"execution": {"max_participation_pct": 10}, "costs": {"impact": 0.1}}
    problems = check_portfolio(BacktestConfig(portfolio={}, **keys), bars=bars)
    assert {each.path: each.message for each in problems} == {
        "execution.max_participation_pct": "needs volume, and S0, S2 has none: nothing would ever be filled",
        "costs.impact": "needs volume, and S0, S2 has none: no fill would have any impact",
    }
    with pytest.raises(ConfigError, match="S0, S2"):
        admf.simulate_portfolio(bars, **keys)


def test_an_estimate_must_be_complete_for_some_symbol(some_bars):
    bars = some_bars(2, n=60)
    bars["S1"] = bars["S1"].slice(40, 60)
    config = BacktestConfig(portfolio={}, execution={"trailing_stop_atr": 3, "atr_bars": 40})
    assert check_portfolio(config, bars=bars) == []
    bars["S0"] = bars["S0"].slice(30, 60)
    (problem,) = check_portfolio(config, bars=bars)
    assert problem.path == "execution.atr_bars"
    assert "of 30 bars" in problem.found


def test_weights_may_add_to_the_leverage(some_bars):
    weights = {"weights": {"S0": 1.2, "S1": -0.6}}
    levered = BacktestConfig(
        portfolio={"allocation": {"name": "fixed_weights", "params": weights}}, margin={"leverage": 2}
    )
    assert check_portfolio(levered, ["S0", "S1"]) == []
    plain = levered.model_copy(update={"margin": BacktestConfig(portfolio={}).margin})
    (problem,) = check_portfolio(plain, ["S0", "S1"])
    assert problem.path == "portfolio.allocation.params.weights"
    assert (problem.found, problem.allowed) == ("1.8", "at most 1")
    assert "margin.leverage" in problem.hint
    # what the fraction multiplies counts too
    more = levered.model_copy(update={"sizing": levered.sizing.model_copy(update={"fraction": 1.5})})
    assert check_portfolio(more, ["S0", "S1"])[0].allowed == "at most 1.333333333"


def test_an_allocation_that_wants_more_than_the_leverage_is_told_so(some_bars):
    def greedy(view):
        return np.array([1.5, -1.0])

    said = r"the absolute weights add to 2\.5, and may add to 1 at most: .* margin\.leverage"
    with pytest.raises(ComponentError, match=said):
        admf.simulate_portfolio(some_bars(2), greedy)


# A config for each key that a portfolio knows, in which it says something.
WORDS = {
    "execution.direction": {"direction": "long_only"},
    "execution.order_type": {"order_type": "limit"},
    "execution.limit_offset_bps": {"order_type": "limit", "limit_offset_bps": 7},
    "execution.stop_offset_bps": {"order_type": "stop_market", "stop_offset_bps": 7},
    "execution.trail_offset_bps": {"order_type": "trailing_stop_market", "trail_offset_bps": 7},
    "execution.time_in_force": {"time_in_force": "day"},
    "execution.cancel_after_bars": {"order_type": "limit", "cancel_after_bars": 7},
    "execution.stop_loss_pct": {"stop_loss_pct": 7},
    "execution.take_profit_pct": {"take_profit_pct": 7},
    "execution.trailing_stop_pct": {"trailing_stop_pct": 7},
    "execution.trailing_stop_atr": {"trailing_stop_atr": 7},
    "execution.atr_bars": {"trailing_stop_atr": 7, "atr_bars": 9},
    "execution.stop_basis": {"stop_loss_pct": 7, "stop_basis": "signal_close"},
    "execution.reentry_after_stop": {"stop_loss_pct": 7, "reentry_after_stop": "immediate"},
    "execution.intrabar": {"stop_loss_pct": 7, "intrabar": "path"},
    "execution.max_participation_pct": {"max_participation_pct": 7},
    "execution.partial_fill": {"max_participation_pct": 7, "partial_fill": "cancel"},
    "execution.latency_bars": {"latency_bars": 7},
    "execution.halt_on_zero_volume": {"halt_on_zero_volume": True},
    "execution.halted_column": {"halted_column": "halt"},
    "sizing.fraction": {"fraction": 0.7},
    "sizing.lot_size": {"lot_size": 7},
    "sizing.min_value": {"min_value": 777},
    "costs.commission_bps": {"commission_bps": 7},
    "costs.commission_per_unit": {"commission_per_unit": 7},
    "costs.commission_fixed": {"commission_fixed": 7},
    "costs.commission_min": {"commission_min": 7},
    "costs.commission_max": {"commission_max": 7},
    "costs.commission_max_pct": {"commission_max_pct": 7},
    "costs.maker_bps": {"maker_bps": 7, "taker_bps": 9},
    "costs.taker_bps": {"maker_bps": 1, "taker_bps": 7},
    "costs.commission_tiers": {"commission_tiers": [{"above": 0, "bps": 7}]},
    "costs.tier_volume": {"commission_tiers": [{"above": 0, "bps": 7}], "tier_volume": "units"},
    "costs.slippage_bps": {"slippage_bps": 7},
    "costs.slippage_volatility": {"slippage_volatility": 7},
    "costs.impact": {"impact": 7},
    "costs.volatility_bars": {"impact": 7, "volatility_bars": 9},
    "costs.adv_bars": {"impact": 7, "adv_bars": 9},
    "costs.spread_bps": {"spread_bps": 7},
    "costs.spread_fixed": {"spread_fixed": 7},
    "costs.spread_column": {"spread_column": "s"},
    "costs.borrow_pct": {"borrow_pct": 7},
    "costs.margin_rate_pct": {"margin_rate_pct": 7},
    "costs.cash_interest_pct": {"cash_interest_pct": 7},
    "costs.funding_pct": {"funding_pct": 7},
    "costs.funding_column": {"funding_column": "f"},
    "costs.funding_paid_multiple": {"funding_pct": 7, "funding_paid_multiple": 2},
    "margin.leverage": {"leverage": 7},
    "margin.maintenance_pct": {"maintenance_pct": 7},
    "margin.on_margin_call": {"maintenance_pct": 7, "on_margin_call": "reduce"},
    "margin.locates": {"locates": "none"},
    "margin.locate_column": {"locates": "column", "locate_column": "l"},
    "risk.max_position_units": {"max_position_units": 7},
    "risk.max_position_value": {"max_position_value": 7},
    "risk.max_exposure_pct": {"max_exposure_pct": 7},
    "risk.max_leverage": {"max_leverage": 7},
    "risk.max_concentration_pct": {"max_concentration_pct": 7},
    "risk.daily_loss_pct": {"daily_loss_pct": 7},
    "risk.on_daily_loss": {"daily_loss_pct": 7, "on_daily_loss": "flatten"},
    "risk.max_drawdown_pct": {"max_drawdown_pct": 7},
    "risk.on_drawdown": {"max_drawdown_pct": 7, "on_drawdown": "reduce"},
    "risk.reduce_to_pct": {"max_drawdown_pct": 7, "on_drawdown": "reduce", "reduce_to_pct": 9},
    "risk.cooldown_bars": {"cooldown_bars": 7},
    "risk.max_open_positions": {"max_open_positions": 7},
    "risk.allowed_symbols": {"allowed_symbols": ["S1"]},
}
# Keys with one value that a portfolio takes.
FIXED = {"execution.fill", "sizing.method"}


def card(bars, name, section):
    settings = settings_of(BacktestConfig(portfolio={}, **{name: section}))
    joined = join(bars)
    rows = len(joined.timestamps)
    return assumption_card(
        joined, 0, rows, settings, "monthly", RebalanceConfig(), "x", np.zeros(2), {}, True
    )


def test_every_key_is_said_in_words(some_bars):
    """Without the key, the card is another one."""
    known = {f"{name}.{key}" for name, keys in _KNOWN.items() for key in keys}
    assert set(WORDS) | FIXED == known
    bars = some_bars(2)
    for path, section in WORDS.items():
        name, key = path.split(".")
        said = card(bars, name, section)
        without = {other: value for other, value in section.items() if other != key}
        try:
            unsaid = card(bars, name, without)
        except ConfigError:  # the key cannot be left out beside the others
            unsaid = card(bars, name, {})
        assert said != unsaid, path
        assert all(said.values()), path


def test_the_card_does_not_deny_what_is_on(some_bars):
    bars = some_bars(2)
    plain = card(bars, "costs", {})
    assert plain["borrowing"].startswith("none: the absolute weights add to 1 at most")
    assert plain["volume"] == "orders fill whole, whatever the bar's volume"
    levered = card(bars, "margin", {"leverage": 2, "maintenance_pct": 30})["borrowing"]
    assert levered == (
        "the absolute weights add to 2 at most; purchases may borrow up to 1 x the equity; margin call at "
        "equity below 30 % of the value of all positions: inside a bar a position is closed at its price "
        "where that happens, the others being at their opens or last closes; at a close all are closed at "
        "their next opens; shares to sell short can always be borrowed; no borrow cost; borrowed cash is "
        "free of charge; no interest on cash"
    )
    both = BacktestConfig(portfolio={}, sizing={"fraction": 1.2}, margin={"leverage": 1.25})
    scaled = assumption_card(
        join(bars), 0, 9, settings_of(both), "monthly", RebalanceConfig(), "x", np.zeros(2), {}, True
    )
    assert scaled["borrowing"].startswith(
        "the absolute weights add to 1.04167 at most (times sizing.fraction, 1.2, that is the leverage, 1.25)"
    )
    late = card(bars, "execution", {"latency_bars": 1})
    assert late["fill"] == (
        "a decision reaches the market 1 bar after the open of the next bar; bars are those of each symbol"
    )
