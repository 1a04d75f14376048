"""The report as a file: whole, alone, safe, and readable whatever the result."""

import base64
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from admf.market.findings import Finding
from admf.reports import equity_svg, parts, summary_markdown, write_report
from admf.reports import html as report_module
from admf.reports.html import render
from admf.reports.summary import headline
from admf.simulation import simulate


@pytest.fixture(scope="module")
def text(result):
    return render(result, title="A title", manifest={"run_id": "20260101-abc", "packages": {"numpy": "2"}})


def test_the_page_is_well_formed_and_has_every_section(text, read_page):
    page = read_page(text)
    assert page.faults == []
    assert page.open == []
    sections = [attributes["id"] for attributes in page.all("section")]
    assert sections == [
        "equity",
        "price",
        "months",
        "rolling",
        "trades",
        "costs",
        "metrics",
        "assumptions",
        "data",
        "reproduce",
    ]
    anchors = {attributes["href"] for attributes in page.all("a") if attributes["href"].startswith("#")}
    assert anchors == {f"#{key}" for key in sections}
    keys = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(keys) == len(set(keys))
    assert "admf replay 20260101-abc" in page.texts["reproduce"]
    assert '"numpy": "2"' in page.texts["reproduce"]


def test_the_page_asks_no_network_for_anything(text, read_page, without_plotly):
    rest = without_plotly(text)
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'<]*", rest))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a format, in the picture without script
    page = read_page(text)
    for _, attributes in page.elements:
        assert not {"src", "srcset", "action", "background"} & set(attributes)
        assert attributes.get("href", "#").startswith(("#", "data:text/csv;base64,"))
    policy = next(attributes["content"] for attributes in page.all("meta") if "http-equiv" in attributes)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy  # nothing is allowed back in


def test_figures_are_data_that_the_script_can_read(text, read_page):
    page = read_page(text)
    for attributes in page.all("div"):
        if "data-figure" in attributes:
            figure = json.loads(page.texts[attributes["data-figure"]])
            assert figure["data"], attributes["id"]
            assert attributes["aria-label"]


def test_every_trade_is_in_the_download_and_the_first_page_in_the_file(text, result, read_page):
    page = read_page(text)
    link = next(attributes for attributes in page.all("a") if attributes.get("download") == "trades.csv")
    lines = base64.b64decode(link["href"].split(",", 1)[1]).decode().strip().split("\n")
    assert len(lines) == 61
    names = lines[0].split(",")
    pnl = [float(line.split(",")[names.index("pnl")]) for line in lines[1:]]
    assert pnl == result.trade_table["pnl"].tolist()
    shown = re.search(r'<table id="trades-table".*?</table>', text, re.DOTALL)[0]
    assert shown.count("<tr>") == 21


def test_tiles_and_metrics_say_what_the_result_says(text, result, read_page):
    page = read_page(text)
    assert f"{result.metrics['sharpe_ratio']:.2f}" in page.texts["metrics"]
    assert f"{result.metrics['max_drawdown'] * 100:.2f} %" in page.texts["metrics"]
    assert "filled at the next bar's open" in page.texts["assumptions"]
    for attributes in page.all("button"):
        if "aria-describedby" in attributes:
            assert len(page.texts[attributes["aria-describedby"]]) > 20


def test_hostile_names_stay_text(make_result, read_page, hostile):
    result = make_result([100.0, 101.0, 99.0], symbol=hostile, strategy=hostile, warnings=[hostile], trades=2)
    object.__setattr__(result.bars, "findings", (Finding("odd", "warning", hostile),))
    result.assumptions[hostile] = hostile
    result.params[hostile] = hostile
    manifest = {"run_id": hostile, hostile: hostile}
    text = render(result, title=hostile, manifest=manifest, workflow={"errors": [hostile]})
    page = read_page(text)
    assert page.faults == []
    assert len(page.all("script")) == len(
        read_page(render(make_result([100.0, 101.0, 99.0], trades=2))).all("script")
    )
    assert not page.all("img")
    assert all("onerror" not in attributes for _, attributes in page.elements)
    assert hostile in page.texts["reproduce"]
    assert hostile in page.texts["warnings"]


def test_the_picture_is_xml_and_escapes_names(make_result, result, hostile):
    for picture in (
        equity_svg(result),
        equity_svg(make_result([100.0, 101.0], symbol=hostile)),
        equity_svg(make_result([100.0])),
        equity_svg(make_result([50.0, -20.0, -10.0])),
        equity_svg(make_result(np.full(400, 100.0), close=np.full(400, 5.0))),
    ):
        root = ElementTree.fromstring(picture)
        assert {child.tag.split("}")[1] for child in root} <= {"title", "rect", "text", "line", "path"}
        assert "nan" not in picture.split("</title>")[1]


def test_the_picture_keeps_the_extremes_of_a_long_curve(make_result):
    equity = np.full(300_000, 100.0)
    equity[123_456] = 250.0
    equity[223_456] = 40.0
    picture = equity_svg(make_result(equity))
    assert len(picture) < 150_000
    curve = re.findall(r'<path d="(M[^"]+)" fill="none" stroke="#2f86d1"', picture)[0]
    heights = [float(point.split()[1]) for point in curve[1:].split(" L")]
    assert max(heights) - min(heights) > 200  # from 40 to 250 is nearly all of the frame


def test_the_summary_is_markdown_without_markup_of_others(make_result, result):
    text = summary_markdown(make_result([100.0, 105.0], symbol="a|b<i>*c*", warnings=["| oops"]))
    assert "<i>" not in text
    assert r"a\|b" in text
    table = [line for line in summary_markdown(result).split("\n") if line.startswith("|")]
    assert {line.count("|") for line in table} == {4}
    assert f"{result.metrics['sharpe_ratio']:.2f}" in summary_markdown(result)


@pytest.mark.parametrize(
    ("equity", "trades", "said"),
    [
        ([100.0], 0, "No trade was made."),
        ([100.0] * 300, 0, "The returns do not vary enough"),
        ([100.0, 40.0, -20.0, -30.0], 1, "100 became -30"),
        ([100.0, 90.0], 1, "There is only 1 closed trade"),
    ],
    ids=["one bar", "nothing moves", "below zero", "two bars"],
)
def test_extreme_results_are_reported(make_result, equity, trades, said, read_page, without_plotly):
    result = make_result(equity, trades=trades)
    text = render(result)
    page = read_page(text)
    assert page.faults == []
    assert said in without_plotly(text)
    for name, value in result.metrics.items():
        if math.isnan(value):
            assert "Not defined here" in page.texts["metrics"], name
    assert "nan" not in page.texts["metrics"].lower().replace("finance", "")


@pytest.fixture
def two_years(make_result):
    """Doubles in each of two years by the calendar; `per_year` bars are counted as a year."""
    n = 2 * 8766 + 1
    plain = make_result(np.linspace(100.0, 400.0, n), close=np.linspace(100.0, 144.0, n))
    return lambda per_year: replace(plain, bars=replace(plain.bars, periods_per_year=per_year))


@pytest.mark.parametrize("per_year", [12.0, 252.0, 8766.0])
def test_the_headline_grows_by_the_time_that_it_names(two_years, per_year):
    rule = "" if per_year == 8766.0 else " by the calendar"
    assert headline(two_years(per_year)).startswith(
        f"100 became 400 in 2.0 years: 100.0 % a year{rule}, against 20.0 % for holding TEST."
    )


def test_where_calendar_and_bars_give_other_numbers_each_says_how_it_counts(two_years, read_page):
    other, same = two_years(8500.0), two_years(8766.0)
    assert read_page(render(other)).faults == []
    assert "buy and hold: 19.34 %; at 8,500 bars a year</dd>" in parts.tiles(other)
    assert "| Annual return, at 8,500 bars a year | 95.83 % | 19.34 % |" in summary_markdown(other)
    assert "95.8 % at 8,500 bars a year" in equity_svg(other)
    for text in (parts.tiles(same), summary_markdown(same), equity_svg(same)):
        assert "bars a year" not in text


def test_an_open_position_is_not_called_no_trade(make_result):
    text = render(make_result([100.0, 101.0], positions=[1.0, 1.0]))
    assert "the position that was opened is still held" in text


def test_a_log_scale_is_offered_only_where_it_exists(make_result, read_page, without_plotly):
    assert "data-scale=" in without_plotly(render(make_result([100.0, 101.0])))
    below = read_page(render(make_result([50.0, -10.0])))
    assert not [attributes for attributes in below.all("button") if "data-scale" in attributes]
    ruined_rerun = replace(make_result([100.0, 101.0]), pessimistic=make_result([50.0, -10.0]))
    assert "data-scale=" not in without_plotly(render(ruined_rerun)).split("<script>")[0]


def test_a_million_bars_and_many_trades_stay_a_small_file(make_result, tmp_path):
    rng = np.random.default_rng(2)
    growth = np.cumprod(1 + rng.normal(0, 0.0005, 1_000_000))
    path = write_report(make_result(100 * growth, close=50 * growth[::-1], trades=30_000), tmp_path)
    assert path == tmp_path / "report.html"
    assert path.stat().st_size < 10_000_000
    text = path.read_text(encoding="utf-8")
    assert "1,000,000 bars drawn as at most 6,000 points" in text
    assert "The first 10,000 of 30,000 trades" in text


def test_the_file_appears_whole_or_not_at_all(result, tmp_path, monkeypatch):
    target = tmp_path / "deep" / "mine.html"
    assert write_report(result, target) == target
    before = target.read_text(encoding="utf-8")
    assert [path.name for path in target.parent.iterdir()] == ["mine.html"]

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(report_module.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(result, target, title="another")
    assert target.read_text(encoding="utf-8") == before
    assert [path.name for path in target.parent.iterdir()] == ["mine.html"]


def test_a_simulation_is_reported(random_bars, tmp_path, read_page, without_plotly):
    costs = {"commission_bps": 5, "slippage_bps": 2, "spread_bps": 1}
    result = simulate(random_bars(11, n=400), "sma_cross", {"fast": 5, "slow": 20}, costs=costs)
    text = write_report(result, tmp_path).read_text(encoding="utf-8")
    page = read_page(text)
    assert page.faults == []
    assert f"{result.costs['total']:,.2f}" in page.texts["costs"]
    assert len(result.trades) > 5
    assert f"{len(result.trades)} closed trades" in without_plotly(text)
    for sentence in result.assumptions.values():
        assert sentence in page.texts["assumptions"]
    assert equity_svg(result).startswith("<svg")
    assert set(metrics_of(summary_markdown(result))) >= {"Sharpe ratio", "Maximum drawdown"}


def metrics_of(markdown):
    return [line.split("|")[1].strip() for line in markdown.split("\n") if line.startswith("|")]


def test_without_a_run_the_report_says_how_to_call_again(result, read_page):
    text = read_page(render(result)).texts["reproduce"]
    assert "admf.simulate(" in text
    assert result.digest in text


def test_a_workflow_result_brings_its_name_id_and_warnings(result, read_page):
    workflow = {"workflow_id": "run-7", "name": "Mine", "warnings": ["no seed was given"], "errors": []}
    page = read_page(render(result, workflow=workflow))
    assert "no seed was given" in page.texts["warnings"]
    assert "admf replay run-7" in page.texts["reproduce"]
    assert "<h1>Mine</h1>" in render(result, workflow=workflow)
