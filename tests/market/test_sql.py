"""Source sql, on SQLite."""

from __future__ import annotations

import sqlite3
import traceback

import pandas as pd
import pytest
import sqlalchemy as sa

from admf.core.config import DataConfig
from admf.errors import DataError, TransientDataError
from admf.market import load_bars, load_market_data


@pytest.fixture
def url(tmp_path, random_frame) -> str:
    """A database with the table "daily prices", whose rows are in no order, and a view of it."""
    address = f"sqlite:///{tmp_path / 'prices.db'}"
    frames = [random_frame(seed, 60).assign(ticker=symbol) for seed, symbol in ((1, "AAA"), (2, "B'; --"))]
    table = pd.concat(frames).tz_localize(None).reset_index(names="ts").sample(frac=1, random_state=1)
    engine = sa.create_engine(address)
    table.to_sql("daily prices", engine, index=False)
    with engine.begin() as connection:
        connection.execute(sa.text('create view latest as select * from "daily prices"'))
    engine.dispose()
    return address


def load(url: str, **keys: object):
    return load_market_data(DataConfig(source="sql", url=url, **{"symbols": ["AAA"], **keys}))


def refusal(url: str, **keys: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load(url, **keys)
    return caught.value


def test_a_table(url, random_frame):
    loaded = load(url, table="daily prices", symbols=["B'; --", "AAA"])
    assert list(loaded) == ["B'; --", "AAA"]
    for seed, symbol in ((1, "AAA"), (2, "B'; --")):
        assert loaded[symbol].fingerprint == load_bars(random_frame(seed, 60)).fingerprint
    cut = load(url, table="latest", start_date="2015-02-02", end_date="2015-02-27")["AAA"]
    assert (len(cut), str(cut.index[0].date())) == (20, "2015-02-02")


def test_a_query_once_a_symbol(url, random_frame):
    query = 'select ts as date, open, high, low, close from "daily prices" where ticker = :symbol order by ts'
    loaded = load(url, query=query, symbols=["AAA", "B'; --"])
    without = random_frame(2, 60).drop(columns="volume")
    assert loaded["B'; --"].fingerprint == load_bars(without).fingerprint


def test_a_query_with_dates(url):
    query = 'select * from "daily prices" where ticker = :symbol and ts >= :start and ts < :end order by ts'
    bars = load(url, query=query, start_date="2015-02-02", end_date="2015-02-27")["AAA"]
    assert str(bars.index[0].date()) == "2015-02-02"


def test_a_query_of_all_symbols(url):
    assert len(load(url, query='select * from "daily prices" order by ts', symbols=["AAA", "B'; --"])) == 2


def test_a_query_that_orders_nothing_is_refused_not_sorted(url):
    error = refusal(url, query='select * from "daily prices" where ticker = :symbol')
    assert "timestamp is earlier than the one before" in str(error)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"table": "daily price"},
            "the database has no table 'daily price'; there is: daily prices, latest\n"
            "  hint: did you mean 'daily prices'?",
        ),
        ({"table": "daily prices", "symbols": ["ZZZ"]}, "sql has no rows of these symbols"),
        (
            {"query": "select * from missing"},
            "database sqlite:///{path} refuses the query: no such table: missing",
        ),
        (
            {"query": "selec"},
            'database sqlite:///{path} refuses the query: near "selec": syntax error',
        ),
        (
            {"query": "select :what"},
            "query has :what, which nothing is bound to\n"
            "  hint: a query may use :symbol, :start and :end; write a colon of its own as \\:",
        ),
        ({"query": "create table x (y int)"}, "the query returns no rows: it is no SELECT"),
    ],
)
def test_mistakes(url, keys, message):
    error = refusal(url, **keys)
    assert str(error) == message.replace("{path}", url.removeprefix("sqlite:///"))
    assert not isinstance(error, TransientDataError)


def test_nothing_is_written(url, tmp_path):
    refusal(url, query='delete from "daily prices"')
    assert len(load(url, table="daily prices")["AAA"]) == 60
    missing = tmp_path / "none.db"
    assert str(refusal(f"sqlite:///{missing}", table="x")) == f"database {missing} does not exist"
    assert not missing.exists()


def test_a_locked_database_may_pass(url, tmp_path):
    holder = sqlite3.connect(tmp_path / "prices.db", isolation_level=None)
    holder.execute("begin exclusive")
    try:
        with pytest.raises(TransientDataError, match="database is locked"):
            load(f"{url}?timeout=0", table="daily prices")
    finally:
        holder.close()


def test_secrets_stay_out_of_messages(url, monkeypatch):
    secret = "s3cret/word"
    address = "postgresql://trader:s3cret%2Fword@db.invalid/prices?sslpassword=k3y"

    def connect(*args: object, **options: object) -> None:
        raise sqlite3.OperationalError(f"cannot connect trader with {secret} or s3cret%2Fword, k3y")

    real = sa.create_engine  # PostgreSQL's driver is not installed: SQLite's stands in for it
    monkeypatch.setattr(
        sa, "create_engine", lambda url, **options: real("sqlite://", creator=connect, **options)
    )
    with pytest.raises(TransientDataError) as caught:
        load(address, table="x")
    assert str(caught.value) == (
        "database postgresql://db.invalid/prices cannot be reached: cannot connect *** with *** or ***, ***"
    )
    text = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in text
    assert "k3y" not in text


@pytest.mark.parametrize("address", ["nonsense s3cret", "nodialect://u:s3cret@h/d"])
def test_a_wrong_url_is_not_repeated(address):
    error = refusal(address, table="x")
    assert "s3cret" not in str(error)
    assert not isinstance(error, TransientDataError)


def test_a_short_user_name_does_not_spoil_messages():
    with pytest.raises(DataError) as caught:
        load("nosuchdialect://n:pw@localhost/prices", table="x")
    assert "nosuchdialect" in str(caught.value)
    assert "***" not in str(caught.value)
