"""Reads a config file: what may be wrong with the file itself, before its YAML is looked at."""

from __future__ import annotations

import codecs
from pathlib import Path

from admf.core.config.hints import nearest
from admf.core.config.yaml_loader import MAX_BYTES, Document, read_text
from admf.errors import ConfigError, Problem


def read_file(path: Path, name: str | None = None) -> Document:
    """Read a YAML file.

    Raises
    ------
    ConfigError
        The file cannot be read, is too large, or is not YAML that `read_text` accepts.
    """
    name = name or str(path)

    def refuse(message: str, hint: str | None = None) -> ConfigError:
        return ConfigError([Problem("", message, file=name, hint=hint)], name)

    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        folder = path.parent
        near = None
        if folder.is_dir():
            near = nearest(
                path.name, [item.name for item in folder.iterdir() if item.suffix in (".yaml", ".yml")]
            )
        raise refuse("there is no such file", near) from None
    except IsADirectoryError:
        raise refuse("is a directory, not a file") from None
    except PermissionError:
        raise refuse("may not be read: permission denied") from None
    except (OSError, ValueError) as error:  # a name too long, a NUL in it, a disk that fails
        raise refuse(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > MAX_BYTES:
        raise refuse(f"is larger than {MAX_BYTES} bytes, the limit for a config")
    return read_text(_decode(raw, name), name)


def _decode(raw: bytes, name: str) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problem = Problem("", "is UTF-16", 1, hint="save it as UTF-8", file=name)
        raise ConfigError([problem], name)
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise ConfigError([Problem("", "is a binary file, not YAML text", line, file=name)], name)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"byte 0x{raw[error.start]:02x}"
        problem = Problem("", "is not UTF-8", line, found=byte, hint="save it as UTF-8", file=name)
        raise ConfigError([problem], name) from None
