"""The quality gate: what cannot be right is an error, what is legal but odd is a warning.

Nothing is repaired. Order of prices is judged with a relative tolerance of 1e-9: prices that were scaled or
printed as decimals differ in their last digits. Rows inside the tolerance are kept as they are, counted in
an ``info`` finding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from admf.market.bars import FIELDS, PRICES
from admf.market.findings import NO_TIMESTAMP, Finding, Severity
from admf.market.normalise import Table
from admf.market.timeframes import (
    DAY_SECONDS,
    ENOUGH_BARS,
    duration,
    fits,
    infer_timeframe,
    timeframe_seconds,
    typical_interval,
)

Mask = npt.NDArray[np.bool_]

TOLERANCE = 1e-9
SPLIT_RATIOS = {
    1.5: "3-for-2",
    2.0: "2-for-1",
    3.0: "3-for-1",
    4.0: "4-for-1",
    5.0: "5-for-1",
    10.0: "10-for-1",
}
SPLIT_TOLERANCE = 0.03  # a night's own move comes on top of the split
EXTREME_RETURN = 0.5
RUN_LENGTH = 5


def check_values(table: Table, min_bars: int = 2) -> list[Finding]:
    """Errors: rows that no market can have produced, and order of time.

    Parameters
    ----------
    table
        What `admf.market.normalise.normalise` read.
    min_bars
        Fewer bars than this are an error.

    Returns
    -------
    list of Finding
        Every error of every row, and an ``info`` for what the tolerance let through.
    """
    findings: list[Finding] = []
    if len(table) < min_bars:
        message = f"too few bars: {len(table)} found, at least {min_bars} needed"
        findings.append(Finding("too_few_bars", "error", message, (), None, len(table)))
    findings += _check_cells(table)
    findings += _check_order_of_prices(table)
    findings += _check_order_of_time(table)
    return findings


def _check_cells(table: Table) -> list[Finding]:
    findings: list[Finding] = []
    for name in FIELDS:
        values = table.columns[name]
        lowest = values.min(initial=np.inf)  # NaN if there is one
        if lowest > 0 and values.max(initial=0.0) < np.inf:
            continue
        missing = np.isnan(values)
        missing[table.text_cells.get(name, [])] = False  # reported as text
        wrong = values < 0 if name == "volume" else values <= 0
        kind, what = ("negative", "is negative") if name == "volume" else ("not_positive", "is not positive")
        # Minus infinity is reported once, as infinite.
        infinite = np.isinf(values)
        for rule, text, mask, shown in (
            ("nan", "is NaN", missing, ()),
            ("infinite", "is infinite", infinite, (name,)),
            (kind, what, wrong & ~infinite, (name,)),
        ):
            if mask.any():
                findings.append(_of(table, rule, "error", f"{name} {text}", mask, shown, name))
    return findings


def _of(
    table: Table,
    kind: str,
    severity: Severity,
    what: str,
    mask: Mask | npt.NDArray[np.intp],
    shown: tuple[str, ...] = (),
    column: str | None = None,
) -> Finding:
    positions = np.flatnonzero(mask) if mask.dtype == bool else mask

    def detail(position: int) -> str:
        return ", ".join(f"{name} {table.columns[name][position]:.12g}" for name in shown)

    return table.rows.finding(
        kind,
        severity,
        what,
        positions.astype(np.intp),
        detail if shown else None,
        column,
    )


def _check_order_of_prices(table: Table) -> list[Finding]:
    opens, highs, lows, closes = (table.columns[name] for name in PRICES)
    findings: list[Finding] = []
    with np.errstate(invalid="ignore"):
        rough = (highs < lows) | (opens > highs) | (opens < lows) | (closes > highs) | (closes < lows)
    if not rough.any():
        return findings
    # A price that is no price is reported as that, once.
    for prices in (opens, highs, lows, closes):
        rough &= (prices > 0) & (prices < np.inf)
    suspects = np.flatnonzero(rough)
    opens, highs, lows, closes = (array[suspects] for array in (opens, highs, lows, closes))
    with np.errstate(invalid="ignore", over="ignore"):
        ceiling, floor = highs + TOLERANCE * np.abs(highs), lows - TOLERANCE * np.abs(lows)
        crossed = ceiling < lows
        # With high below low nothing lies in between: that row is reported once.
        open_out, close_out = (
            ~crossed & ((prices > ceiling) | (prices < floor)) for prices in (opens, closes)
        )
    checks: tuple[tuple[str, str, Mask, tuple[str, ...], str | None], ...] = (
        ("high_below_low", "high is below low", crossed, ("high", "low"), None),
        ("outside_range", "open is outside low to high", open_out, ("open", "high", "low"), "open"),
        ("outside_range", "close is outside low to high", close_out, ("close", "high", "low"), "close"),
    )
    guilty = np.zeros(len(suspects), dtype=bool)
    for kind, what, mask, shown, column in checks:
        guilty |= mask
        if mask.any():
            findings.append(_of(table, kind, "error", what, suspects[mask], shown, column))
    if len(suspects) and not guilty.all():
        what = "prices are out of order by less than a billionth (rounding) and kept as they are"
        findings.append(_of(table, "rounding", "info", what, suspects[~guilty]))
    return findings


def _check_order_of_time(table: Table) -> list[Finding]:
    known = np.flatnonzero(table.rows.timestamps != NO_TIMESTAMP)
    stamps = table.rows.timestamps[known]
    steps = np.diff(stamps)
    if not len(steps) or steps.min() > 0:
        return []
    findings: list[Finding] = []
    order = np.argsort(stamps, kind="stable")
    same = np.flatnonzero(np.diff(stamps[order]) == 0)
    if len(same):
        first = {int(known[order[place + 1]]): int(known[order[place]]) for place in same[::-1].tolist()}
        repeats = np.sort(known[order[same + 1]])
        numbers = table.rows.numbers
        findings.append(
            table.rows.finding(
                "duplicate_timestamp",
                "error",
                "timestamp is there twice",
                repeats,
                lambda position: f"repeats row {numbers[first[position]]}",
                "timestamp",
            )
        )
    if steps.min() < 0:
        backward = np.flatnonzero(steps < 0) + 1
        whole = " (the file runs from newest to oldest: reverse it)" if (steps <= 0).all() else ""
        findings.append(
            table.rows.finding(
                "unsorted",
                "error",
                f"timestamp is earlier than the one before{whole}",
                known[backward],
                column="timestamp",
            )
        )
    return findings


def check_timeframe(table: Table, timeframe: str) -> list[Finding]:
    """Whether the typical interval is that of the timeframe.

    Shorter than stated is an error: such bars overlap. Longer is an error too, except for intraday bars
    whose typical interval stays below a day: instruments that trade rarely have no bar for an interval
    without a trade, which is a warning. Fewer than 10 bars are not judged.
    """
    interval = typical_interval(table.rows.timestamps)
    if len(table) < ENOUGH_BARS or fits(interval, timeframe):
        return []
    stated = timeframe_seconds(timeframe)
    thin = stated < interval < DAY_SECONDS
    looks = infer_timeframe(table.rows.timestamps)
    message = (
        f"timeframe is stated as {timeframe} ({duration(stated)}), but the median interval between bars is "
        f"{duration(interval)}{f', which fits {looks}' if looks else ''}"
    )
    return [
        Finding("timeframe_mismatch", "warning" if thin else "error", message, (), "timestamp", len(table))
    ]


def check_oddities(table: Table) -> list[Finding]:
    """Warnings: legal, but worth a look, and an ``info`` on bars without volume; expects no errors.

    Suspected splits: the open is a simple ratio of the close before (3:2, 2, 3, 4, 5, 10, either way), to 3
    %. Extreme returns: the close moves by more than 50 % in a bar. Runs: at least 5 bars in a row without
    volume, or with open, high, low and close all equal to the close before.
    """
    opens, highs, lows, closes = (table.columns[name] for name in PRICES)
    findings: list[Finding] = []
    overnight = opens[1:] / closes[:-1]
    large = np.flatnonzero(np.maximum(overnight, 1 / overnight) > min(SPLIT_RATIOS) * (1 - SPLIT_TOLERANCE))
    suspects: dict[int, str] = {}
    for place in large.tolist():
        ratio = float(overnight[place])
        size = max(ratio, 1 / ratio)
        nearest = min(SPLIT_RATIOS, key=lambda known: abs(size / known - 1))
        if abs(size / nearest - 1) <= SPLIT_TOLERANCE:
            suspects[place + 1] = SPLIT_RATIOS[nearest] if ratio < 1 else f"reverse {SPLIT_RATIOS[nearest]}"
    if suspects:
        findings.append(
            table.rows.finding(
                "suspected_split",
                "warning",
                "open against the close before looks like a split",
                list(suspects),
                lambda at: f"open {opens[at]:.12g} after close {closes[at - 1]:.12g}, {suspects[at]}?",
            )
        )
    change = closes[1:] / closes[:-1] - 1
    extreme = np.flatnonzero(np.abs(change) > EXTREME_RETURN) + 1
    if len(extreme):
        findings.append(
            table.rows.finding(
                "extreme_return",
                "warning",
                "close moves by more than 50 %",
                extreme,
                lambda at: f"{change[at - 1]:+.1%}",
                "close",
            )
        )
    still = np.zeros(len(table), dtype=bool)
    still[1:] = (highs[1:] == lows[1:]) & (closes[1:] == closes[:-1]) & (opens[1:] == closes[1:])
    findings += _check_runs(table, still, "unchanged_price", "price does not change")
    if table.has_volume:
        silent = table.columns["volume"] == 0
        if silent.all() and len(silent):
            findings.append(
                Finding("zero_volume", "info", "volume is 0 in every bar", (), "volume", len(table))
            )
        else:
            findings += _check_runs(table, silent, "zero_volume", "volume is 0", "volume")
            if silent.any():
                # All are counted: a simulation with a cap on volume halts each of them, and says how many.
                rows = np.flatnonzero(silent)
                findings.append(
                    table.rows.finding("zero_volume", "info", "volume is 0", rows, column="volume")
                )
    return findings


def _check_runs(table: Table, mask: Mask, kind: str, what: str, column: str | None = None) -> list[Finding]:
    if not mask.any():
        return []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts >= RUN_LENGTH
    if not long.any():
        return []
    lengths = dict(zip(starts[long].tolist(), (stops - starts)[long].tolist(), strict=True))
    finding = table.rows.finding(
        kind,
        "warning",
        f"{what} for {RUN_LENGTH} bars or more, from each of these rows on,",
        starts[long],
        lambda at: f"for {lengths[at]} bars",
        column,
    )
    return [finding]
