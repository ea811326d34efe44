"""A cohort as it was handed in: every row gets its number, and what cannot be split is kept apart with the reason."""

from __future__ import annotations

import gzip
import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given as example_of
from hypothesis import strategies as st

from pathway.api import load_rules
from pathway.batch.sources import MOST_COLUMNS, ROW, Source, _Text, open_source
from pathway.problem import Problems

CASES = Path(__file__).resolve().parents[2] / "cases"


def opened(tmp_path: Path, *inputs: Path) -> Source:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return open_source(inputs, work, load_rules().base, "id")


def given(tmp_path: Path, content: bytes | str, name: str = "cohort.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(source: Source) -> list[dict]:
    return source.read(0, sum(source.rows), list(source.kinds)).to_dicts()


def refused(source: Source) -> list[tuple[int, str, str]]:
    if source.refused is None:
        return []
    return pl.read_parquet(source.refused).select("row", "column", "kind").rows()


def problem(tmp_path: Path, *inputs: Path) -> tuple[str, str]:
    with pytest.raises(Problems) as raised:
        opened(tmp_path, *inputs)
    told = raised.value.items[0]
    assert told.help
    return told.kind, told.message


# ---- CSV ----


def test_a_csv_is_read_as_it_was_written(tmp_path: Path):
    text = 'id,age,pain.sites.knee\na,50,yes\n"b, c",,"multi\nline"\n\'d,"a ""quoted"" word",\n'
    source = opened(tmp_path, given(tmp_path, text))
    assert rows(source) == [
        {"id": "a", "age": "50", "pain.sites.knee": "yes", ROW: 1},
        {"id": "b, c", "age": None, "pain.sites.knee": "multi\nline", ROW: 2},
        {"id": "'d", "age": 'a "quoted" word', "pain.sites.knee": None, ROW: 3},
    ]
    assert (source.total, source.unsplit) == (3, 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_usual_way_to_write_a_csv_is_read(tmp_path: Path, delimiter: str, begin: str, end: str):
    text = begin + end.join([delimiter.join(line) for line in (("id", "age"), ("a", "50"), ("b", ""))]) + end
    assert rows(opened(tmp_path, given(tmp_path, text))) == [
        {"id": "a", "age": "50", ROW: 1},
        {"id": "b", "age": None, ROW: 2},
    ]


def test_ragged_rows_and_bad_bytes_are_kept_apart_and_all_others_keep_their_numbers(tmp_path: Path):
    lines = [
        b"id,age,sex",
        b"a,50,male",
        b"b,51",
        b"c,52,f\xe9male",
        b"d,53,male",
        b"e,54,male,more",
        b"",
        b"f,55,male",
    ]
    source = opened(tmp_path, given(tmp_path, b"\n".join(lines) + b"\n"))
    assert [(row["id"], row[ROW]) for row in rows(source)] == [("a", 1), ("d", 4), (None, 6), ("f", 7)]
    assert sorted(refused(source)) == [(2, "", "ragged-row"), (3, "sex", "not-utf-8"), (5, "", "ragged-row")]
    assert source.total == 7
    assert source.refused is not None
    kept = dict(pl.read_parquet(source.refused).select("row", "line").iter_rows())
    assert kept[2] == "b,51"
    assert kept[5] == "e,54,male,more"
    assert json.loads(kept[3]) == {"id": "c", "age": "52", "sex": "fémale"}


def test_a_large_csv_keeps_its_numbers_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pathway.batch.sources.BLOCK", 4096)
    lines = ["id,age"] + [f"c{i},{i % 90}" if i % 37 else f"c{i}" for i in range(1, 5001)]
    source = opened(tmp_path, given(tmp_path, "\n".join(lines)))
    odd = {number for number, _, _ in refused(source)}
    assert odd == {i for i in range(1, 5001) if i % 37 == 0}
    assert [(row[ROW], row["id"]) for row in rows(source)] == [(i, f"c{i}") for i in range(1, 5001) if i % 37]


def test_several_files_are_numbered_one_after_the_other(tmp_path: Path):
    (tmp_path / "in").mkdir()
    given(tmp_path / "in", "id,age\na,1\nb\n", "1.csv")
    given(tmp_path / "in", "id,age\nc,3\n", "2.csv")
    source = opened(tmp_path, tmp_path / "in")
    assert [(row["id"], row[ROW]) for row in rows(source)] == [("a", 1), ("c", 3)]
    assert refused(source) == [(2, "", "ragged-row")]


def test_a_packed_csv_is_unpacked(tmp_path: Path):
    path = given(tmp_path, gzip.compress(b"id,age\na,50\n"), "cohort.csv.gz")
    assert rows(opened(tmp_path, path)) == [{"id": "a", "age": "50", ROW: 1}]


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"", "empty-file", "no header"),
        (b"\n\n", "empty-file", "no header"),
        (b"id,age\n", "empty-file", "no row"),
        ("id,age\na,1\n".encode("utf-16"), "not-utf-8", "not text in UTF-8"),
        (b"id,\xe9ge\na,1\n", "not-utf-8", "not text in UTF-8"),
        (b"id,age,age\na,1,2\n", "duplicate-key", "columns 2 and 3"),
        (b"id,~age\na,1\n", "unknown-value", "column 2 begins with ~"),
        (b"id,age\ra,1\r", "wrong-type", "CR alone"),
        (b'id,age,sex\na,5,"f\nb,6,male\n', "ragged-row", "row 1 swallows"),
        (b'age,sex,id\n5,male,"a\n6,male,b\n7,male,c\n', "ragged-row", "row 1 swallows"),
        (b'id,age,note\na,5,"5 inch\nb,6,fine\nc,7,6"\nd,8,\n', "ragged-row", "row 1 swallows"),
        (b"id,,age\na,1,2\n", "missing-field", "column 2"),
        (b'id,"age\n', "wrong-type", "quote"),
        (b"id," + b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n", "too-large", "too long"),
        (b"id," + b",".join(b"c%d" % i for i in range(20_000)) + b"\n", "too-large", "the most"),
        (b"x" * 5_000_000, "too-large", "too long"),
    ],
    ids=["nothing", "blank lines", "a header alone", "UTF-16", "Latin-1", "twice", "ours", "CR",
             "a quote", "a quote in the id", "a quote that ends", "no name", "open quote",
         "a million columns", "many columns", "no line end"],
)  # fmt: skip
def test_a_csv_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, kind: str, told: str):
    found, message = problem(tmp_path, given(tmp_path, content))
    assert found == kind
    assert told in message


def test_a_packed_csv_that_is_cut_short_is_refused(tmp_path: Path):
    packed = gzip.compress(b"id,age\n" + b"a,50\n" * 100_000)
    assert problem(tmp_path, given(tmp_path, packed[: len(packed) // 2], "cohort.csv.gz"))[0] == "unreadable"


# ---- Parquet ----


def test_parquet_is_read_where_it_lies(tmp_path: Path):
    for i, name in enumerate(("b", "a")):
        frame = pl.DataFrame({"id": [f"{name}{n}" for n in range(3)], "age": [10.0 * i + n for n in range(3)]})
        (tmp_path / "in").mkdir(exist_ok=True)
        frame.write_parquet(tmp_path / "in" / f"{name}.parquet")
    source = opened(tmp_path, tmp_path / "in")
    assert source.rows == (3, 3)
    assert [row["id"] for row in rows(source)] == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert source.read(2, 2, ["id"]).to_dicts() == [{"id": "a2", ROW: 3}, {"id": "b0", ROW: 4}]
    assert source.row(5, ["id"]).to_dicts()[0]["id"] == "b1"


def test_parquet_that_is_cut_short_is_refused(tmp_path: Path):
    pl.DataFrame({"id": ["a"] * 1000}).write_parquet(tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for cut in (0, 3, 100, len(whole) - 1):
        assert problem(tmp_path, given(tmp_path, whole[:cut], "b.parquet"))[0] == "unreadable"


def test_a_damaged_page_is_told_by_its_file(tmp_path: Path):
    pl.DataFrame({"id": [f"c-{i:09}" for i in range(50_000)]}).write_parquet(tmp_path / "a.parquet")
    whole = bytearray((tmp_path / "a.parquet").read_bytes())
    whole[200:5000] = bytes(4800)
    source = opened(tmp_path, given(tmp_path, bytes(whole), "b.parquet"))
    with pytest.raises(Problems) as raised:
        source.read(0, 50_000, ["id"])
    assert raised.value.items[0].kind == "unreadable"
    assert raised.value.items[0].place.source == "b.parquet"


def test_files_of_other_columns_are_no_one_cohort(tmp_path: Path):
    (tmp_path / "in").mkdir()
    pl.DataFrame({"id": ["a"], "age": [1]}).write_parquet(tmp_path / "in" / "a.parquet")
    pl.DataFrame({"id": ["a"], "age": ["1"]}).write_parquet(tmp_path / "in" / "b.parquet")
    assert problem(tmp_path, tmp_path / "in") == ("wrong-type", 'its columns are not those of a.parquet: "age"')


# ---- NDJSON and case files ----


def test_lines_of_json_are_rows_or_cases(tmp_path: Path):
    lines = [
        '{"id": "a", "age": 50, "pregnancy": false, "sex": null}',
        '{"id": "b", "pain": {"duration": "10 weeks"}, "illnesses": ["glaucoma", "nothing else"]}',
        "{broken",
        '{"id": "c", "pain": {"duration": "10"}, "red_flags": "none"}',
        "[1]",
        '{"id": "d", "id": "e"}',
        "",
        '{"id": 7}',
    ]
    source = opened(tmp_path, given(tmp_path, "\n".join(lines), "cohort.ndjson"))
    told = [{key: cell for key, cell in row.items() if cell is not None} for row in rows(source)]
    assert told == [
        {"id": "a", "age": "50", "pregnancy": "no", ROW: 1},
        {"id": "b", "pain.duration_days": "70.0", "illnesses.glaucoma": "yes", "illnesses.nothing-else": "yes", ROW: 2},
        {"id": "7", ROW: 8},
    ]
    kinds = [(number, kind) for number, _, kind in refused(source)]
    assert kinds == [(3, "bad-json"), (4, "missing-unit"), (5, "wrong-type"), (6, "bad-json"), (7, "bad-json")]


def test_columns_that_appear_late_are_columns_of_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pathway.batch.sources.LAID_DOWN", 2)
    lines = [json.dumps({"id": f"c{i}", **({"age": i} if i == 6 else {})}) for i in range(7)]
    source = opened(tmp_path, given(tmp_path, "\n".join(lines), "cohort.jsonl"))
    assert [row["age"] for row in rows(source)] == [None] * 6 + ["6"]


def test_lines_that_no_file_can_hold_are_kept_apart(tmp_path: Path):
    lines = b'{"id":"a\\ud800","age":53}\n{"id":"b","age":40}\n{"id":"c","~row":"x"}\n{"id":{"a":1},"age":3}\n'
    source = opened(tmp_path, given(tmp_path, lines, "c.ndjson"))
    assert rows(source) == [{"id": "b", "age": "40", ROW: 2}]
    assert refused(source) == [(1, "", "not-utf-8"), (3, "", "unknown-field"), (4, "id", "wrong-type")]


@example_of(st.binary(max_size=300))
def test_bytes_that_are_no_text_become_marks_whatever_the_blocks(data: bytes):
    text = data.decode("utf-8", "pathway-marks")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "c.csv"
        path.write_bytes(data)
        for size in (1, 7, -1):
            with _Text(path) as stream:
                told = b"".join(iter(partial(stream.read, size), b""))
                assert (told.decode(), stream.odd) == (text, not _is_utf_8(data))


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_case_files_are_rows_by_their_names(tmp_path: Path):
    (tmp_path / "in").mkdir()
    given(tmp_path / "in", "age: 50\npain: {duration: 10 weeks}\n", "c-001.yaml")
    given(tmp_path / "in", '{"age": 200}', "c-002.json")
    source = opened(tmp_path, tmp_path / "in")
    assert rows(source) == [{"id": "c-001", "age": "50.0", "pain.duration_days": "70.0", ROW: 1}]
    assert refused(source) == [(2, "age", "out-of-range")]


def test_the_bundled_cases_are_a_cohort(tmp_path: Path):
    source = opened(tmp_path, CASES)
    assert source.total == len([path for path in CASES.iterdir() if path.suffix in (".yaml", ".json")])
    assert source.unsplit == 0


# ---- what is no cohort ----


def test_what_is_not_there_or_of_no_known_kind_is_refused(tmp_path: Path):
    assert problem(tmp_path, tmp_path / "nothing.csv")[0] == "not-found"
    assert problem(tmp_path, given(tmp_path, b"PK", "cohort.xlsx"))[0] == "wrong-type"
    (tmp_path / "empty").mkdir()
    assert problem(tmp_path, tmp_path / "empty")[0] == "empty-file"
    given(tmp_path, "id\na\n", "a.csv")
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "a.parquet")
    assert problem(tmp_path, tmp_path / "a.csv", tmp_path / "a.parquet")[0] == "wrong-type"


def test_there_is_a_most_of_columns(tmp_path: Path):
    pl.DataFrame({f"c{i}": [1] for i in range(MOST_COLUMNS + 1)}).write_parquet(tmp_path / "a.parquet")
    assert problem(tmp_path, tmp_path / "a.parquet")[0] == "too-large"
