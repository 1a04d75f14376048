"""The limits of risk by hand: the arithmetic stands beside what is asserted."""

import numpy as np
import pandas as pd
import pytest

import admf
from admf.core.config import BacktestConfig
from admf.errors import ConfigError
from admf.market import load_bars
from admf.simulation.portfolio import check_portfolio
from admf.simulation.portfolio.incidents import incidents_of


def steps(*weights):
    """An allocation that says these weights, bar by bar; the last ones stay."""
    table = np.array(weights, dtype=float)
    return lambda view: table[min(len(view.timestamps), len(table)) - 1]


def rows_of(result, *columns):
    return result.orders[list(columns)].values.tolist()


def hourly(opens_and_closes, start="2020-01-06 20:00"):
    index = pd.date_range(start, periods=len(opens_and_closes), freq="h", tz="UTC")
    table = np.array(opens_and_closes, dtype=float)
    frame = pd.DataFrame({"open": table[:, 0], "close": table[:, 1], "volume": 1.0}, index=index)
    frame["high"], frame["low"] = table.max(axis=1), table.min(axis=1)
    return load_bars(frame, timeframe="1h", min_bars=1)


@pytest.mark.parametrize(
    ("risk", "rule", "allowed"),
    [
        # of 1000: 75 units at 10 are wanted
        ({"max_concentration_pct": 50}, "max_concentration", 50.0),
        ({"max_exposure_pct": 60}, "max_exposure", 60.0),
        ({"max_position_units": 20}, "max_position_units", 20.0),
        ({"max_position_value": 300}, "max_position_value", 30.0),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_position_is_cut_to_its_limit(both, hand_bars, risk, rule, allowed, side):
    bars = {"A": hand_bars([(10, 10), (10, 10)]), "B": hand_bars([(20, 20), (20, 20)])}
    weights = steps([0.75 * side, 0.1])
    result = both(bars, weights, rebalance="monthly", initial_cash=1000.0, risk=risk)
    # 100 of B: 5 units; it is within every limit
    assert result.position_values[-1].tolist() == [side * allowed, 5.0]
    assert rows_of(result, "symbol", "status", "wanted", "units", "reason") == [
        ["A", f"cut: {rule}", 75.0 - allowed, 0.0, "signal"],
        ["A", "filled", allowed, allowed, "signal"],
        ["B", "filled", 5.0, 5.0, "signal"],
    ]
    (cut,) = incidents_of(result)
    assert (cut.kind, cut.rule, cut.symbol, cut.units) == ("cut", rule, "A", 75.0 - allowed)
    assert f"1 order was cut by risk: 1 {rule}" in result.warnings


def test_the_leverage_cuts_all_orders_of_a_bar_alike(both, hand_bars):
    bars = {name: hand_bars([(10, 10), (10, 10), (10, 20), (20, 20)]) for name in "AB"}
    weights = steps([0.6, -0.4])
    result = both(bars, weights, rebalance="monthly", initial_cash=1000.0, risk={"max_leverage": 0.5})
    # long 600 and short 400 are 1000, and 500 is allowed: each is halved
    assert result.position_values[1].tolist() == [30.0, -20.0]
    assert rows_of(result, "symbol", "status", "wanted") == [
        ["A", "cut: max_leverage", 30.0],
        ["B", "cut: max_leverage", 20.0],
        ["B", "filled", 20.0],
        ["A", "filled", 30.0],
    ]


def test_what_is_held_takes_its_part_of_the_leverage(both, hand_bars):
    bars = {"A": hand_bars([(10, 10)] * 4), "B": hand_bars([(10, 10)] * 4)}
    weights = steps([0.5, 0.0], [0.5, 0.0], [np.nan, 0.5])
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk={"max_leverage": 0.7})
    # A stays at 50 units, 500; 700 is allowed: of the 50 units of B 20 are left
    assert result.position_values.tolist() == [[0, 0], [50, 0], [50, 0], [50, 20]]
    filled = result.orders[result.orders.bar == 3]
    assert filled.status.tolist() == ["cut: max_leverage", "filled"]
    assert filled.wanted.tolist() == pytest.approx([30, 20])


def test_what_a_limit_leaves_is_in_whole_lots(both, hand_bars):
    bars = {"A": hand_bars([(30, 30)] * 2), "B": hand_bars([(700, 700)] * 2)}
    run = {"rebalance": "monthly", "initial_cash": 2000.0, "sizing": {"lot_size": 1.0}}
    result = both(bars, steps([0.5, 0.5]), risk={"max_concentration_pct": 25}, **run)
    # 1000 / 30 = 33 lots, and 500 / 30 = 16 are allowed; 1 lot of B is 700, and 500 is allowed: none is left
    assert result.position_values[-1].tolist() == [16.0, 0.0]
    assert rows_of(result, "symbol", "status", "wanted") == [
        ["A", "cut: max_concentration", 17.0],
        ["B", "cut: max_concentration", 1.0],
        ["A", "filled", 16.0],
    ]


def test_sizes_are_checked_before_costs(both, hand_bars):
    bars = {"A": hand_bars([(10, 10)] * 2)}
    run = {"rebalance": "monthly", "initial_cash": 1000.0, "costs": {"commission_bps": 100.0}}
    result = both(bars, steps([0.5]), risk={"max_exposure_pct": 50}, **run)
    # 50 units at 10 are half of the 1000 that there is before the commission of 5
    assert result.orders.status.tolist() == ["filled"]
    assert result.position_values[-1].tolist() == [50.0]
    assert result.equity_values[-1] == 995.0


def test_a_limit_never_keeps_a_position_from_shrinking(both, hand_bars):
    rows = [(10, 10), (10, 10), (20, 20), (20, 20), (20, 20)]
    bars = {"A": hand_bars(rows), "B": hand_bars([(10, 10)] * 5)}
    weights = steps([0.4, 0.0], [0.4, 0.0], [0.5, 0.0], [0.0, 0.0])
    risk = {"max_concentration_pct": 40, "max_leverage": 0.4}
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk=risk)
    # 40 units at 10. At 20 they are 800 of 1400, 57 %: beyond the limit, and left alone by it. A target of
    # 0.5 is 35 units: 5 are sold, though the limit would be 28. Then all is sold.
    assert result.position_values[:, 0].tolist() == [0, 40, 40, 35, 0]
    assert "cut" not in " ".join(result.orders.status)


def test_symbols_that_are_not_allowed(both, hand_bars):
    bars = {name: hand_bars([(10, 10)] * 3) for name in "AB"}
    result = both(
        bars, steps([0.5, 0.5]), rebalance="monthly", initial_cash=1000.0, risk={"allowed_symbols": ["B"]}
    )
    assert result.position_values[-1].tolist() == [0.0, 50.0]
    assert rows_of(result, "symbol", "status", "wanted", "quote") == [
        ["A", "blocked: allowed_symbols", 50.0, 10.0],
        ["B", "filled", 50.0, 10.0],
    ]
    (block,) = incidents_of(result)
    assert (block.kind, block.rule, block.symbol, block.units) == ("blocked", "allowed_symbols", "A", 50.0)


def test_the_most_open_positions(both, hand_bars):
    bars = {name: hand_bars([(10, 10)] * 4) for name in "ABC"}
    weights = steps([0.2, 0.2, 0.2], [0.0, 0.2, 0.2], [0.0, 0.3, 0.2])
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk={"max_open_positions": 2})
    # A and B come first; when A is closed C has its place in the same bar, and B may always grow
    assert result.position_values.tolist() == [[0, 0, 0], [20, 20, 0], [0, 20, 20], [0, 30, 20]]
    assert result.orders.status.tolist().count("blocked: max_open_positions") == 1
    assert rows_of(result, "symbol", "bar", "status")[0] == ["C", 1, "blocked: max_open_positions"]


@pytest.mark.parametrize("risk", [{"max_open_positions": 1}, {"max_leverage": 0.5}])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_one_position_gives_way_to_another_in_one_bar(both, hand_bars, risk, side):
    bars = {name: hand_bars([(10, 10)] * 3) for name in "AB"}
    weights = steps([0.5 * side, 0.0], [0.0, 0.5 * side])
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk=risk)
    # the short position is bought back before the next one is opened, though sales come first else
    assert result.position_values.tolist() == [[0, 0], [50 * side, 0], [0, 50 * side]]
    assert set(result.orders.status) == {"filled"}
    assert result.orders.symbol.tolist() == ["A", "A", "B"]


def test_a_drawdown_closes_all_and_nothing_is_let_in(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (10, 5), (5, 5), (5, 5)])}
    weights = steps([0.5], [0.5], [-0.5], [0.5])
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk={"max_drawdown_pct": 20})
    # 50 units fall from 10 to 5: 750 of 1000 is left, 25 % below the peak. The position is closed at the
    # next open; the change of side that was decided at that close is not heard, and no other one is let in
    assert result.position_values[:, 0].tolist() == [0, 50, 50, 0, 0]
    assert rows_of(result, "bar", "status", "reason", "target") == [
        [1, "filled", "signal", 0.5],
        [3, "filled", "risk", 0.0],
        [4, "blocked: max_drawdown", "signal", 0.5],
        [-1, "unfilled: last bar", "signal", 0.5],
    ]
    cut, block = incidents_of(result)
    assert (cut.kind, cut.rule, cut.units, cut.side) == ("cut", "risk", 50.0, "sell")
    assert (block.kind, block.rule, block.units) == ("blocked", "max_drawdown", 0.5 * 750 / 5)
    assert "1 position was closed or reduced by a limit of losses" in result.warnings


def test_every_symbol_is_closed_at_its_own_next_bar(both, hand_bars):
    days = [f"2020-01-{day:02d}" for day in range(6, 12)]
    bars = {
        "A": hand_bars([(10, 10), (10, 10), (10, 4), (4, 4), (4, 4), (4, 4)], days),
        "B": hand_bars([(10, 10), (10, 10), (10, 10), (8, 8)], [days[0], days[1], days[2], days[5]]),
    }
    result = both(
        bars, steps([0.5, 0.5]), rebalance="daily", initial_cash=1000.0, risk={"max_drawdown_pct": 30}
    )
    # 200 + 500 is 30 % below 1000 at bar 2. A goes at bar 3; B has no bar before 5, and what is decided on
    # it meanwhile is not heard
    assert result.position_values.tolist() == [[0, 0], [50, 50], [50, 50], [0, 50], [0, 50], [0, 0]]
    forced = result.orders[result.orders.reason == "risk"]
    assert forced[["symbol", "decided_bar", "bar", "status"]].values.tolist() == [
        ["A", 2, 3, "filled"],
        ["B", 2, 5, "filled"],
    ]
    blocked = result.orders[result.orders.status == "blocked: max_drawdown"]
    assert blocked[["symbol", "bar"]].values.tolist() == [["A", 4], ["A", 5]]
    assert result.equity_values[-1] == 200 + 400


def test_an_order_of_risk_without_a_bar_is_unfilled(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (10, 5)])}
    result = both(bars, steps([1.0]), rebalance="monthly", initial_cash=1000.0, risk={"max_drawdown_pct": 30})
    assert rows_of(result, "bar", "status", "reason") == [
        [1, "filled", "signal"],
        [-1, "unfilled: last bar", "risk"],
    ]


LOSING = [(10, 10), (10, 10), (10, 9), (9, 9), (9, 9), (9, 9), (9, 9)]  # 20:00 to 02:00 of the next day


def test_the_loss_of_a_day_blocks_till_the_day_ends(both):
    bars = {"A": hourly(LOSING), "B": hourly([(10, 10)] * 7)}
    weights = steps([1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    run = {"rebalance": {"schedule": "every_n_bars", "every_bars": 1}, "initial_cash": 1000.0}
    result = both(bars, weights, risk={"daily_loss_pct": 10}, **run)
    # 100 units; at 22:00 they are 900, 10 % below the day's start. At 23:00 A is reduced to 450, 50 units,
    # and B is blocked; midnight has another day: 45 units of B are bought
    assert result.index[4].hour == 0
    assert result.position_values[:, 0].tolist() == [0, 100, 100, 50, 50, 50, 50]
    assert result.position_values[:, 1].tolist() == [0, 0, 0, 0, 45, 45, 45]
    assert rows_of(result, "symbol", "bar", "status") == [
        ["A", 1, "filled"],
        ["B", 3, "blocked: daily_loss"],
        ["A", 3, "filled"],
        ["B", 4, "filled"],
    ]


def test_the_loss_of_a_daily_bar_blocks_what_is_decided_at_its_close(both, hand_bars):
    bars = {"A": hand_bars(LOSING), "B": hand_bars([(10, 10)] * 7)}
    weights = steps([1.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5])
    run = {"rebalance": {"schedule": "every_n_bars", "every_bars": 1}, "initial_cash": 1000.0}
    result = both(bars, weights, risk={"daily_loss_pct": 10}, **run)
    # 10 % are lost on bar 2: B is blocked on bar 3, and bought on bar 4
    assert rows_of(result, "symbol", "bar", "status") == [
        ["A", 1, "filled"],
        ["B", 3, "blocked: daily_loss"],
        ["A", 3, "filled"],
        ["B", 4, "filled"],
    ]


def test_a_blocked_change_of_side_still_closes(both):
    bars = {"A": hourly(LOSING)}
    weights = steps([1.0], [1.0], [-0.5], [np.nan])
    run = {"rebalance": {"schedule": "every_n_bars", "every_bars": 1}, "initial_cash": 1000.0}
    result = both(bars, weights, risk={"daily_loss_pct": 10}, **run)
    # 100 units; at 22:00 they are 900. At 23:00 they are sold; half of 900 is 50 units short: they are not
    assert result.position_values[:, 0].tolist() == [0, 100, 100, 0, 0, 0, 0]
    assert rows_of(result, "bar", "status", "wanted", "side")[1:] == [
        [3, "blocked: daily_loss", 50.0, "sell"],
        [3, "filled", 100.0, "sell"],
    ]


def test_the_loss_of_a_day_flattens(both):
    bars = {"A": hourly(LOSING), "B": hourly([(10, 10)] * 7)}
    run = {"rebalance": {"schedule": "every_n_bars", "every_bars": 1}, "initial_cash": 1000.0}
    risk = {"daily_loss_pct": 5, "on_daily_loss": "flatten"}
    result = both(bars, steps([0.5, 0.25]), risk=risk, **run)
    # 50 of A lose 50, which is 5 % of 1000: both are closed at 23:00 (bar 3); what is decided at 23:00 may be
    # filled at midnight, another day: half of 950 at 9, a quarter at 10
    assert result.position_values[3].tolist() == [0.0, 0.0]
    assert result.position_values[4].tolist() == pytest.approx([475 / 9, 23.75])
    assert rows_of(result, "symbol", "bar", "reason", "status")[2:] == [
        ["A", 3, "risk", "filled"],
        ["B", 3, "risk", "filled"],
        ["A", 4, "signal", "filled"],
        ["B", 4, "signal", "filled"],
    ]


def test_days_are_local(both):
    bars = {name: hourly(LOSING) for name in "A"}
    run = {"rebalance": {"schedule": "every_n_bars", "every_bars": 1}, "initial_cash": 1000.0}
    weights = steps([0.5], [0.5], [0.5], [0.9])
    utc = both(bars, weights, risk={"daily_loss_pct": 5}, **run)
    frame = bars["A"].frame
    local = {"A": load_bars(frame, timeframe="1h", min_bars=1, timezone="America/New_York")}
    there = both(local, weights, risk={"daily_loss_pct": 5}, **run)
    # 22:00 UTC is 17:00 in New York: midnight UTC belongs to the same day there, all its bars do
    assert utc.position_values[4, 0] > 50
    assert there.position_values[:, 0].max() == 50
    assert "days are those of America/New_York" in there.assumptions["risk"]


def test_a_drawdown_reduces_until_a_new_peak(both, hand_bars):
    rows = [(10, 10), (10, 10), (10, 8), (8, 8), (8, 16), (16, 16), (16, 16)]
    bars = {"A": hand_bars(rows), "B": hand_bars([(10, 10)] * 7)}
    risk = {"max_drawdown_pct": 10, "on_drawdown": "reduce", "reduce_to_pct": 50}
    result = both(bars, steps([0.8, 0.2]), rebalance="monthly", initial_cash=1000.0, risk=risk)
    # bar 1: 80 and 20 units. Bar 2: 840, 16 % below 1000. Bar 3: halves of the weights: 0.4 x 840 / 8 = 42
    # and 0.1 x 840 / 10 = 8.4. Bar 4: 840 + 42 x 8 = 1176, a new peak: the whole weights of it at bar 5
    assert result.position_values[3].tolist() == pytest.approx([42, 8.4])
    assert result.equity_values[4] == pytest.approx(1176)
    assert result.position_values[5].tolist() == pytest.approx([0.8 * 1176 / 16, 0.2 * 1176 / 10])
    assert rows_of(result, "bar", "symbol", "target", "reason") == [
        [1, "A", 0.8, "signal"],
        [1, "B", 0.2, "signal"],
        [3, "A", 0.4, "risk"],
        [3, "B", 0.1, "risk"],
        [5, "A", 0.8, "signal"],
        [5, "B", 0.2, "signal"],
    ]
    assert [(each.kind, each.rule) for each in incidents_of(result)] == [("cut", "risk")] * 2


def test_decisions_while_reduced_are_for_the_part(both, hand_bars):
    bars = {"A": hand_bars([(10, 10), (10, 10), (10, 8), (8, 8), (8, 8)]), "B": hand_bars([(10, 10)] * 5)}
    risk = {"max_drawdown_pct": 10, "on_drawdown": "reduce", "reduce_to_pct": 25}
    weights = steps([1.0, 0.0], [1.0, 0.0], [0.5, 0.5])
    result = both(bars, weights, rebalance="daily", initial_cash=1000.0, risk=risk)
    # at the close of bar 2 A shall go to a quarter of 1; the allocation wants a half of each: an eighth
    assert result.position_values[3].tolist() == pytest.approx([0.125 * 800 / 8, 0.125 * 800 / 10])
    assert rows_of(result, "symbol", "status", "reason", "target")[1:] == [
        ["A", "replaced by a later decision", "risk", 0.25],
        ["A", "filled", "signal", 0.125],
        ["B", "filled", "signal", 0.125],
    ]


def test_risk_never_buys(both, hand_bars):
    """What has fallen far below its weight is not bought to half of it."""
    bars = {"A": hand_bars([(10, 10), (10, 10), (10, 2), (2, 2)]), "B": hand_bars([(10, 10)] * 4)}
    risk = {"max_drawdown_pct": 10, "on_drawdown": "reduce"}
    result = both(bars, steps([0.5, 0.5]), rebalance="monthly", initial_cash=1000.0, risk=risk)
    # 100 + 500: a quarter of 600 is 150; A is worth 100 and stays, B goes from 500 to 150
    assert result.position_values[3].tolist() == pytest.approx([50, 15])


def test_an_allowed_name_that_is_no_symbol_is_told_where_a_symbol_is_blocked(hand_bars):
    bars = {name: hand_bars([(10, 10)] * 3) for name in ("SP500", "NASDAQ")}

    def told(*names):
        result = admf.simulate_portfolio(bars, risk={"allowed_symbols": list(names)})
        return [text for text in result.warnings if "allowed_symbols has" in text]

    assert told("SP5OO", "NASDAQ", "DAX") == [
        "risk.allowed_symbols has SP5OO, which is no symbol of the portfolio; did you mean SP500?",
        "risk.allowed_symbols has DAX, which is no symbol of the portfolio",
    ]
    assert told("SP500", "NASDAQ", "DAX") == told("SP500") == []  # a list may be that of all portfolios


def test_a_dry_run_sees_that_no_symbol_is_allowed():
    config = BacktestConfig(portfolio={}, risk={"allowed_symbols": ["SP5OO", "DAX"]})
    (problem,) = check_portfolio(config, ["SP500", "NASDAQ"])
    assert problem.path == "risk.allowed_symbols"
    assert (problem.found, problem.allowed) == ("SP5OO, DAX", "SP500, NASDAQ")
    assert check_portfolio(config, ["DAX", "NASDAQ"]) == []


def test_wrong_limits_are_refused(hand_bars):
    with pytest.raises(ConfigError, match="on_daily_loss: needs daily_loss_pct"):
        admf.simulate_portfolio({"A": hand_bars([(10, 10)] * 2)}, risk={"on_daily_loss": "flatten"})


def test_the_card_names_the_limits(some_bars):
    free = admf.simulate_portfolio(some_bars(2))
    assert free.assumptions["risk"] == "no limits"
    risk = {
        "allowed_symbols": ["S0"],
        "max_concentration_pct": 40,
        "max_leverage": 0.8,
        "max_open_positions": 1,
        "daily_loss_pct": 2,
        "on_daily_loss": "flatten",
        "max_drawdown_pct": 20,
        "on_drawdown": "reduce",
        "reduce_to_pct": 30,
    }
    text = admf.simulate_portfolio(some_bars(2), risk=risk).assumptions["risk"]
    assert text == (
        "only S0 may be traded; a position is cut to 40 % of the equity in one symbol; "
        "all positions are cut to 0.8 x the equity; after a loss of 2 % in a day every position is closed at "
        "the next open of its symbol, and no entry on that day; at a drawdown of 20 % positions are 30 % of "
        "their size until the next new high; at most 1 open position; sizes are checked at the opens, before "
        "costs, where an order opens or enlarges a position; what the leverage does not allow is taken from "
        "all such orders of a bar alike; the symbols get the free places in their order; losses are judged "
        "at every close; days are those of UTC; what was closed is opened again at the next decision that "
        "asks for it"
    )


def test_an_allocation_that_sees_its_holdings_is_limited_alike(some_bars):
    """Such a portfolio is simulated from decision to decision: what risk remembers goes along."""

    def weights(view):
        return np.array([0.6, 0.4]) if len(view.timestamps) % 3 else np.array([0.3, 0.2])

    class Sees:
        uses_holdings = True

        def weights(self, view):
            return weights(view)

    risk = {"max_leverage": 0.7, "daily_loss_pct": 1, "on_daily_loss": "flatten", "max_drawdown_pct": 4}
    for drawdown in ("halt", "reduce"):
        run = {"rebalance": "daily", "risk": risk | {"on_drawdown": drawdown}}
        bars = some_bars(2)
        blind = admf.simulate_portfolio(bars, weights, **run)
        assert admf.simulate_portfolio(bars, Sees(), **run).digest == blind.digest
        assert (blind.order_table["reason"] != 0).any()
