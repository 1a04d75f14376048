"""Types of single values that several sections share."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema

from admf.core.config.faults import Fault, fault_error

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, lt=100, allow_inf_nan=False)]
BasisPoints = Annotated[float, Field(ge=0, lt=10000, allow_inf_nan=False)]
Column = Annotated[str, Field(min_length=1)]

#: What a secret looks like wherever a config is shown or stored.
MASK = "**********"

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
_MOMENT = f"^{_DAY}([T ]{_TIME})?$"
_MOMENT_FORM = "a day as 2023-01-31, or a moment as 2023-01-31T15:30:00Z"
_YEARS = range(1678, 2262)  # what a 64-bit count of nanoseconds holds


def parse_moment(value: object) -> date | datetime:
    """Read a day or a moment. A moment without an offset is UTC, one with another is turned into UTC."""
    if isinstance(value, datetime | date):
        value = value.isoformat()
    if not isinstance(value, str):
        raise fault_error(Fault("must be a date", allowed=_MOMENT_FORM))
    if not re.match(_MOMENT, value):
        raise fault_error(Fault("is not a date in ISO form", allowed=_MOMENT_FORM))
    try:
        moment = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        if isinstance(moment, datetime):
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise fault_error(Fault("is not a date of the calendar", allowed=_MOMENT_FORM)) from None
    if moment.year not in _YEARS:
        raise fault_error(Fault("is out of range", allowed=f"years from {_YEARS[0]} to {_YEARS[-1]}"))
    return moment


def instant(value: object, *, last: bool = False) -> datetime:
    """Give the moment at which a day begins (``last``: ends), so that days and moments compare."""
    moment = parse_moment(value)
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.max if last else time.min, UTC)


Moment = Annotated[
    date | datetime, BeforeValidator(parse_moment), WithJsonSchema({"type": "string", "pattern": _MOMENT})
]


def _not_masked(secret: SecretStr | None) -> SecretStr | None:
    if secret is None:
        return None
    if secret.get_secret_value() == MASK:
        hint = "write ${VAR} and set that environment variable, as in ${DATABASE_URL}"
        raise fault_error(Fault("is a masked secret: the stored config does not hold its value", hint=hint))
    if not secret.get_secret_value():
        raise fault_error(Fault("must not be empty"))
    return secret


# The field's own type is bare: Prefect finds the secrets of a block by it, and looks into no Annotated.
Secret = Annotated[SecretStr | None, AfterValidator(_not_masked)]


def _block(value: str) -> str:
    if not re.match(r"^block:\S+$", value):
        raise fault_error(Fault("must name a saved block", allowed="block:NAME"))
    return value


Block = Annotated[str, AfterValidator(_block), Field(json_schema_extra={"pattern": r"^block:\S+$"})]


def _label(value: str) -> str:
    if not value.strip() or len(value) > 100 or not value.isprintable():
        raise fault_error(Fault("is not a possible name", allowed="1 to 100 printable characters"))
    return value


Label = Annotated[str, AfterValidator(_label), Field(json_schema_extra={"minLength": 1, "maxLength": 100})]


def _module(value: str) -> str:
    if not all(part.isidentifier() for part in value.split(".")):
        hint = f"write {value.removesuffix('.py').replace('/', '.')}" if value.endswith(".py") else None
        raise fault_error(
            Fault("is not a module name", allowed="a dotted name, as my_package.strategies", hint=hint)
        )
    return value


ModuleName = Annotated[str, AfterValidator(_module)]

_TIMEFRAME = r"^[1-9][0-9]{0,3}(s|m|h|d|w|mo)$"


def _timeframe(value: str) -> str:
    if re.match(_TIMEFRAME, value):
        return value
    words = {"daily": "1d", "day": "1d", "weekly": "1w", "monthly": "1mo", "hourly": "1h", "minute": "1m"}
    guess = words.get(value.lower()) or next(
        (text for text in (f"1{value}".lower(), value.lower()) if re.match(_TIMEFRAME, text)), None
    )
    allowed = "a count and a unit of s, m, h, d, w, mo: 30s, 5m, 1h, 1d, 1w, 1mo"
    raise fault_error(Fault("is not a timeframe", allowed=allowed, hint=f"write {guess}" if guess else None))


Timeframe = Annotated[str, AfterValidator(_timeframe), Field(json_schema_extra={"pattern": _TIMEFRAME})]


def _timezone(value: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):  # no such zone; a name that is no path; a folder of zones
        near = get_close_matches(value, available_timezones(), 1)
        hint = f"did you mean {near[0]}?" if near else None
        allowed = "an IANA name: UTC, America/New_York"
        raise fault_error(Fault("is not a known time zone", allowed=allowed, hint=hint)) from None
    return value


TimeZone = Annotated[str, AfterValidator(_timezone)]


def _device(value: Any) -> Any:
    if value == "gpu":
        hint = "write device: cpu (the default); compiled strategies already use every processor"
        raise fault_error(Fault("gpu is not supported by this version", allowed="cpu", hint=hint))
    return value


# Of one value, the run form of Prefect makes a select only with an explicit enum.
Device = Annotated[
    Literal["cpu"], BeforeValidator(_device), Field(json_schema_extra={"enum": ["cpu"], "readOnly": True})
]
