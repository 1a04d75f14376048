"""Where bars come from: functions that take the ``data_config`` and give tables as they are found.

A source is a plain function. It returns a DataFrame for each symbol, or one DataFrame with a symbol column
(a single symbol needs none); normalising and checking are not its business. Users register their own:
``registry_of("data_source").add("mine", "my_package.data:read")``, and name ``source: mine``.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import importlib.util
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from admf.errors import DataError, TransientDataError
from admf.market.findings import for_each
from admf.market.normalise import SPELLINGS, plain_name

if TYPE_CHECKING:
    from admf.core.config.models import DataConfig

RowNumbers = npt.NDArray[np.int64]

# Symbols of the sample source, and where the package `arch` keeps them.
SAMPLES = {"SP500": "data/sp500/sp500.csv.gz", "NASDAQ": "data/nasdaq/nasdaq.csv.gz"}


def read(config: DataConfig) -> dict[str, tuple[pd.DataFrame, RowNumbers | None]]:
    """Read what a config asks for.

    Returns
    -------
    dict
        For every symbol its rows, and their numbers in the source (None: 0, 1, 2, ...).

    Raises
    ------
    DataError
        The source, a file or a symbol is not there, or cannot be read.
    TransientDataError
        Reading failed in a way that may pass.
    """
    from admf.core.registry import registry_of

    if config.source.startswith("block:"):
        raise DataError(
            f"source is {config.source!r}: a block is looked up by the coordinator",
            hint="run the config with `admf run`, or load the block and pass its data",
        )
    found: Any = registry_of("data_source").get(config.source)(config)
    if isinstance(found, pd.DataFrame):
        if len(config.symbols) == 1 and symbol_column(found, config.columns) is None:
            return {config.symbols[0]: (found, None)}
        return {**split_by_symbol(found, config.symbols, config.columns, config.source)}
    if not isinstance(found, Mapping) or not all(isinstance(each, pd.DataFrame) for each in found.values()):
        raise DataError(
            f"source {config.source!r} gave {type(found).__name__}",
            hint="a source returns a DataFrame, or a mapping of symbol to DataFrame",
        )
    names = [str(name) for name in found]

    def table(symbol: str) -> tuple[pd.DataFrame, None]:
        if symbol not in found:
            raise _no_symbol(symbol, config.source, names)
        return found[symbol], None

    return {**for_each(config.symbols or names, table)}


def symbol_column(frame: pd.DataFrame, columns: Mapping[str, str] | None) -> str | None:
    """Name of the column that holds the symbol; None where there is none."""
    if "symbol" in (columns or {}):
        return (columns or {})["symbol"]
    taken = set((columns or {}).values())
    for spelling in SPELLINGS["symbol"]:
        hits = [name for name in frame.columns if plain_name(name) == spelling and name not in taken]
        if len(hits) == 1:
            return str(hits[0])
    return None


def split_by_symbol(
    frame: pd.DataFrame, symbols: list[str], columns: Mapping[str, str] | None, origin: str
) -> dict[str, tuple[pd.DataFrame, RowNumbers]]:
    """Cut a table that has a symbol column into the rows of each symbol, with their row numbers.

    Parameters
    ----------
    frame
        The table.
    symbols
        Those wanted, in this order; none means all.
    columns
        Canonical name to the table's name, where it is unusual.
    origin
        Where the table comes from, for messages.

    Raises
    ------
    DataError
        There is no such column or symbol, or a row has no symbol.
    """
    column = symbol_column(frame, columns)
    if column is None or column not in frame.columns:
        raise DataError(
            f"{origin}: several symbols need a symbol column; columns found: "
            f"{', '.join(repr(str(name)) for name in frame.columns)}",
            hint="name it with columns: {symbol: NAME}, or use one file a symbol: path: data/{symbol}.csv",
        )
    if not len(frame):
        raise DataError(f"{origin} has no rows of these symbols")
    codes, uniques = pd.factorize(frame[column])
    if codes.min() < 0:
        nameless = np.flatnonzero(codes < 0)
        raise DataError(
            f"{origin}: {column} is empty in {len(nameless)} row{'s' if len(nameless) != 1 else ''}, "
            f"the first is row {nameless[0]}"
        )
    names = [str(value) for value in uniques]

    def rows_of(symbol: str) -> tuple[pd.DataFrame, RowNumbers]:
        if symbol not in names:
            raise _no_symbol(symbol, origin, names)
        rows = np.flatnonzero(codes == names.index(symbol)).astype(np.int64)
        return frame.iloc[rows], rows

    return for_each(symbols or names, rows_of)


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _no_symbol(symbol: str, origin: str, names: list[str]) -> DataError:
    near = difflib.get_close_matches(symbol, names, 1)
    return DataError(
        f"{origin} has no symbol {symbol!r}; there is: {_some(names) or 'none'}",
        hint=f"did you mean {near[0]!r}?" if near else None,
    )


def read_samples(config: DataConfig) -> dict[str, pd.DataFrame]:
    """Source ``sample``: daily index prices of 1999 to 2018, SP500 and NASDAQ."""
    return for_each(config.symbols, read_sample)


def sample_path(symbol: str) -> Path:
    """File of a sample symbol in the installed package `arch`, which is not imported (that takes a second).

    Raises
    ------
    DataError
        There is no such sample, or the package has no such file.
    """
    if symbol not in SAMPLES:
        raise _no_symbol(symbol, "sample", list(SAMPLES))
    spec = importlib.util.find_spec("arch")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / SAMPLES[symbol]
        if path.is_file():
            return path
    raise DataError(
        f"sample prices of {symbol} are not installed", hint="install the package: pip install arch"
    )


def read_sample(symbol: str) -> pd.DataFrame:
    """Prices of a sample symbol: open, high, low, close, adjusted close, volume, by date."""
    frame = read_file(sample_path(symbol))
    frame["Date"] = pd.to_datetime(frame["Date"], format="%m/%d/%Y", utc=True)
    return frame


def read_csv(config: DataConfig) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """Source ``csv``: one file, or one a symbol where the path has ``{symbol}``."""
    return _read_files(config)


def read_parquet(config: DataConfig) -> pd.DataFrame | dict[str, pd.DataFrame]:
    """Source ``parquet``: one file, or one a symbol where the path has ``{symbol}``."""
    return _read_files(config)


def paths_of(config: DataConfig) -> dict[str, Path] | Path:
    """File of each symbol, or the one file of all.

    Raises
    ------
    DataError
        There is no path, or a symbol cannot be part of a file's name.
    """
    if not config.path:
        raise DataError(
            f"source {config.source} needs a path",
            hint="data_config: {path: data/prices.csv}; {symbol} is filled in",
        )
    if "{symbol}" not in config.path:
        return Path(config.path).expanduser()
    for symbol in config.symbols:
        if symbol in ("", ".", "..") or any(mark in symbol for mark in "/\\") or not symbol.isprintable():
            raise DataError(
                f"symbol {symbol!r} cannot be part of a file's name in {config.path!r}",
                hint="a symbol that is filled into a path has no slash; use one file with a symbol column",
            )
    return {symbol: Path(config.path.replace("{symbol}", symbol)).expanduser() for symbol in config.symbols}


def _read_files(config: DataConfig) -> pd.DataFrame | dict[str, pd.DataFrame]:
    paths, symbols = paths_of(config), (config.columns or {}).get("symbol")

    def read_one(path: Path) -> pd.DataFrame:
        try:
            return read_file(path, config.source, symbols)
        except DataError as error:
            error.key = "path"
            raise

    if isinstance(paths, Path):
        return read_one(paths)
    return for_each(paths, lambda symbol: read_one(paths[symbol]))


def read_file(path: Path, kind: str | None = None, symbols: str | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file as it is.

    Symbols of a CSV are text: 0700 is no number, and NA is no gap.

    Parameters
    ----------
    path
        The file; a CSV may be compressed (.gz), its separator is a comma, semicolon, tab or bar.
    kind
        ``csv`` or ``parquet``. Default: by the file's name.
    symbols
        Name of the column that holds symbols, beside the usual ones.

    Raises
    ------
    DataError
        The file is not there, not readable as what it should be, or has no rows.
    TransientDataError
        The file system failed.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if kind is None:
        kind = "parquet" if suffixes[-1:] in (["." + "parquet"], [".pq"]) else "csv"
        if kind == "csv" and not {".csv", ".txt", ".tsv"} & set(suffixes[-2:]):
            raise DataError(f"{path}: kind of file is unknown", hint="files are .csv, .csv.gz or .parquet")
    if path.is_dir():
        raise DataError(
            f"{path} is a folder, not a file", hint="one file a symbol: path: folder/{symbol}.csv"
        )
    try:
        frame = pd.read_parquet(path) if kind == "parquet" else _read_csv(path, symbols)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", hint=_nearest_file(path)) from None
    except PermissionError:
        raise DataError(f"{path} may not be read by this user") from None
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError, ValueError, ImportError) as error:
        # pandas' ParserError and pyarrow's ArrowInvalid are ValueErrors.
        reason = str(error).strip().partition("\n")[0]
        raise DataError(f"{path} cannot be read as {kind}: {reason}") from error
    except OSError as error:
        if kind == "parquet" and error.errno is None:  # pyarrow's word for a damaged file
            raise DataError(f"{path} cannot be read as {kind}: {error}") from error
        raise TransientDataError(f"{path} cannot be read now: {error}") from error
    if not len(frame):
        raise DataError(f"{path} has no rows")
    return frame


def _read_csv(path: Path, symbols: str | None) -> pd.DataFrame:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as file:
        header = file.readline(65_536)
    if not header.strip():
        raise ValueError("the first line is empty")
    separator = max(",;\t|", key=header.count)
    # pandas renames the second of two equal names, and makes an index of what the header does not name.
    (names,) = csv.reader([header], delimiter=separator)
    doubled = [name for name in names if name and names.count(name) > 1]
    if doubled:
        raise ValueError(f"column {doubled[0]!r} is there twice")
    compression: Literal["gzip"] | None = "gzip" if opener is gzip.open else None
    form: dict[str, Any] = {"sep": separator, "encoding": "utf-8-sig", "compression": compression}
    frame: pd.DataFrame = pd.read_csv(path, low_memory=False, **form)
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(f"rows have more fields than the header, which has {len(names)}")
    texts = [name for name in names if name == symbols or plain_name(name) in SPELLINGS["symbol"]]
    if texts:  # once more: what counts as empty cannot be said for a column alone
        again = pd.read_csv(path, usecols=texts, dtype=str, keep_default_na=False, na_values=[""], **form)
        frame[texts] = again[texts]
    return frame


def _nearest_file(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"the folder {path.parent} does not exist either"
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], 1)
    return f"did you mean {near[0]!r}?" if near else None
