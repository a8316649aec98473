"""`streamly keys`: the master keys, and which keys of persons and months each of them wraps."""

from collections.abc import Mapping

import click

from entrypoints.cli.house import in_house
from entrypoints.cli.output import AS_JSON, print_json
from entrypoints.wiring import House


@click.group()
def keys() -> None:
    """Master keys: a new one is put in front of MASTER_KEYS, then everything is wrapped anew under it."""


@keys.command()
@AS_JSON
def rewrap(*, as_json: bool) -> None:
    """Wrap every key under the first master key, while the service runs; ended in between it goes on where it was.

    Restart every process with the new key in front before. Run it once more when that is a minute ago: then a key that
    wraps nothing any more may be taken away, though never the last one.
    """

    async def act(house: House) -> tuple[int, Mapping[str, int]]:
        total = 0
        while found := await house.vault.rewrap():
            total += found
            click.echo(f"{total} keys are wrapped anew", err=True)
        return total, await house.vault.wrapped_by()

    rewrapped, wrapped_by = in_house(act, prepare=False)
    if as_json:
        print_json({"rewrapped": rewrapped, "wrapped_by": wrapped_by})
    else:
        click.echo("\n".join(f"{kid} wraps {count} keys" for kid, count in wrapped_by.items()))
