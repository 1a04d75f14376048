"""How many bars a source holds, before it is loaded: for the dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from admf.errors import DataError
from admf.market.bars import FIELDS
from admf.market.sources import paths_of, sample_path

if TYPE_CHECKING:
    from admf.core.config.models import DataConfig

_SAMPLED_BYTES = 262_144


def bytes_per_bar(extra_columns: int = 0) -> int:
    """Memory of a bar: a timestamp, OHLCV, and 8 bytes for each further column of the file."""
    return 8 * (1 + len(FIELDS) + extra_columns)


def estimate_rows(config: DataConfig) -> int | None:
    """Rows of all files of a config, at most; the dates and symbols it selects may leave fewer.

    Returns
    -------
    int or None
        Exact for Parquet, from the length of the first lines for CSV; None where it cannot be told without
        reading (a database, a source of the user).

    Raises
    ------
    DataError
        A file does not exist.
    """
    if config.source == "sample":
        return sum(_csv_rows(sample_path(symbol)) for symbol in config.symbols)
    if config.source not in ("csv", "parquet"):
        return None
    paths = paths_of(config)
    files = [paths] if isinstance(paths, Path) else list(paths.values())
    for path in files:
        if not path.is_file():
            raise DataError(f"{path} does not exist")
    return sum(_parquet_rows(path) if config.source == "parquet" else _csv_rows(path) for path in files)


def _parquet_rows(path: Path) -> int:
    import pyarrow
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet: {error}") from error


def _csv_rows(path: Path) -> int:
    if path.suffix == ".gz":
        import gzip

        try:
            with gzip.open(path, "rb") as file:
                return max(sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1, 0)
        except (OSError, EOFError) as error:
            raise DataError(f"{path} cannot be read as csv: {error}") from error
    with path.open("rb") as file:
        sample = file.read(_SAMPLED_BYTES)
    lines = sample.count(b"\n")
    return max(round(path.stat().st_size * lines / max(len(sample), 1)) - 1, 0)
