"""Financing among the costs, and the pessimistic rerun beside the result, wherever results are shown."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from admf.cli.render import show_result
from admf.reports import parts, pessimistic, summary_markdown, write_report
from admf.reports.pessimistic import comparison_table
from admf.simulation import simulate
from admf.simulation.cost_kinds import paid_costs, received
from admf.simulation.figures import costs_figure
from admf.simulation.pessimistic import differing_assumptions, rerun_facts


@pytest.fixture(scope="module")
def financed(result):
    financing = {"borrow": 12.5, "funding": 0.0, "margin_interest": 0.25, "cash_interest": -3.0}
    return replace(result, financing=financing)


@pytest.fixture(scope="module")
def rerun(financed, make_result):
    worse = make_result([100.0, 90.0, 80.0], trades=1)
    worse = replace(
        worse,
        assumptions={**worse.assumptions, "costs": "spread 2 bps", "open position": "none at the end"},
        warnings=["zero trades"],
    )
    return replace(financed, pessimistic=worse)


def test_kinds_of_costs_that_there_are_none_of_are_not_shown(result, financed):
    assert list(paid_costs(result.costs)) == ["commission", "slippage", "spread", "total"]
    assert received(result.costs) == {}
    assert paid_costs({}) == {}
    assert paid_costs(financed.costs) == {
        "commission": 0.0,
        "slippage": 0.0,
        "spread": 0.0,
        "borrow": 12.5,
        "margin_interest": 0.25,
        "total": 12.75,
    }
    assert received(financed.costs) == {"cash_interest": 3.0}
    assert financed.costs["total"] == 9.75  # as data, what was received is netted


def test_financing_is_among_the_costs_of_report_and_summary(financed):
    table = parts.costs_table(financed)
    assert table.count("<tr>") == 7
    assert ">Margin interest</th><td>0.25</td>" in table
    assert ">Costs paid</th><td><b>12.75</b></td>" in table
    assert '>Cash interest</th><td>3.00</td><td class="text" colspan="2">received on free cash' in table
    assert "width:98.0%" in table  # 12.5 of the 12.75 that were paid
    text = summary_markdown(financed)
    assert "margin interest 0.25, total 12.75. Received: cash interest 3.00." in text
    figure = costs_figure(financed)
    assert figure.data[0].y == ("margin interest", "borrow", "spread", "slippage", "commission")
    assert "Costs paid: 12.75; received: 3.00" in figure.layout.title.text


def test_the_tile_of_costs_does_not_net_what_was_received(result, financed):
    tiles = parts.tiles(financed)
    assert '<dd class="value">13</dd>' in tiles
    assert "of the initial cash; 3 received</dd>" in tiles
    assert "received" not in parts.tiles(result)


def test_the_summary_has_both_results(rerun):
    text = summary_markdown(rerun)
    table = text.split("Under pessimistic assumptions:")[1]
    final = [line for line in table.split("\n") if line.startswith("| Final equity")]
    assert final == [f"| Final equity | {rerun.equity_values[-1]:,.2f} | 80.00 |"]
    assert "| Costs paid | 12.75 | 0.00 |" in table
    assert "| Received | 3.00 | 0.00 |" in table
    assert "pessimistic" not in summary_markdown(replace(rerun, pessimistic=None))


def test_the_report_has_both_results_and_what_differs(rerun):
    table = comparison_table(rerun, rerun.pessimistic)
    assert f"<td>{rerun.equity_values[-1]:,.2f}</td><td>80.00</td>" in table
    assert "spread 2 bps" in table
    assert "none at the end" not in table


def test_a_rerun_that_ends_higher_is_explained(rerun, make_result):
    """Later fills can keep out of positions that lost: a reader may take the better number for an error."""
    assert rerun.metrics["final_equity"] > 80.0
    assert "no error" not in pessimistic.rerun(rerun)[0].html
    equal = replace(rerun, pessimistic=replace(rerun, pessimistic=None))
    assert "no error" not in pessimistic.rerun(equal)[0].html
    higher = replace(rerun, pessimistic=make_result([100.0, rerun.metrics["final_equity"] + 1.0]))
    assert "It ends higher here, which is no error" in pessimistic.rerun(higher)[0].html


def test_the_result_of_a_workflow_has_the_rerun(rerun):
    facts = rerun_facts(rerun)["pessimistic"]
    assert facts["metrics"] == rerun.pessimistic.metrics
    assert facts["trades"] == 1
    assert facts["costs"]["total"] == 0.0
    assert facts["assumptions"] == {"costs": "spread 2 bps"}
    assert facts["warnings"] == ["zero trades"]
    assert facts["digest"] == rerun.pessimistic.digest
    assert rerun_facts(rerun.pessimistic) == {}
    assert differing_assumptions(rerun, rerun) == {}


def test_the_terminal_shows_both_results(rerun):
    document = {
        "name": "n", "status": "completed", "duration_seconds": 1.0, "workflow_id": "n-1",
        "metrics": rerun.metrics,
        "final_results": {"costs": rerun.costs, **rerun_facts(rerun)},
    }  # fmt: skip
    text = StringIO()
    show_result(document, Console(file=text, width=120))
    lines = [line.split() for line in text.getvalue().splitlines()]
    assert ["costs:", "margin", "interest", "0.25"] in lines
    assert ["as", "configured", "pessimistic"] in lines
    assert ["Final", "equity", f"{rerun.equity_values[-1]:,.2f}", "80.00"] in lines
    assert ["costs:", "total", "12.75", "0.00"] in lines
    assert ["received:", "cash", "interest", "3.00"] in lines


def test_the_page_shows_financing_orders_and_the_rerun(random_bars, tmp_path):
    """A year of a short position at 10 % a year; every order of the rerun comes a bar later."""
    result = simulate(
        random_bars(11, n=300),
        "sma_cross",
        {"fast": 5, "slow": 20},
        costs={"borrow_pct": 10, "commission_bps": 5},
        execution={"order_type": "limit", "cancel_after_bars": 2},
        pessimistic_rerun=True,
    )
    page = write_report(result, tmp_path).read_text(encoding="utf-8")
    assert result.costs["borrow"] > 0
    assert f">Borrow</th><td>{result.costs['borrow']:,.2f}</td>" in page
    assert ">Financing</button>" in page
    assert "Fills by type of order, and orders not filled whole" in page
    expired = int((result.orders["status"] == "expired").sum())
    assert expired > 0
    assert f"{expired} expired" in page
    assert 'href="#pessimistic"' in page
    worse = result.pessimistic
    assert f"<td>{result.equity_values[-1]:,.2f}</td><td>{worse.equity_values[-1]:,.2f}</td>" in page
    assert worse.assumptions["costs"] in page
    assert "Dashed: the pessimistic rerun; its numbers stand further down." in page
    curve = next(trace for trace in result.plot().data if trace.name == "pessimistic rerun")
    np.testing.assert_allclose(curve.y, worse.equity_values, rtol=1e-6)


def test_a_page_without_them_has_no_place_for_them(random_bars, tmp_path):
    page = write_report(simulate(random_bars(11, n=60), "buy_and_hold"), tmp_path).read_text(encoding="utf-8")
    assert "Financing" not in page.split("<script>")[0]
    assert "pessimistic" not in page.split('id="assumptions"')[0]
    assert ">Borrow<" not in page
