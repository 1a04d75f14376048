"""Sessions on disk: one zip file of JSON and .npy arrays, written whole or not at all; no pickle."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from admf.core.files import replacing
from admf.errors import AdmfError, DataError, StrategyError
from admf.market.bars import FIELDS, Bars
from admf.market.findings import Finding
from admf.simulation.orders import layout
from admf.simulation.orders.layout import S_BAR, STATE_SIZE
from admf.simulation.records import ORDER_COLUMNS, TRADE_COLUMNS

if TYPE_CHECKING:
    from admf.simulation.session import SimulationSession
    from admf.strategies import BoundStrategy

_FORMAT = 3
_ABOUT = ("symbol", "timeframe", "timezone", "periods_per_year", "source")
_CONFIG = ("execution", "sizing", "costs", "margin", "risk", "initial_cash", "risk_free_pct")
# What reading raises where bytes are not those that were written; a flag of zip may ask for a password.
_DAMAGE = (
    OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError,
    OverflowError, struct.error, zlib.error, DataError,
)  # fmt: skip
_SCALARS = (np.float64, np.float32, np.int64, np.int32, np.bool_)


def save(session: SimulationSession, path: Path) -> Path:
    """Write a session; see `SimulationSession.save`."""
    bars, engine, strategy = session.bars, session._engine, session.strategy
    if strategy.needs_python is not None and strategy._owner is not None:
        raise StrategyError(
            f"strategy {strategy.name}: a session of it cannot be saved, because {strategy.needs_python} and "
            "may remember things there",
            hint="keep what it remembers in a state: initial_state(p), and on_bar(..., state)",
        )
    where = f"strategy {strategy.name}"
    meta = {
        "format": _FORMAT,
        "layout": layout_digest(),
        "strategy": {
            "name": strategy.name,
            "source": strategy.source_ref,
            "params": _encoded(strategy.params, f"{where}: its parameters"),
            "digest": strategy_digest(strategy),
        },
        "config": {
            "execution": session.config.execution.model_dump(mode="json"),
            "sizing": session.config.sizing.model_dump(mode="json"),
            "costs": session.config.costs.model_dump(mode="json"),
            "margin": session.config.margin.model_dump(mode="json"),
            "risk": session.config.risk.model_dump(mode="json"),
            "initial_cash": session.config.initial_cash,
            "risk_free_pct": session.config.risk_free_pct,
        },
        "bars": {
            "fingerprint": bars.fingerprint,
            "extra": list(bars.extra),
            "findings": [asdict(finding) for finding in bars.findings],
            **{name: getattr(bars, name) for name in _ABOUT},
        },
        "history_bars": session._first,
        "open_columns": session._history.open_columns,
        "counts_bars_per_year": session._counted,
        "state": _encoded(session._step.state, f"{where}: its state"),
    }
    arrays = {name: getattr(bars, name) for name in ("timestamps", *FIELDS)}
    arrays |= {f"extra_{number}": column for number, column in enumerate(bars.extra.values())}
    arrays["equity"], arrays["positions"] = np.array(session._equity), np.array(session._positions)
    arrays["engine"] = np.array(engine.memory, dtype=np.float64)
    arrays["orders"] = np.array(engine.orders, dtype=np.float64).reshape(-1, len(ORDER_COLUMNS))
    arrays["trades"] = np.array(engine.trades, dtype=np.float64).reshape(-1, len(TRADE_COLUMNS))
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        file.writestr("session.json", json.dumps(meta, indent=1, allow_nan=False))
        for name, array in arrays.items():
            buffer = BytesIO()
            np.save(buffer, array, allow_pickle=False)
            file.writestr(f"{name}.npy", buffer.getbuffer())
    return path


def layout_digest() -> str:
    """Digest of where the engine keeps what: its memory is a list of numbers, which any layout would take."""
    places = {name: value for name, value in vars(layout).items() if name.isupper() and type(value) is int}
    return hashlib.sha256(repr(sorted(places.items())).encode()).hexdigest()[:16]


def load(
    kind: type[SimulationSession], path: Path, strategy: Any, allow_modules: Sequence[str]
) -> SimulationSession:
    """Restore a session; see `SimulationSession.load`."""
    try:
        with zipfile.ZipFile(path) as file:
            meta = json.loads(file.read("session.json"))
            if (meta.get("format"), meta.get("layout")) != (_FORMAT, layout_digest()):
                raise AdmfError(
                    f"the saved session {path} was written by another version of admf, whose engine keeps "
                    "its numbers in other places",
                    "load it with that version, or start a new session with history=session.bars",
                )
            bars, arrays = _bars(file, meta["bars"]), _arrays(file)
        wanted, config = meta["strategy"], meta["config"]
        memory = arrays["engine"].tolist()
        params, state = _decoded(wanted["params"]), _decoded(meta["state"])
        first, count = int(meta["history_bars"]), len(arrays["equity"])
        if first + count != len(bars) or memory[S_BAR] != count - 1:
            raise ValueError("its parts are of different lengths")
        if set(config) != set(_CONFIG):
            raise ValueError(f"its config has other sections than {', '.join(_CONFIG)}")
    except FileNotFoundError:
        raise DataError(f"there is no saved session {path}") from None
    except _DAMAGE as error:
        raise DataError(f"the saved session {path} is damaged: {error}") from error
    if bars.fingerprint != meta["bars"]["fingerprint"]:
        raise DataError(
            f"the saved session {path} is damaged: its bars are not those whose fingerprint it names"
        )
    session = _session(kind, path, strategy, allow_modules, meta, params, bars)
    if strategy_digest(session.strategy) != wanted["digest"]:
        raise StrategyError(
            f"the session {path} was saved with another strategy {wanted['name']!r} than is there now: "
            "its step, parameters or indicators have changed",
            hint="load it with the strategy as it was; a changed strategy starts a new session, with "
            "history=session.bars",
        )
    session._engine.memory = memory
    session._engine.orders = [tuple(row) for row in arrays["orders"].tolist()]
    session._engine.trades = [tuple(row) for row in arrays["trades"].tolist()]
    session._equity, session._positions = arrays["equity"].tolist(), arrays["positions"].tolist()
    session._step.state = state
    session._first, session._counted = first, bool(meta["counts_bars_per_year"])
    return session


def _session(
    kind: type[SimulationSession], path: Path, strategy: Any, allow_modules: Sequence[str],
    meta: dict[str, Any], params: dict[str, Any], bars: Bars,
) -> SimulationSession:  # fmt: skip
    from admf.strategies import BoundStrategy

    source = meta["strategy"]["source"]
    start: dict[str, Any] = {"history": bars, "_restored": True}
    if meta["open_columns"]:  # saved before its first bar, which will say which columns there are
        start = {"symbol": bars.symbol, "timeframe": bars.timeframe, "timezone": bars.timezone}
    try:
        return kind(
            source if strategy is None else strategy,
            None if isinstance(strategy, BoundStrategy) else params,
            allow_modules=allow_modules,
            **start,
            **meta["config"],
        )
    except AdmfError as error:
        hint = error.hint
        if strategy is None and not isinstance(error, DataError):
            hint = hint or "give the strategy itself: SimulationSession.load(path, strategy=...)"
        raise StrategyError(
            f"the session {path} of strategy {source!r} cannot go on: {error.message}", hint
        ) from error


def strategy_digest(strategy: BoundStrategy) -> str:
    """SHA-256 (hex) of what a strategy decides by: its step with helpers, parameters, indicators, columns."""
    import inspect

    from admf.simulation.step_source import NotEmbeddableError, collect

    texts = {name: value for name, value in strategy.params.items() if isinstance(value, str)}
    texts = {name: value for name, value in texts.items() if name in strategy.arguments}
    try:
        source = collect(strategy.on_bar, texts)
        step: Any = [source.name, sorted(source.constants.items()), sorted(source.functions.items())]
    except NotEmbeddableError:
        try:
            step = inspect.getsource(strategy.on_bar)
        except (OSError, TypeError):  # typed at a prompt: no file to read it from
            step = strategy.on_bar.__code__.co_code.hex()
    about = {
        "step": step,
        "arguments": strategy.arguments,
        "params": _encoded(strategy.params, f"strategy {strategy.name}: its parameters"),
        "indicators": {name: spec.key for name, spec in strategy.indicators.items()},
        "columns": strategy.columns,
        "initial_state": _encoded(strategy.initial_state, f"strategy {strategy.name}: its state"),
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _bars(file: zipfile.ZipFile, meta: dict[str, Any]) -> Bars:
    fields: dict[str, Any] = {name: _array(file, name) for name in ("timestamps", *FIELDS)}
    extra = {name: _array(file, f"extra_{number}") for number, name in enumerate(meta["extra"])}
    findings = tuple(Finding(**{**each, "rows": tuple(each["rows"])}) for each in meta["findings"])
    return Bars(**{name: meta[name] for name in _ABOUT}, **fields, extra=extra, findings=findings)


def _arrays(file: zipfile.ZipFile) -> dict[str, Any]:
    arrays = {name: _array(file, name) for name in ("equity", "positions", "orders", "trades", "engine")}
    shapes = {"orders": len(ORDER_COLUMNS), "trades": len(TRADE_COLUMNS)}
    if any(arrays[name].shape[1:] != (width,) for name, width in shapes.items()):
        raise ValueError("its tables have other columns")
    if arrays["engine"].shape != (STATE_SIZE,):
        raise ValueError("its engine is of another size")
    if arrays["equity"].shape != arrays["positions"].shape:
        raise ValueError("its parts are of different lengths")
    return arrays


def _array(file: zipfile.ZipFile, name: str) -> Any:
    array = np.load(BytesIO(file.read(f"{name}.npy")), allow_pickle=False)
    wanted = np.int64 if name == "timestamps" else np.float64
    if array.dtype != wanted:
        raise ValueError(f"{name}.npy holds {array.dtype}, not {np.dtype(wanted)}")
    return array


def _encoded(value: Any, what: str) -> Any:
    """Give a value as JSON that `_decoded` turns into the same value of the same type."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if type(value) in _SCALARS:
        return {value.dtype.name: _encoded(value.item(), what)}
    if type(value) is tuple:
        return {"tuple": [_encoded(each, what) for each in value]}
    if type(value) is list:
        return [_encoded(each, what) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encoded(each, what) for key, each in value.items()}}
    raise StrategyError(
        f"{what} cannot be saved: they hold {value!r}, a {type(value).__name__}"
        if what.endswith("parameters")
        else f"{what} cannot be saved: it holds {value!r}, a {type(value).__name__}",
        hint="numbers, text, True and False, None, and tuples, lists and mappings of them can be saved",
    )


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "float":
        return float(content)
    if kind == "tuple":
        return tuple(_decoded(each) for each in content)
    if kind == "dict":
        return {key: _decoded(each) for key, each in content.items()}
    scalar = {np.dtype(each).name: each for each in _SCALARS}[kind]
    return scalar(_decoded(content))
