"""Source ``sql``: a table or a query of any database that SQLAlchemy speaks to.

Values are bound, identifiers are quoted by SQLAlchemy, and nothing is committed. Passwords stay out of
messages: errors of drivers are shown without the URL's secrets, and not chained.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pandas as pd

from admf.errors import DataError, TransientDataError
from admf.market.normalise import SPELLINGS, plain_name

if TYPE_CHECKING:
    import sqlalchemy as sa

    from admf.core.config.models import DataConfig

BINDABLE = ("symbol", "start", "end")
# Words by which drivers say that trying again may help; SQLite has no error class of its own for that.
_PASSING = (
    "locked",
    "busy",
    "timeout",
    "timed out",
    "deadlock",
    "connection",
    "too many clients",
    "server closed",
)


def read_sql(config: DataConfig) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """Rows of a table, in order of time, or of a query.

    A query may use ``:symbol`` (it then runs once a symbol), ``:start`` and ``:end`` (the config's dates,
    NULL where there is none). A table is read for the config's symbols if it has a symbol column, and for
    its dates if its timestamp is a date or time column.

    Raises
    ------
    DataError
        URL, driver, table or query are wrong.
    TransientDataError
        The database cannot be reached, or is busy.
    """
    import sqlalchemy as sa

    if config.url is None or (config.table is None) == (config.query is None):
        raise DataError(
            "source sql needs a url, and either a table or a query",
            hint="data_config: {source: sql, url: ${DATABASE_URL}, table: prices}",
        )
    secret = config.url.get_secret_value()
    try:
        url = sa.make_url(secret)
    except (sa.exc.ArgumentError, ValueError):
        raise DataError(
            "the url of source sql is no SQLAlchemy URL",
            hint="write dialect://user:password@host/database, as sqlite:///prices.db",
        ) from None
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        # SQLite would make an empty database of a misspelt name.
        path = Path(str(url.database))
        if not str(url.database).startswith("file:") and not path.is_file():
            raise DataError(f"database {path} does not exist")
    try:
        engine = sa.create_engine(url, hide_parameters=True, poolclass=sa.NullPool)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, TypeError, ValueError) as error:
        raise DataError(
            f"database {_shown(url)}: {_clean(error, url)}", hint="is the driver of this database installed?"
        ) from None
    try:
        try:
            connection = engine.connect()
        except sa.exc.DBAPIError as error:
            raise TransientDataError(
                f"database {_shown(url)} cannot be reached: {_clean(error, url)}"
            ) from None
        with connection:
            return _read(connection, config)
    except sa.exc.DBAPIError as error:
        text = _clean(error, url)
        if error.connection_invalidated or any(word in text.lower() for word in _PASSING):
            raise TransientDataError(f"database {_shown(url)}: {text}") from None
        raise DataError(f"database {_shown(url)} refuses the query: {text}") from None
    except sa.exc.SQLAlchemyError as error:
        raise DataError(f"database {_shown(url)}: {_clean(error, url)}") from None
    finally:
        engine.dispose()


def _shown(url: sa.URL) -> str:
    """Dialect, host and database: what one needs to recognise it."""
    return f"{url.get_backend_name()}://{url.host or ''}/{url.database or ''}"


def _clean(error: BaseException, url: sa.URL) -> str:
    """First line of what the driver says, without the secrets of the URL."""
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    secrets = [url.password, url.username if url.password else None]
    for value in url.query.values():
        secrets += [value] if isinstance(value, str) else list(value)
    for secret in secrets:
        if secret:
            for form in {str(secret), quote(str(secret)), quote_plus(str(secret))}:
                # A short one may be part of any word ("u" in "module"); as a word of its own it is hidden.
                text = re.sub(
                    rf"(?<!\w){re.escape(form)}(?!\w)" if len(form) < 4 else re.escape(form), "***", text
                )
    return text


def _read(connection: sa.Connection, config: DataConfig) -> pd.DataFrame | dict[str, pd.DataFrame]:
    import sqlalchemy as sa

    if config.table is not None:
        return _frame(connection, _table_query(connection, config), {})
    statement = sa.text(str(config.query))
    names = set(statement.compile().params)
    unknown = sorted(names - set(BINDABLE))
    if unknown:
        raise DataError(
            f"query has :{unknown[0]}, which nothing is bound to",
            hint="a query may use :symbol, :start and :end; write a colon of its own as \\:",
        )
    dates = {"start": config.start_date, "end": config.end_date}
    bound = {name: value for name, value in dates.items() if name in names}
    if "symbol" not in names:
        return _frame(connection, statement, bound)
    return {symbol: _frame(connection, statement, {**bound, "symbol": symbol}) for symbol in config.symbols}


def _frame(
    connection: sa.Connection, statement: sa.TextClause | sa.Select[Any], bound: Mapping[str, Any]
) -> pd.DataFrame:
    result = connection.execute(statement, dict(bound))
    if not result.returns_rows:
        raise DataError("the query returns no rows: it is no SELECT")
    names = list(result.keys())
    return pd.DataFrame.from_records(result.fetchall(), columns=names, coerce_float=True)


def _table_query(connection: sa.Connection, config: DataConfig) -> sa.Select[Any]:
    """SELECT of a whole table, ordered by its timestamp: a table of a database has no order of its own."""
    import sqlalchemy as sa

    name = str(config.table)
    schema, _, short = name.rpartition(".")
    inspector = sa.inspect(connection)
    known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    if short not in known:
        near = difflib.get_close_matches(short, known, 1)
        raise DataError(
            f"the database has no table {name!r}; there is: {', '.join(sorted(known)[:10]) or 'none'}",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    table = sa.Table(short, sa.MetaData(), schema=schema or None, autoload_with=connection)
    statement = sa.select(table)
    symbol = _column(table, "symbol", config.columns)
    if symbol is not None:
        statement = statement.where(symbol.in_(config.symbols))
    stamp = _column(table, "timestamp", config.columns)
    if stamp is None:
        return statement
    if isinstance(stamp.type, sa.Date | sa.DateTime):
        # A day's margin on both sides, whatever the time zones are; the exact cut comes after reading.
        if config.start_date is not None:
            statement = statement.where(stamp >= _day(config.start_date) - dt.timedelta(days=1))
        if config.end_date is not None:
            statement = statement.where(stamp < _day(config.end_date) + dt.timedelta(days=2))
    return statement.order_by(stamp)


def _day(moment: dt.date) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _column(table: sa.Table, canonical: str, columns: Mapping[str, str]) -> sa.Column[Any] | None:
    if canonical in columns:
        return table.columns.get(columns[canonical])
    for spelling in SPELLINGS[canonical]:
        hits = [column for column in table.columns if plain_name(column.name) == spelling]
        if len(hits) == 1:
            return hits[0]
    return None
