"""Ids: which stand twice in a cohort, found in bounded memory.

Of each id eight bytes are kept, a hash; only ids whose hashes meet are looked at themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import polars as pl

from pathway.batch.sources import ROW

MOST_REPEATED = 1_000_000
SHARES = 16
SEED = 20_260_302


class TooManyRepeated(ValueError):
    """More ids stand twice than can be told one by one."""


def repeated_ids(read: Callable[[], Iterator[pl.DataFrame]], column: str) -> dict[str, int]:
    """The ids that stand more than once, each with the number of the row where it stands first.

    Args:    read: gives the cohort in frames that hold the id column and "~row"; it is read once, and once more where
             hashes meet.
    Errors:  TooManyRepeated.
    """
    hashes = [frame[column].cast(pl.String).hash(SEED) for frame in read()]
    every = pl.concat(hashes) if hashes else pl.Series(dtype=pl.UInt64)
    met = pl.concat([_met(every, share) for share in range(SHARES)])
    del hashes, every
    if met.is_empty():
        return {}
    if len(met) > MOST_REPEATED:
        raise TooManyRepeated
    found = []
    for frame in read():
        ids = frame.select(pl.col(column).cast(pl.String).alias("id"), pl.col(ROW))
        found.append(
            ids.filter(pl.col("id").hash(SEED).is_in(met.implode()) & pl.col("id").is_not_null())
            .group_by("id")
            .agg(pl.col(ROW).min(), pl.len().alias("times"))
        )
    whole = pl.concat(found).group_by("id").agg(pl.col(ROW).min(), pl.col("times").sum())
    return dict(whole.filter(pl.col("times") > 1).sort(ROW).select("id", ROW).iter_rows())


def _met(hashes: pl.Series, share: int) -> pl.Series:
    """The hashes that stand more than once, in one share of all that there are."""
    mine = hashes.filter(hashes % SHARES == share)
    return mine.filter(mine.is_duplicated()).unique()
