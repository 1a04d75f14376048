"""From ``block:NAME`` in a config to the block that was saved under that name."""

from __future__ import annotations

from typing import TypeVar

from prefect.blocks.core import Block

from admf.errors import ConfigError, Problem

BlockT = TypeVar("BlockT", bound=Block)

PREFIX = "block:"


async def load_block(kind: type[BlockT], reference: str, path: str) -> BlockT:
    """Load the block that a config names.

    Parameters
    ----------
    kind
        The block's class.
    reference
        ``block:NAME`` as written in the config.
    path
        Config path of the reference, for the message.

    Raises
    ------
    ConfigError
        No block of this kind was saved under that name.
    """
    name = reference.removeprefix(PREFIX)
    try:
        block = await kind.aload(name)
    except ValueError as error:  # Prefect's answer to an unknown block document
        title = kind.get_block_type_slug()
        problem = Problem(
            path,
            f"no {title} block is saved under {name!r}",
            found=reference,
            hint=f'save one: {kind.__name__}(...).save("{name}"), or list them: prefect block ls',
        )
        raise ConfigError([problem]) from error
    return block
