"""Parquet files made one without reading a value: what any reader finds in it is what was in the parts."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathway.batch.splice import Damaged, Listed, Splice, Struct, _Reader, _Writer, footer_of


def splice(parts: Sequence[Path], target: Path, told: Mapping[str, str]) -> None:
    with Splice(target) as whole:
        for each in parts:
            whole.add(each)
        whole.finish(told)


def part(path: Path, rows: int, seed: int = 0, first: int = 0) -> pl.DataFrame:
    rng = random.Random(seed)
    frame = pl.DataFrame(
        {
            "id": pl.Series([f"c-{first + i}" for i in range(rows)], dtype=pl.String),
            "number": pl.Series([rng.randrange(2**63) for _ in range(rows)], dtype=pl.UInt64),
            "word": pl.Series([rng.choice(["a", "b", None]) for _ in range(rows)], dtype=pl.Enum(["a", "b"])),
            "truth": pl.Series([rng.choice([True, False, None]) for _ in range(rows)], dtype=pl.Boolean),
        }
    )
    frame.write_parquet(path, compression="zstd", row_group_size=7)
    return frame


def test_the_rows_stand_in_the_order_of_the_parts(tmp_path: Path):
    paths = [tmp_path / f"{i}.parquet" for i in range(5)]
    frames = [part(path, rows, i, 100 * i) for i, (path, rows) in enumerate(zip(paths, (10, 0, 1, 33, 8), strict=True))]
    splice(paths, tmp_path / "one.parquet", {"edition": "2026.1"})
    whole = pl.concat(frames)
    assert pl.read_parquet(tmp_path / "one.parquet").equals(whole)
    by_arrow = pq.read_table(tmp_path / "one.parquet")
    assert by_arrow.num_rows == whole.height
    assert pl.from_arrow(by_arrow).select("id", "number").equals(whole.select("id", "number"))  # type: ignore[union-attr]
    told = pq.read_metadata(tmp_path / "one.parquet")
    assert told.metadata[b"edition"] == b"2026.1"
    assert told.num_row_groups == sum(pq.read_metadata(path).num_row_groups for path in paths)


@pytest.mark.parametrize("writer", ["polars", "pyarrow", "pyarrow with page indexes"])
def test_each_row_group_can_be_read_alone(tmp_path: Path, writer: str):
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    for i, path in enumerate(paths):
        frame = part(path, 40, i)
        if writer != "polars":
            table = frame.with_columns(pl.col("word").cast(pl.String)).to_arrow()
            pq.write_table(table, path, row_group_size=11, write_page_index="indexes" in writer)
    splice(paths, tmp_path / "one.parquet", {})
    one, number = pq.ParquetFile(tmp_path / "one.parquet"), 0
    for path in paths:
        alone = pq.ParquetFile(path)
        for group in range(alone.num_row_groups):
            assert one.read_row_group(number).equals(alone.read_row_group(group))
            number += 1


def test_parts_of_another_schema_are_refused(tmp_path: Path):
    part(tmp_path / "a.parquet", 3)
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(Damaged, match=r"b\.parquet has another schema"):
        splice([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "one.parquet", {})


@pytest.mark.parametrize("cut", [0, 3, 4, 12, -1, -7, -20])
def test_a_part_that_is_cut_short_is_refused(tmp_path: Path, cut: int):
    part(tmp_path / "a.parquet", 30)
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[:cut])
    with pytest.raises(Damaged):
        footer_of(tmp_path / "a.parquet")


def test_bytes_that_are_no_footer_are_refused(tmp_path: Path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\xff" * 40 + (40).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(Damaged):
        footer_of(tmp_path / "a.parquet")


_plain = st.one_of(
    st.tuples(st.just(1), st.just(True)),
    st.tuples(st.just(2), st.just(False)),
    st.tuples(st.just(3), st.integers(0, 255)),
    st.tuples(st.sampled_from([4, 5, 6]), st.integers(-(2**62), 2**62)),
    st.tuples(st.just(7), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(8), st.binary(max_size=300)),
)
_lists = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), max_size=40).map(lambda items: Listed(6, items)),
    st.lists(st.sampled_from([1, 2]), max_size=20).map(lambda items: Listed(1, items)),
    st.lists(st.binary(max_size=9), max_size=20).map(lambda items: Listed(8, items)),
).map(lambda listed: (9, listed))
_structs = st.recursive(
    st.dictionaries(st.integers(1, 200), _plain | _lists, max_size=8).map(Struct),
    lambda inner: st.dictionaries(st.integers(1, 40), inner.map(lambda told: (12, told)) | _plain, max_size=4).map(
        Struct
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(_structs)
def test_what_is_written_reads_back(told: Struct):
    writer = _Writer()
    writer.struct(told)
    assert _Reader(bytes(writer.data)).struct() == told
