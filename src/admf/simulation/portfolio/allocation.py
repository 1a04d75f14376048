"""Allocations: what gives each symbol its weight.

An allocation is any object with ``weights(view) -> array (symbols,)``; there is no base class, and a plain
function of the view will do. It is asked at the close of a row and sees the past in a `View`. A weight is the
share of the equity, negative for a short position; NaN leaves the symbol as it is; the absolute weights may
add to 1 at most, or to the leverage of the margin section.

A class that is registered or named in a config is made of its parameters, which stand in ``parameters``
(domain by name, as for strategies); without that it takes them as they are. It may have
``uses_holdings = True`` to see the weights that are held, ``default_schedule``, ``check(symbols, most)``,
which raises `ConfigError` where its parameters do not fit the portfolio's symbols, or what the absolute
weights may add to, and ``prepare(universe)``, called once before the simulation, which gives the allocation
to ask. One that follows strategies names them
in ``members``, and says with ``sleeves(symbols)`` which trades what: see `admf.simulation.portfolio.sleeves`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, isclass, signature
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from admf.core.config.models import BacktestConfig, CostsConfig
from admf.core.modules import import_allowed
from admf.core.registry import nearest, registry_of
from admf.errors import AdmfError, ComponentError, ConfigError, Problem
from admf.simulation.portfolio.join import Joined
from admf.simulation.portfolio.view import View
from admf.strategies.bind import ParameterError, bind_parameters
from admf.strategies.locate import describe_failure
from admf.typing import FloatArray

if TYPE_CHECKING:
    from admf.indicators import IndicatorTable


LEVERAGE = "together they are multiplied by sizing.fraction, and no more than margin.leverage may be held"


@runtime_checkable
class Allocation(Protocol):
    """Gives target weights."""

    def weights(self, view: View) -> FloatArray:
        """Weights at this close, shape (symbols,)."""


@dataclass(frozen=True)
class Universe:
    """What an allocation is prepared with.

    Parameters
    ----------
    joined
        Prices of all symbols, whole: what is made of it must keep to the past by itself.
    first, last
        Simulated rows.
    initial_cash
        Currency.
    costs
        Of the portfolio.
    direction
        ``both``, ``long_only`` or ``short_only``.
    allow_modules
        Modules that strategies may come from.
    tables
        Symbol -> indicators of its bars, shared with others; a symbol may be absent.
    stopped
        Asked now and then while `prepare` works: True ends it with `WorkflowCancelledError`.
    warnings
        What a reader of the result should know is appended here.
    most
        What the absolute weights may add to.
    """

    joined: Joined
    first: int
    last: int
    initial_cash: float
    costs: CostsConfig
    direction: str
    allow_modules: tuple[str, ...] = ()
    tables: Mapping[str, IndicatorTable] = field(default_factory=dict)
    stopped: Callable[[], bool] | None = None
    warnings: list[str] = field(default_factory=list)
    most: float = 1.0


class _Function:
    """An allocation that is a plain function of the view."""

    def __init__(self, function: Any) -> None:
        self.weights = function


class Resolved(NamedTuple):
    """An allocation, ready to be asked.

    Parameters
    ----------
    name
        What results call it.
    allocation
        The thing itself.
    params
        Its parameters, with the defaults of those that it declares.
    """

    name: str
    allocation: Allocation
    params: dict[str, Any]


def resolve_allocation(
    ref: Any, params: Mapping[str, Any] | None = None, allow_modules: Iterable[str] = ()
) -> Resolved:
    """Find an allocation and make it of its parameters.

    Parameters
    ----------
    ref
        A registered name, ``module:Name`` of an allowed module, a class, an instance, or a function.
    params
        Parameters of a class; the rest take their defaults.
    allow_modules
        Modules that ``module:Name`` may come from.

    Raises
    ------
    ComponentError
        There is none of that name, it may not be imported, or it has no ``weights``.
    ConfigError
        Its parameters are wrong.
    """
    found, name = _locate(ref, tuple(allow_modules))
    given = dict(params or {})
    if isclass(found):
        space = getattr(found, "parameters", None)
        if space is None:
            _named(name, found, given)
        try:
            if space is not None:
                given = bind_parameters(name, space, (), given)
            made = found(**given)
        except ParameterError as error:
            problems = [
                replace(each, message=each.message.replace("this strategy", "this allocation"))
                for each in error.problems
            ]
            raise ConfigError(problems, f"allocation {name!r}") from None
        except TypeError as error:
            raise ComponentError(f"allocation {name!r} cannot be made of {sorted(given)}: {error}") from None
    elif given:
        raise ComponentError(f"allocation {name!r} is made already: it takes no parameters")
    else:
        made = found
    if not isinstance(made, Allocation) and callable(made):
        made = _Function(made)
    if not isinstance(made, Allocation):
        raise ComponentError(f"allocation {name!r} has no method weights", "write weights(self, view)")
    return Resolved(name, made, given)


def _named(name: str, found: type, given: Mapping[str, Any]) -> None:
    """Refuse parameters that the class does not take, and the lack of those that it needs."""
    known = signature(found).parameters
    if any(each.kind is Parameter.VAR_KEYWORD for each in known.values()):
        return
    problems = []
    for key in given:
        if key not in known:
            near = nearest(key, known)
            problems.append(
                Problem(
                    key,
                    "is no parameter of this allocation",
                    allowed=", ".join(known) or "none",
                    hint=f"did you mean {near}?" if near else None,
                )
            )
    for key, parameter in known.items():
        if parameter.default is Parameter.empty and key not in given:
            example = (getattr(found, "example", None) or {}).get(key)
            hint = f"write for example {key}: {example}" if example else None
            problems.append(Problem(key, f"is required by allocation {name}", hint=hint))
    if problems:
        raise ConfigError(problems, f"allocation {name!r}")


def _locate(ref: Any, allowed: tuple[str, ...]) -> tuple[Any, str]:
    if not isinstance(ref, str):
        return ref, getattr(ref, "__name__", None) or type(ref).__name__
    if ":" not in ref:
        registry = registry_of("allocation")
        return registry.get(ref), registry.entry(ref).name
    module, _, attribute = ref.partition(":")
    if not any(module == each or module.startswith(f"{each}.") for each in allowed):
        raise ComponentError(
            f"allocation {ref!r}: module {module!r} may not be imported; allowed is: "
            f"{', '.join(allowed) or 'none'}",
            f"a config runs only code that you allow: add `allow_modules: [{module}]` under `workflow`",
        )
    try:
        found = import_allowed(module)
    except AdmfError:
        raise
    except Exception as error:
        raise ComponentError(f"allocation {ref!r}: {type(error).__name__}: {error}") from error
    if not hasattr(found, attribute):
        near = nearest(attribute, [each for each in vars(found) if not each.startswith("_")])
        raise ComponentError(
            f"allocation {ref!r}: {module} has no {attribute!r}", f"did you mean {near!r}?" if near else None
        )
    return getattr(found, attribute), attribute


def most_of(config: BacktestConfig) -> float:
    """Say what the absolute weights may add to: the leverage, less what the fraction of each weight adds."""
    return config.margin.leverage / max(config.sizing.fraction, 1.0)


def ask(name: str, allocation: Allocation, view: View, held: FloatArray, most: float = 1.0) -> FloatArray:
    """Ask for the weights at a close, and check them.

    Parameters
    ----------
    held
        Targets decided last, for the symbols that the answer leaves alone, shape (symbols,).
    most
        What the absolute weights may add to.

    Raises
    ------
    ComponentError
        It failed, or gave something that are no weights; or their absolute values add to more than `most`.
    """
    when = f"at {np.datetime64(int(view.timestamps[-1]), 'ns')}"
    try:
        answer = np.asarray(allocation.weights(view), dtype=np.float64)
    except AdmfError:
        raise
    except Exception as error:
        raise ComponentError(f"allocation {name!r} failed {when}: {describe_failure(error)}") from error
    count = len(view.symbols)
    if answer.shape != (count,) or np.isinf(answer).any():
        raise ComponentError(
            f"allocation {name!r} {when}: weights must be {count} numbers, one a symbol; found "
            f"{answer.tolist() if answer.ndim else answer!r}"
        )
    weights = np.where(view.eligible | np.isnan(answer), answer, 0.0)
    gross = float(np.sum(np.abs(np.where(np.isnan(weights), held, weights))))
    if gross > most + 1e-9:
        raise ComponentError(
            f"allocation {name!r} {when}: the absolute weights add to {gross:.6g}, and may add to {most:.6g} "
            f"at most: {LEVERAGE}",
            "scale the weights down, or raise margin.leverage",
        )
    return weights


def symbol_weights(what: str, weights: Mapping[str, Any], symbols: tuple[str, ...], path: str) -> FloatArray:
    """Turn a mapping of symbols to numbers into an array; a symbol that is not named gets 0.

    Raises
    ------
    ConfigError
        A symbol is not in the portfolio, or a value is no number.
    """
    problems = []
    for symbol, weight in weights.items():
        if symbol not in symbols:
            near = nearest(str(symbol), symbols)
            problems.append(
                Problem(
                    f"{path}.{symbol}",
                    f"is no symbol of the portfolio ({what})",
                    allowed=", ".join(symbols),
                    hint=f"did you mean {near}?" if near else None,
                )
            )
        elif isinstance(weight, bool) or not isinstance(weight, int | float) or not np.isfinite(weight):
            problems.append(Problem(f"{path}.{symbol}", "must be a number", found=repr(weight)))
    if problems:
        raise ConfigError(problems, what)
    return np.array([float(weights.get(symbol, 0.0)) for symbol in symbols])
