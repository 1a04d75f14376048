"""What holding costs in a portfolio's result: costs, attribution by symbol and strategy, trades, digest."""

from dataclasses import replace

import numpy as np
import pytest

import admf
from admf.simulation.portfolio.records import TRADE_COLUMNS
from admf.simulation.portfolio.result import ACCOUNT


def financed(result, carry, interest):
    """The same portfolio, had its positions cost `carry` and its account `interest` at each bar."""
    carry = np.where(np.roll(result.position_values, 1, axis=0) != 0.0, carry, 0.0)
    carry[0] = 0.0
    paid = np.cumsum(carry.sum(axis=1) + interest)
    return replace(
        result,
        equity_values=result.equity_values - paid,
        cash_values=result.cash_values - paid,
        carry_values=carry,
        interest_values=interest,
        financing={
            "borrow": carry.sum(),
            "funding": 0.0,
            "margin_interest": interest[interest > 0].sum(),
            "cash_interest": interest[interest < 0].sum(),
        },
    )


@pytest.fixture(scope="module")
def ensemble(some_bars):
    bars = some_bars(3, 4, 120, gaps=True)
    members = [{"name": "sma_cross", "params": {"fast": 5, "slow": 20}}, {"name": "momentum"}]
    costs = {"commission_bps": 5.0, "slippage_bps": 2.0, "spread_bps": 1.0}
    return admf.simulate_portfolio(bars, "ensemble", {"members": members}, costs=costs)


@pytest.fixture(scope="module")
def paying(ensemble):
    random = np.random.default_rng(1)
    carry = random.normal(1.0, 2.0, ensemble.position_values.shape)
    return financed(ensemble, carry, random.normal(0.0, 3.0, len(ensemble.equity_values)))


def test_the_attributions_add_to_the_profit_with_financing(paying):
    gained = paying.equity_values[-1] - paying.initial_cash
    for table in (paying.attribution, paying.attribution_by_strategy):
        assert table.pnl.sum() == pytest.approx(gained, abs=1e-6)
        np.testing.assert_allclose(table.pnl, table.price_pnl - table.iloc[:, 1:5].sum(axis=1))
    assert paying.attribution.index.tolist() == [*paying.symbols, ACCOUNT]
    assert paying.attribution_by_strategy.index[-1] == (ACCOUNT, ACCOUNT)
    of_account = paying.attribution.loc[ACCOUNT]
    assert of_account.pnl == -of_account.financing == pytest.approx(-paying.interest.sum())
    np.testing.assert_allclose(paying.attribution.financing[:-1], paying.carry.sum(axis=0))
    grouped = paying.attribution_by_strategy.groupby("symbol").sum().loc[paying.attribution.index]
    np.testing.assert_allclose(grouped, paying.attribution, rtol=1e-9, atol=1e-9)


def test_a_bar_belongs_to_those_who_held_over_it(hand_bars):
    """Two strategies by turns: what the second bar costs is the first one's, of whom the third bar sells."""
    prices = [(10, 10)] * 6
    bars = {"A": hand_bars(prices)}
    first = np.array([1, 1, 0, 0, 0, 0])
    targets = np.stack([first, 1 - first], axis=1)

    class ByTurns:
        labels = ("one", "two")
        default_schedule = "daily"
        parts = targets[:, None, :].astype(float)

        def weights(self, view):
            return np.array([0.5 + 0.1 * targets[len(view.timestamps) - 1, 1]])

    result = admf.simulate_portfolio(bars, ByTurns())
    # decided at the closes of bars 0 and 2: held by one over bars 2 and 3, by two from then on
    paying = financed(result, np.array([[0.0], [1], [2], [4], [8], [16]]), np.zeros(6))
    table = paying.attribution_by_strategy.financing
    assert table[("A", "one")] == 2 + 4
    assert table[("A", "two")] == 8 + 16
    assert ACCOUNT not in paying.attribution.index  # there is no interest


def test_costs_have_every_kind_and_their_total(ensemble, paying):
    assert list(paying.costs) == [
        *(
            "commission",
            "slippage",
            "spread",
            "borrow",
            "funding",
            "margin_interest",
            "cash_interest",
            "total",
        )
    ]
    fills = sum(ensemble.costs[name] for name in ("commission", "slippage", "spread"))
    assert paying.costs["total"] == pytest.approx(
        fills + paying.carry.to_numpy().sum() + paying.interest.sum()
    )
    assert ensemble.costs["total"] == pytest.approx(fills)
    assert not ensemble.carry.to_numpy().any()
    assert not ensemble.interest.any()


def test_the_digest_is_of_financing_and_trades_too(ensemble, paying):
    digests = {ensemble.digest, paying.digest}
    digests.add(replace(paying, carry_values=paying.carry_values[:, ::-1]).digest)
    digests.add(replace(paying, interest_values=paying.interest_values[::-1]).digest)
    kept = {**ensemble.trade_table, "mfe": np.ones_like(ensemble.trade_table["mfe"])}
    digests.add(replace(ensemble, kept_trades=kept).digest)
    assert len(digests) == 5
    assert replace(ensemble).digest == ensemble.digest


def test_trades_are_those_of_the_engine_where_it_kept_them(ensemble):
    made = ensemble.trades
    assert list(ensemble.trade_table) == list(TRADE_COLUMNS)
    assert set(made.exit_reason) == {"signal"}
    assert (made.mae <= 0.0).all()
    assert (made.mfe >= 0.0).all()
    assert made.mae.min() < 0.0
    assert not made.financing.any()
    kept = {name: column[:2] for name, column in ensemble.trade_table.items()}
    kept["reason"], kept["mae"], kept["financing"] = (
        np.array([1, 5]),
        np.array([-0.1, -0.2]),
        np.array([3, 4]),
    )
    trades = replace(ensemble, kept_trades=kept).trades
    assert trades.exit_reason.tolist() == ["stop_loss", "liquidation"]
    assert trades.mae.tolist() == [-0.1, -0.2]
    assert trades.financing.tolist() == [3, 4]
    assert set(ensemble.orders.type) == {"market"}


PAID = {
    "commission_bps": 3,
    "commission_min": 1,
    "slippage_bps": 3,
    "spread_bps": 2,
    "borrow_pct": 5,
    "margin_rate_pct": 7,
    "cash_interest_pct": 2,
    "funding_pct": 3,
}


@pytest.mark.parametrize(
    "execution",
    [
        {"stop_loss_pct": 5, "latency_bars": 1},
        {"trailing_stop_pct": 8, "reentry_after_stop": "immediate", "intrabar": "path"},
        {"order_type": "limit", "limit_offset_bps": 30, "take_profit_pct": 5, "cancel_after_bars": 3},
        {"max_participation_pct": 0.02, "stop_loss_pct": 5},
    ],
)
@pytest.mark.parametrize("call", ["liquidate", "reduce"])
def test_the_books_of_a_desk_balance(some_bars, execution, call):
    """Whatever fills, and wherever in the bar: the parts of the profit add to it."""
    members = [{"name": "sma_cross", "params": {"fast": 4, "slow": 11}}, "momentum"]
    result = admf.simulate_portfolio(
        some_bars(4, 7, 150, gaps=True),
        "ensemble",
        {"members": members},
        execution=execution,
        costs=PAID,
        sizing={"fraction": 2},
        margin={"leverage": 2, "maintenance_pct": 40, "on_margin_call": call},
    )
    equity, held = result.equity_values, result.position_values * result.mark_values
    scale = 1e-12 * (np.abs(held).sum(axis=1).max() + result.initial_cash)
    gained = equity[-1] - result.initial_cash
    by_symbol, by_strategy = result.attribution, result.attribution_by_strategy
    assert abs(by_symbol.pnl.sum() - gained) <= scale
    assert abs(by_strategy.pnl.sum() - gained) <= scale
    grouped = by_strategy.groupby("symbol").sum().loc[by_symbol.index]
    np.testing.assert_allclose(grouped, by_symbol, atol=scale)
    np.testing.assert_allclose(result.cash_values + held.sum(axis=1), equity, atol=scale)
    paid = result.carry.to_numpy().sum() + result.interest.sum()
    assert abs(sum(result.financing.values()) - paid) <= scale
    assert result.interest.any()
    assert not result.compiled
