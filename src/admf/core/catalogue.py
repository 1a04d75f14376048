"""The catalogue: a small SQL table that finds runs. The run folders are the truth; it can be made again."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from admf.core.run_folder import RunFolder, summary_of
from admf.core.runs import RunStore
from admf.errors import AdmfError

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")
logger = logging.getLogger("admf.catalogue")

FILE = "catalogue.sqlite"
_BUSY_SECONDS = 30.0
_ATTEMPTS = 8
_COLUMNS = ("id", "name", "type", "status", "created", "duration_seconds", "digest", "config_hash", "metrics")


class Catalogue:
    """Rows of the runs of one directory.

    Several processes may write at once. Each operation opens its own connection and closes it, so nothing
    stays open between them.

    Parameters
    ----------
    directory
        The folder of the run folders.
    url
        SQLAlchemy URL of a database, which several directories may share. Default: ``catalogue.sqlite`` in
        the directory.
    """

    def __init__(self, directory: str | Path, url: str | None = None) -> None:
        self.store = RunStore(directory)
        self._url = url
        # In a file that travels with the folder, the place of the folder is not part of the key.
        self._place = "" if url is None else str(self.store.directory.resolve())

    def record(self, run: RunFolder) -> None:
        """Write, or replace, the row of a run.

        Raises
        ------
        AdmfError
            If the database cannot be used. (A damaged SQLite file of ours is made again instead.)
        """
        self._work(lambda connection, table: self._put(connection, table, [_row(run)]))

    def query(
        self,
        *,
        type: str | None = None,
        name: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """List runs, the latest first.

        What the folders say is taken in first: runs that are missing, those that were running when last seen,
        and those whose folder is gone.

        Parameters
        ----------
        type, name, status
            Only runs of this kind.
        limit
            At most so many.

        Returns
        -------
        list of dict
            ``id, name, type, status, created`` (datetime, UTC), ``duration_seconds, digest, config_hash,
            metrics`` (mapping), ``folder`` (path). The status of a run without a readable manifest is
            ``damaged``.
        """

        def work(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
            self._sync(connection, table)
            statement = table.select().where(table.c.place == self._place)
            for column, wanted in ((table.c.type, type), (table.c.name, name), (table.c.status, status)):
                if wanted is not None:
                    statement = statement.where(column == wanted)
            statement = statement.order_by(table.c.created.desc(), table.c.id.desc()).limit(limit)
            return [self._given(row._mapping) for row in connection.execute(statement)]

        return self._work(work)

    def rebuild(self) -> int:
        """Make the rows again from the folders; give how many there are."""

        def work(connection: sa.Connection, table: sa.Table) -> int:
            connection.execute(table.delete().where(table.c.place == self._place))
            rows = [_row(self._folder(each)) for each in self.store.ids()]
            self._put(connection, table, rows)
            return len(rows)

        return self._work(work)

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.store.directory / run_id)

    def _sync(self, connection: sa.Connection, table: sa.Table) -> None:
        here = table.c.place == self._place
        known = {row.id: row.status for row in connection.execute(table.select().where(here))}
        there = set(self.store.ids())
        stale = [each for each in there if known.get(each) in (None, "running", "damaged")]
        gone = [each for each in known if each not in there]
        for each in gone:
            connection.execute(table.delete().where(here, table.c.id == each))
        self._put(connection, table, [_row(self._folder(each)) for each in stale])

    def _put(self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            # Delete and insert: an upsert has no form that all databases share.
            connection.execute(table.delete().where(table.c.place == self._place, table.c.id == row["id"]))
            connection.execute(table.insert().values(place=self._place, **row))

    def _given(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        given = {column: row[column] for column in _COLUMNS}
        given["created"] = datetime.fromisoformat(given["created"])
        given["metrics"] = json.loads(given["metrics"])
        given["folder"] = self.store.directory / given["id"]
        return given

    def _work(self, work: Callable[[sa.Connection, sa.Table], T]) -> T:
        from sqlalchemy import exc

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._connection() as (connection, table):
                    return work(connection, table)
            except (exc.OperationalError, exc.IntegrityError, exc.ProgrammingError) as error:
                # Another writer: a lock, the same row, or the table, made at the same moment.
                if attempt == _ATTEMPTS:
                    raise self._unusable(error) from error
                logger.debug("attempt %d on the catalogue failed: %s", attempt, error.orig)
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - only spreads the writers
            except exc.DatabaseError as error:
                if self._url is not None or attempt > 1:
                    raise self._unusable(error) from error
                logger.warning(
                    "the catalogue is damaged and is made again from the run folders: %s", error.orig
                )
                self._remove()
            except exc.SQLAlchemyError as error:
                raise self._unusable(error) from error
        raise AssertionError("the last attempt returns or raises")

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            self.store.directory.joinpath(FILE + ending).unlink(missing_ok=True)

    def _unusable(self, error: Exception) -> AdmfError:
        import sqlalchemy as sa

        shown = str(self.store.directory / FILE)
        if self._url is not None:
            try:
                url = sa.make_url(self._url)
                # Not the user, and not the query: both may hold what is secret.
                shown = f"{url.drivername}://{url.host or ''}/{url.database or ''}"
            except sa.exc.SQLAlchemyError:
                shown = "a URL that is none"
        reason = getattr(error, "orig", None) or error
        return AdmfError(
            f"the catalogue at {shown} cannot be used: {type(reason).__name__}",
            "check output.catalogue_url; the runs themselves are in their folders",
        )

    @contextmanager
    def _connection(self) -> Iterator[tuple[sa.Connection, sa.Table]]:
        import sqlalchemy as sa

        try:
            if self._url is None:
                self.store.directory.mkdir(parents=True, exist_ok=True)
            url = self._url or sa.URL.create("sqlite", database=str(self.store.directory / FILE))
            engine = sa.create_engine(url, poolclass=sa.NullPool)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise self._unusable(error) from error
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _prepare_sqlite)
        table = sa.Table(
            "runs_v1",  # other columns: another name, and the table fills itself from the folders
            sa.MetaData(),
            sa.Column("place", sa.String(500), primary_key=True),
            sa.Column("id", sa.String(100), primary_key=True),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("type", sa.String(100), nullable=False),
            sa.Column("status", sa.String(20), nullable=False),
            sa.Column("created", sa.String(40), nullable=False, index=True),  # ISO, UTC: sorts as it should
            sa.Column("duration_seconds", sa.Float),
            sa.Column("digest", sa.String(64)),
            sa.Column("config_hash", sa.String(64)),
            sa.Column("metrics", sa.Text, nullable=False),
        )
        try:
            with engine.begin() as connection:
                table.metadata.create_all(connection)
            with engine.begin() as connection:
                yield connection, table
        finally:
            engine.dispose()


def _prepare_sqlite(connection: Any, _: object) -> None:
    import sqlite3

    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:  # someone else is switching, or the file system has no WAL
        logger.debug("no WAL: %s", error)
    finally:
        cursor.close()


def _row(run: RunFolder) -> dict[str, Any]:
    told = summary_of(run)
    return {
        "id": run.id,
        "name": told.get("name", ""),
        "type": told.get("type", ""),
        "status": told["status"],
        "created": told["created"].astimezone(UTC).isoformat(timespec="microseconds"),
        "duration_seconds": told.get("duration_seconds"),
        "digest": told.get("digest"),
        "config_hash": told.get("config_hash"),
        "metrics": json.dumps(told.get("metrics", {})),
    }
