"""Ids: which stand twice in a cohort, found in bounded memory.

Of each id eight bytes are kept, a hash; only ids whose hashes meet are looked at themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from pathway.batch.sources import ROW

MOST_REPEATED = 1_000_000
SEED = 20_260_302


class TooManyRepeated(ValueError):
    """More ids stand twice than can be told one by one."""


@dataclass(frozen=True)
class Seen:
    """The ids of one chunk: a hash of each, and whether each is greater than the one before."""

    hashes: pl.Series
    rise: bool
    first: Any
    last: Any


def seen(ids: pl.Series) -> Seen:
    """The ids of one chunk, of which there is at least one."""
    rise = ids.null_count() == 0 and bool((ids[1:] > ids[:-1]).all())
    return Seen(_hashed(ids), rise, ids[0], ids[-1])


def as_texts(ids: pl.Series) -> pl.Series:
    """Ids as texts: a number as it is written, and NaN as a blank."""
    return (ids.fill_nan(None) if ids.dtype.is_float() else ids).cast(pl.String)


def _hashed(ids: pl.Series) -> pl.Series:
    return as_texts(ids).hash(SEED)


def repeated_ids(
    chunks: list[Seen], read: Callable[[int], pl.DataFrame], firsts: Sequence[int], column: str
) -> dict[str, int]:
    """The ids that stand more than once, each with the number of the row where it stands first.

    Args:    chunks: all of the cohort, in order; taken out as they are used. read: gives a part of the cohort, with the
             id column and "~row", by one of `firsts`; each is read where hashes meet.
    Errors:  TooManyRepeated.
    """
    if all(chunk.rise for chunk in chunks) and all(one.last < other.first for one, other in pairwise(chunks)):
        return {}
    every = pl.concat(chunk.hashes for chunk in chunks)
    chunks.clear()
    met = _met(every)
    del every
    if met.is_empty():
        return {}
    if len(met) > MOST_REPEATED:
        raise TooManyRepeated
    found = []
    for first in firsts:
        frame = read(first)
        ids = frame.select(as_texts(frame[column]).alias("id"), pl.col(ROW))
        found.append(
            ids.filter(_hashed(ids["id"]).is_in(met.implode()) & pl.col("id").is_not_null())
            .group_by("id")
            .agg(pl.col(ROW).min(), pl.len().alias("times"))
        )
    whole = pl.concat(found).group_by("id").agg(pl.col(ROW).min(), pl.col("times").sum())
    return dict(whole.filter(pl.col("times") > 1).sort(ROW).select("id", ROW).iter_rows())


def _met(hashes: pl.Series) -> pl.Series:
    """The hashes that stand more than once."""
    hashes = hashes.sort()
    return hashes[1:].filter(hashes[1:] == hashes[:-1]).unique()
