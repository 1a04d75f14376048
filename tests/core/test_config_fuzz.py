"""Whatever is read, `ConfigError` is all that comes out; YAML, dict and model give one config."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admf.core.config import WorkflowConfig, dump_yaml, load_config, parse_config
from admf.core.config.explain import View
from admf.core.config.yaml_loader import read_text
from admf.errors import ConfigError

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KEYS = st.sampled_from(
    [
        "workflow",
        "type",
        "name",
        "random_seed",
        "data_config",
        "backtest_config",
        "strategy",
        "params",
        "costs",
        "spread_bps",
        "symbols",
        "source",
        "url",
        "extends",
        "output",
        "metadata",
        "infrastructure_config",
        "start_date",
        "sizing",
        "optimization_config",
        "x",
    ]
)
PIECES = st.sampled_from(
    [
        "workflow:",
        "type: backtest",
        "backtest_config: {strategy: {name: a}}",
        "extends: preset:fx_hourly",
        "\n",
        "  ",
        " ",
        "- ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a",
        "*a",
        "!!str",
        "<<",
        "'",
        '"',
        "\\",
        "|",
        ">",
        "#",
        "---",
        "...",
        "%YAML 1.1",
        "?",
        "\t",
        "1e999",
        "0x1",
        "~",
        "${",
        "${A}",
        "$${",
        "é",
        "@",
        "`",
        "\u2028",
        "\x85",
        "\ufeff",
    ]
)


@QUICK
@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60))
def test_any_text(text: str) -> None:
    with contextlib.suppress(ConfigError):
        data = read_text(text).data
        parse_config(data)


@QUICK
@given(st.binary(max_size=80))
def test_any_bytes(tmp_path_factory: Any, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz", numbered=True) / "c.yaml"
    path.write_bytes(raw)
    with contextlib.suppress(ConfigError):
        load_config(path)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.decimals(),
    st.just(object()),
    st.sampled_from(["backtest", "sql", "csv", "block:x", "${HOME}", "${", "2020-01-01", "fixed_units"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.text(max_size=5) | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers(), max_size=2)
    ),
    max_leaves=12,
)


@QUICK
@given(st.dictionaries(KEYS, VALUES, max_size=6) | VALUES)
def test_any_mapping(data: Any) -> None:
    with contextlib.suppress(ConfigError):
        parse_config(data)
    with contextlib.suppress(ConfigError):
        parse_config(
            {
                "workflow": {
                    "type": "backtest",
                    "backtest_config": {"strategy": {"name": "x"}},
                    "data_config": data,
                }
            }
        )
    with contextlib.suppress(ConfigError):
        WorkflowConfig.model_validate(data, context=View(("workflow",)))


@QUICK
@given(st.lists(st.text(max_size=12) | st.builds("{}={}".format, KEYS, st.text(max_size=10)), max_size=4))
def test_any_override(overrides: list[str]) -> None:
    with contextlib.suppress(ConfigError):
        parse_config({"type": "backtest", "backtest_config": {"strategy": {"name": "x"}}}, overrides)


# -- round trip -----------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.sampled_from(["on", "010", "1:30", "1e3", "-.5E1", "~", "null", "=", "<<"])
    | TEXT.filter(lambda text: "${" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
DATES = st.dates(date(1700, 1, 1), date(2200, 1, 1)).map(str)
POSITIVE = st.integers(1, 10**6) | st.floats(0.001, 1e6)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents that are right, each key there or not."""

    def some(**keys: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {key: draw(value) for key, value in keys.items() if draw(st.booleans())}

    start, end = sorted((draw(DATES), draw(DATES)))
    backtest = {
        "strategy": {
            "name": draw(TEXT.filter(lambda text: "${" not in text)),
            **some(params=st.dictionaries(TEXT, PLAIN, max_size=3)),
        },
        **some(start_date=st.just(start), end_date=st.just(end), initial_cash=POSITIVE),
        **some(
            costs=st.fixed_dictionaries(
                {}, optional={"spread_bps": st.floats(0, 100), "commission_fixed": POSITIVE}
            )
        ),
        **some(sizing=st.just({"method": "fixed_units", "units": 3}) | st.just({"fraction": 0.5})),
    }
    workflow = {
        "type": "backtest",
        "backtest_config": backtest,
        **some(random_seed=st.integers(0, 2**63 - 1)),
    }
    workflow |= some(metadata=st.dictionaries(TEXT, PLAIN, max_size=3), timeout_seconds=POSITIVE)
    return {"workflow": workflow}


@settings(QUICK, max_examples=60)
@given(documents())
def test_yaml_dict_and_model_are_one_config(document: dict[str, Any]) -> None:
    from_dict = parse_config(document)
    from_yaml = parse_config(read_text(dump_yaml(document)).data)
    from_json = parse_config(read_text(json.dumps(document, indent=1)).data)
    from_keywords = WorkflowConfig(**document["workflow"])
    from_model = WorkflowConfig(
        type="backtest", **{k: getattr(from_dict, k) for k in from_dict.model_fields_set - {"type"}}
    )
    stored = parse_config(read_text(dump_yaml(from_dict.to_mapping())).data)
    for other in (from_yaml, from_json, from_keywords, from_model, stored):
        assert other == from_dict
        assert other.hash() == from_dict.hash()
        assert other.to_mapping() == from_dict.to_mapping()
