"""Where results go, as a block."""

from __future__ import annotations

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from admf.core.catalogue import Catalogue
from admf.core.config import OutputConfig
from admf.core.runs import RunStore


class ResultStore(Block):
    """Folder of the run folders and the catalogue beside it; a config names it as ``store: block:NAME``."""

    _block_type_name = "ADMF result store"
    _block_type_slug = "admf-result-store"
    _description = "Folder of the run folders, and the catalogue that finds them."

    directory: str = Field(title="Directory", description="Folder of the run folders.")
    catalogue_url: SecretStr | None = Field(
        None, title="Catalogue URL", description="SQLAlchemy URL. Default: SQLite in the directory."
    )

    @classmethod
    def from_config(cls, config: OutputConfig) -> ResultStore:
        """Take the store that a config spells out."""
        return cls(directory=config.directory, catalogue_url=config.catalogue_url)

    def runs(self) -> RunStore:
        """Open the folder."""
        return RunStore(self.directory)

    def catalogue(self) -> Catalogue:
        """Open the catalogue."""
        return Catalogue(
            self.directory, self.catalogue_url.get_secret_value() if self.catalogue_url else None
        )
