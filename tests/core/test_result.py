from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from admf.core.plain import jsonable, read_only
from admf.core.result import PhaseResult, WorkflowResult, digest_of
from admf.errors import AdmfError


class Colour(StrEnum):
    RED = "red"


def full_result() -> WorkflowResult:
    return WorkflowResult(
        workflow_id="20261124-213000-1a2b3c",
        type="backtest",
        name="sma",
        phase_results={
            "computation": PhaseResult(
                name="computation",
                status="completed",
                started=datetime(2026, 11, 24, tzinfo=UTC),
                duration_seconds=0.5,
                summary={"worst": math.inf, "bars": np.int64(3)},
            )
        },
        final_results={"equity": np.array([1.0, math.nan]), "until": date(2020, 1, 2)},
        metrics={"sharpe_ratio": math.nan, "calmar_ratio": -math.inf, "win_rate": np.float64(0.5)},
        artifacts={"report": "report.html"},
        timings={"load": 0.1},
        random_seed=7,
    )


def test_nan_and_infinity_become_null_and_dates_iso() -> None:
    document = json.loads(full_result().to_json(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert document["metrics"] == {"sharpe_ratio": None, "calmar_ratio": None, "win_rate": 0.5}
    assert document["final_results"] == {"equity": [1.0, None], "until": "2020-01-02"}
    assert document["phase_results"]["computation"]["summary"] == {"worst": None, "bars": 3}
    assert document["phase_results"]["computation"]["started"] == "2026-11-24T00:00:00Z"
    assert document["success"] is True


def test_json_round_trip() -> None:
    result = full_result()
    assert WorkflowResult.from_json(result.to_json()) == result
    assert WorkflowResult.from_json(result.to_json(indent=None)) == result


@pytest.mark.parametrize("status", ["failed", "cancelled", "timed_out"])
def test_success_follows_from_status(status: str) -> None:
    assert WorkflowResult(workflow_id="a", type="b", status=status, success=True).success is False  # type: ignore[arg-type]


def test_unknown_fields_and_statuses_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        WorkflowResult(workflow_id="a", type="b", sucess=True)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="'completed'"):
        PhaseResult(name="a", status="done")  # type: ignore[arg-type]
    with pytest.raises(AdmfError, match="this is no result of a workflow"):
        WorkflowResult.from_json("[1")


def test_results_share_no_defaults() -> None:
    first, second = (WorkflowResult(workflow_id=each, type="b") for each in "xy")
    first.errors.append("boom")
    assert second.errors == []


def test_jsonable_takes_the_usual_values() -> None:
    value = {
        Colour.RED: {3, 1, 2},
        "path": Path("a") / "b",
        "took": timedelta(minutes=1),
        "secret": SecretStr("hunter2"),
        "none": None,
        "flag": np.bool_(True),
        "when": np.datetime64("2020-01-01"),
        7: (1, 2.5),
    }
    assert jsonable(value) == {
        "red": [1, 2, 3],
        "path": "a/b",
        "took": 60.0,
        "secret": "**********",
        "none": None,
        "flag": True,
        "when": "2020-01-01",
        "7": [1, 2.5],
    }


def test_jsonable_says_where() -> None:
    with pytest.raises(TypeError, match=r"^runs\[1\]\.handle is a object, which JSON cannot hold$"):
        jsonable({"runs": [1, {"handle": object()}]})
    with pytest.raises(TypeError, match="has the key"):
        jsonable({(1, 2): 3})


def test_read_only_views() -> None:
    array = np.arange(3.0)
    view = read_only({"a": [{"b": array}], "c": {1}})
    with pytest.raises(TypeError):
        view["x"] = 1
    with pytest.raises(ValueError, match="read-only"):
        view["a"][0]["b"][0] = 9.0
    assert np.shares_memory(view["a"][0]["b"], array)
    assert array.flags.writeable
    assert view["c"] == {1}
    assert isinstance(view["c"], frozenset)


def test_digest_is_pinned_and_the_same_in_other_processes() -> None:
    # A change of this one means that no earlier run can be replayed to its digest.
    code = (
        "import numpy as np; from admf.core.result import digest_of;"
        "print(digest_of({'a': np.array([1.0, np.nan]), 'b': {'x': 1, 'y': 'é'}, 'c': [None, True, 2.5]}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert out == "632abe82eea226baf759f05e46115de1fe157a3dcd847718e7b439c9536dd9ce"


def test_digest_ignores_what_is_no_difference() -> None:
    base = digest_of({"a": np.array([0.0, math.nan, 2.0]), "b": 1})
    assert digest_of({"b": 1, "a": np.array([-0.0, -math.nan, 2.0])}) == base
    assert digest_of({"b": 1, "a": np.array([9, 0.0, 9, math.nan, 9, 2.0])[1::2]}) == base
    assert digest_of({"a": -0.0}) == digest_of({"a": 0.0}) == digest_of({"a": np.float64(0)})
    assert digest_of({"a": math.nan}) == digest_of({"a": -math.nan})
    assert digest_of({"a": np.array([1, 2], dtype=np.int32)}) == digest_of({"a": np.array([1, 2])})
    assert digest_of({"a": np.array(["ab", "c"])}) == digest_of({"a": np.array(["ab", "c"], dtype="U9")})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, math.nextafter(1.0, 2.0)),
        (1, 1.0),
        (1, True),
        (1, "1"),
        (None, "None"),
        ([1, 2], [2, 1]),
        (["ab"], ["a", "b"]),
        ([[1], 2], [1, [2]]),
        (np.zeros(4), np.zeros((2, 2))),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.array([1.0, 2.0]), np.array([1.0, np.nextafter(2.0, 3.0)])),
        (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-02"], "M8[D]")),
    ],
)
def test_digest_sees_every_difference(one: object, other: object) -> None:
    assert digest_of({"a": one}) != digest_of({"a": other})


def test_digest_refuses_what_it_cannot_see_into() -> None:
    with pytest.raises(TypeError, match=r"no digest: values\.a\[0\] is a object"):
        digest_of({"a": [object()]})
    with pytest.raises(TypeError, match=r"values\.a is an array of object"):
        digest_of({"a": np.array([object()])})


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), plain, max_size=3))
def test_result_round_trips_any_plain_mapping(values: dict[str, object]) -> None:
    result = WorkflowResult(workflow_id="a", type="b", final_results=values)
    assert WorkflowResult.from_json(result.to_json()) == result
