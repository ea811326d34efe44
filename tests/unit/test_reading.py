import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pathway.problem import KINDS, Problem, Problems
from pathway.reading import Document, Limits, dotted, read_document

BROKEN = Path(__file__).parents[1] / "broken" / "reading"


def read(text: str | bytes, name: str = "ana.yaml", limits: Limits = Limits()) -> Document:
    data = text if isinstance(text, bytes) else text.encode()
    return read_document(io.BytesIO(data), name=name, limits=limits)


def refused(text: str | bytes, name: str = "ana.yaml", limits: Limits = Limits()) -> list[str]:
    with pytest.raises(Problems) as caught:
        read(text, name, limits)
    assert all(item.help for item in caught.value.items)
    return [f"{i.place.line}:{i.place.column} {i.kind} {i.width}" for i in caught.value.items]


# what is read


def test_yaml_scalars_follow_the_1_2_core_schema():
    text = """
    nothing: [null, Null, NULL, ~, ]
    truth: [true, True, TRUE, false, False, FALSE]
    whole: [0, -7, +7, 007, 0o17, 0x1F]
    real: [1.5, -.5, 5., 1e3, 1.5E-3]
    words: [yes, no, on, off, y, n, tRUE, 2026-03-02, 1:30, 1_000, 0b1, 1e, '1', "true", '', "~", .infinite]
    blank:
    """
    assert read(text).data == {
        "nothing": [None] * 4,
        "truth": [True, True, True, False, False, False],
        "whole": [0, -7, 7, 7, 15, 31],
        "real": [1.5, -0.5, 5.0, 1000.0, 0.0015],
        "words": ["yes", "no", "on", "off", "y", "n", "tRUE", "2026-03-02", "1:30", "1_000", "0b1", "1e"]
        + ["1", "true", "", "~", ".infinite"],
        "blank": None,
    }


def test_a_number_keeps_its_type():
    data = read("[1, 1.0, true, 1e0]").data
    assert isinstance(data, list)
    assert [type(value) for value in data] == [int, float, bool, float]


def test_block_scalars_are_texts():
    assert read("a: |\n  1\n  2\nb: >-\n  3\n").data == {"a": "1\n2\n", "b": "3"}


def test_the_plain_tags_are_honoured():
    text = 'a: !!str 1\nb: !!int "2"\nc: !!float 3\nd: !!bool "true"\ne: !!null ""\nf: !!map {}\ng: !!seq []\n'
    assert read(text).data == {"a": "1", "b": 2, "c": 3.0, "d": True, "e": None, "f": {}, "g": []}
    assert isinstance(read("!!float 3").data, float)


def test_an_anchor_without_an_alias_is_harmless():
    assert read("a: &x 1\nb: &y {c: 2}\n").data == {"a": 1, "b": {"c": 2}}


def test_quoted_keys_may_look_like_anything():
    assert read("'1': a\n\"true\": b\n'<<': c\n!!str 2: d\n").data == {
        "1": "a",
        "true": "b",
        "<<": "c",
        "2": "d",
    }


def test_a_name_in_json_is_read_as_json_and_never_as_yaml():
    assert read('{"a": [1, 2.5, null, true, "no"]}', "A.JSON").data == {"a": [1, 2.5, None, True, "no"]}
    assert refused("a: 1", "a.json") == ["1:1 bad-json 1"]


def test_json_on_standard_input_is_found_by_its_bracket():
    assert read('  [{"a": "\\ud83d\\ude00"}]', "-").data == [{"a": "😀"}]


def test_yaml_that_begins_with_a_bracket_is_still_yaml():
    assert read("{a: 1, b: [c, d,]}").data == {"a": 1, "b": ["c", "d"]}
    assert read("[" * 3 + "it's" + "]" * 3 + " # [[[[", limits=Limits(depth=3)).data == [[["it's"]]]


def test_of_two_failures_the_one_that_got_further_is_told():
    assert refused("{a: 1,\n b: [}", "-") == ["2:6 bad-yaml 1"]
    assert refused('{"a": 1,\n "b": "c" "d"}', "-") == ["2:11 bad-json 1"]


def test_a_byte_order_mark_is_dropped():
    assert read(b"\xef\xbb\xbfa: 1").data == {"a": 1}
    assert read(b'\xef\xbb\xbf{"a": 1}', "a.json").place("a").column == 7


def test_a_file_a_path_and_a_stream_give_the_same(tmp_path: Path):
    file = tmp_path / "ana.yaml"
    file.write_text("a: 1\n")
    with file.open("rb") as stream:
        from_stream = read_document(stream)
        assert not stream.closed
    assert read_document(file) == read_document(str(file)) == from_stream
    assert from_stream.source == str(file)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))
    document = read_document("-")
    assert (document.source, document.data) == ("-", {"a": 1})


def test_a_document_does_not_show_the_person_in_its_repr():
    assert repr(read("name: Ana")) == "Document(source='ana.yaml')"


def test_importing_the_reader_loads_no_parser():
    code = "import sys, pathway.reading; print({'yaml', 'json', 'difflib'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


# where it stands

CASE = """\
# Ana
pain:
  duration: 4 months
  site: "left hand"
  note: |

    burning
trials:
  - {class: tricyclic, dose: !!int 25}
  - class: &x gabapentinoid
empty:
"""


@pytest.mark.parametrize(
    ("path", "value", "key", "start"),
    [
        ((), "2:1", "2:1", "2:1"),
        (("pain",), "3:3", "2:1", "3:3"),
        (("pain", "duration"), "3:13", "3:3", "3:13"),
        (("pain", "site"), "4:9", "4:3", "4:10"),
        (("pain", "note"), "5:9", "5:3", "7:5"),
        (("trials",), "9:3", "8:1", "9:3"),
        (("trials", 0), "9:5", "9:5", "9:5"),
        (("trials", 0, "dose"), "9:36", "9:24", "9:36"),
        (("trials", 1, "class"), "10:15", "10:5", "10:15"),
        (("empty",), "11:7", "11:1", "11:7"),
        (("pain", "intensity"), "3:3", "2:1", "3:3"),
        (("trials", 7, "dose"), "9:3", "8:1", "9:3"),
        (("nowhere", "at", "all"), "2:1", "2:1", "2:1"),
    ],
)
def test_every_value_and_key_knows_its_place(path: tuple[str | int, ...], value: str, key: str, start: str):
    document = read(CASE)
    places = document.place(*path), document.key_place(*path), document.scalar_start(*path)
    assert [f"{place.line}:{place.column}" for place in places] == [value, key, start]
    assert {place.path for place in places} == {dotted(path)}


def test_json_values_know_their_places_too():
    document = read('{\n  "a": [1, {"b": "\\u00e9x"}],\n  "c": null\n}', "a.json")
    assert str(document.place("a", 0)) == "a.json:2:9"
    assert str(document.place("a", 1)) == "a.json:2:12"
    assert str(document.key_place("a", 1, "b")) == "a.json:2:13"
    assert str(document.place("a", 1, "b")) == "a.json:2:18"
    assert str(document.scalar_start("a", 1, "b")) == "a.json:2:19"
    assert str(document.place("c")) == "a.json:3:8"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts_them(newline: str):
    document = read(f"a: 'x\u2028y\x85z'{newline}b: é😀{newline}{newline}c: 1{newline}")
    assert (document.place("b").line, document.place("c").line) == (2, 4)


def test_a_problem_quotes_the_line_and_underlines_the_token():
    problem = read(CASE).problem("wrong-unit", "that is no length", "pain", "duration", help="give days")
    assert problem.render().splitlines() == [
        "ana.yaml:3:13: wrong-unit: that is no length",
        "    3 | duration: 4 months",
        "      |           ^^^^^^^^",
        "  help: give days",
    ]
    assert problem.place.path == "pain.duration"


def test_a_problem_can_stand_at_the_key():
    problem = read(CASE).problem("unknown-field", "no such field", "pain", "site", key=True)
    assert (str(problem.place), problem.width) == ("ana.yaml:4:3", 4)


def test_a_token_of_many_lines_is_underlined_to_the_end_of_its_first():
    assert read('a: "one\n  two"\n').problem("wrong-type", "m", "a").width == 4


def test_paths_are_written_as_people_write_them():
    assert dotted(("trials", 2, "dose")) == "trials[2].dose"
    assert dotted((0, "given", "pain.duration")) == "[0].given.pain.duration"
    assert dotted(("a b", "")) == '["a b"][""]'


# what is refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 empty-file 1"]),
        (" \n\t\n", ["1:1 empty-file 1"]),
        ("# only\n# comments", ["1:1 empty-file 1"]),
        ("--- &x\n...\n", ["1:1 empty-file 1"]),
        ("a: *b", ["1:4 alias 2"]),
        ("*b : 1", ["1:1 alias 2"]),
        ("*b", ["1:1 alias 2"]),
        ("a: 1\n<<: {b: 2}", ["2:1 merge-key 2"]),
        ("a: 1\n---\nb: 2", ["2:1 several-documents 3"]),
        ("a: 1\n...\n---\nb", ["3:1 several-documents 3"]),
        (
            "1: a\n2.5: b\ntrue: c\n~: d\n? # none\n: e",
            ["1:1 bad-key 1", "2:1 bad-key 3", "3:1 bad-key 4", "4:1 bad-key 1", "5:2 bad-key 1"],
        ),
        (
            "? [a, {b: 1, b: 2}]\n: {c: 1, c: 2}",
            ["1:3 bad-key 1", "1:14 duplicate-key 1", "2:10 duplicate-key 1"],
        ),
        ("? [a]\n: 1\n'?': 2", ["1:3 bad-key 1", "3:1 duplicate-key 3"]),
        ("a: 1\n'a': 2\n\"a\": 3", ["2:1 duplicate-key 3", "3:1 duplicate-key 3"]),
        ("a: [.inf, -.INF, .nan]", ["1:5 bad-number 4", "1:11 bad-number 5", "1:18 bad-number 4"]),
        (f"a: {10**15 + 1}", ["1:4 bad-number 16"]),
        (f"a: -{'9' * 5000}", ["1:4 bad-number 5001"]),
        (f"a: 0.{'1' * 400}", ["1:4 bad-number 402"]),
        ("a: 0x" + "f" * 20, ["1:4 bad-number 22"]),
        ("a: !x 1", ["1:4 tag 2"]),
        ("a: ! 1", ["1:4 tag 1"]),
        ("a: !!binary aGk=", ["1:4 tag 8"]),
        ("a: !!timestamp 2026-03-02", ["1:4 tag 11"]),
        ("a: !str 1", ["1:4 tag 4"]),
        ("a: !!int 1.5", ["1:4 tag 5"]),
        ("a: !!map [1]", ["1:4 tag 5"]),
        ("a: !!set {b}", ["1:4 tag 5"]),
        ("a: 1\n%TAG ! x", ["2:1 tag 4"]),
        ("a: \x07", ["1:4 control-character 1"]),
        ("a: \x7f\ufffe", ["1:4 control-character 1"]),
        ("a: b: c", ["1:5 bad-yaml 1"]),
        ("a:\n\tb: c", ["2:1 bad-yaml 1"]),
        ("a: 'b\n\n\n", ["1:6 bad-yaml 1"]),
        ('a: "\\ud800"', ["1:7 bad-yaml 1"]),
        ("%YAML 3.0\n---\na", ["1:1 bad-yaml 1"]),
        ("a: [", ["1:5 bad-yaml 1"]),
        ("a: 1\na: 2\nb: *c\nd: @", ["2:1 duplicate-key 1", "3:4 alias 2", "4:4 bad-yaml 1"]),
    ],
)
def test_faulty_yaml_is_refused_at_its_place(text: str, expected: list[str]):
    assert refused(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 empty-file 1"]),
        ("{", ["1:2 bad-json 1"]),
        ('{"a": 1,}', ["1:9 bad-json 1"]),
        ('{"a": 1}\n// end', ["2:1 bad-json 1"]),
        ("{'a': 1}", ["1:2 bad-json 1"]),
        ('{"a": "\x07"}', ["1:8 bad-json 1"]),
        ('{"a":\n "b', ["2:2 bad-json 1"]),
        ('{"a": 1,\n "b": {"a": 2, "a": 3},\n "a": 4}', ["2:16 duplicate-key 3", "3:2 duplicate-key 3"]),
        ('{"\\u0061": 1, "a": 2}', ["1:15 duplicate-key 3"]),
        ("[NaN, Infinity, -Infinity]", ["1:2 bad-number 3", "1:7 bad-number 8", "1:17 bad-number 9"]),
        ("[1e999, -1e999]", ["1:2 bad-number 5", "1:9 bad-number 6"]),
        (f"[{10**15 + 1}]", ["1:2 bad-number 16"]),
        (f"[{'9' * 5000}]", ["1:2 bad-number 5000"]),
        ('["\\ud800", "\\udc00\\ud800"]', ["1:2 lone-surrogate 8", "1:12 lone-surrogate 14"]),
        ('{"\\ud800": 1}', ["1:2 lone-surrogate 8"]),
    ],
)
def test_faulty_json_is_refused_at_its_place(text: str, expected: list[str]):
    assert refused(text, "ana.json") == expected


def test_the_largest_whole_number_is_still_read():
    assert read(f"[{10**15}, -{10**15}]", "a.json").data == read(f"- {10**15}\n- -{10**15}").data


def test_a_duplicate_key_names_the_line_of_the_first():
    with pytest.raises(Problems, match=r'"b" is written twice; the first is on line 3'):
        read("a: {b: 1}\na:\n  b: 1\n  b: 2\n")


def test_an_error_that_began_earlier_says_on_which_line():
    with pytest.raises(Problems, match=r"expected ',' or ']' .*that begins on line 1"):
        read("a: [b,\nc\nd: e\n")


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_the_limits_hold_to_the_last_one(name: str):
    assert read("[[1]]", name, Limits(depth=2)).data == [[1]]
    assert refused("[[[1]]]", name, Limits(depth=2)) == ["1:3 too-deep 1"]
    assert read('["123"]', name, Limits(scalar=3)).data == ["123"]
    assert refused('["1234"]', name, Limits(scalar=3)) == ["1:2 too-large 6"]
    assert read('{"a": 1}', name, Limits(nodes=3)).data == {"a": 1}
    assert refused('{"a": [2]}', name, Limits(nodes=3)) == ["1:8 too-large 1"]
    assert read("[1, 2]", name, Limits(bytes=6)).data == [1, 2]
    assert refused("[1, 2]", name, Limits(bytes=5)) == ["None:None too-large 1"]


def test_brackets_inside_a_json_text_are_not_depth():
    assert read('["[[[[\\"[[[["]', "a.json", Limits(depth=1)).data == ['[[[["[[[[']


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 100_000, '{"a":' * 100_000, "[{" * 100_000])
def test_a_hundred_thousand_brackets_are_refused_with_their_place(name: str, text: str):
    assert "too-deep" in refused(text, name)[-1] or "bad-" in refused(text, name)[-1]
    assert refused("[" * 100_000, name) == ["1:33 too-deep 1"]


@pytest.mark.parametrize("text", ["- " * 100_000, "? " * 100_000, "a: [" + "{a: [" * 100_000])
def test_deep_yaml_blocks_are_refused(text: str):
    assert refused(text)[-1].split()[1] == "too-deep"


def test_json_deeper_than_the_standard_reader_is_refused_even_when_the_limit_allows_it():
    text = "[" * 90_000 + "]" * 90_000
    assert refused(text, "a.json", Limits(depth=200_000)) == ["1:1 too-deep 1"]


def test_an_alias_bomb_is_refused_with_its_place():
    bomb = "a0: &a0 [lol]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    found = refused(bomb)
    assert found[0] == "2:10 alias 3"
    assert len(found) == 100


def test_a_hundred_thousand_tag_directives_are_refused_at_once():
    text = "".join(f"%TAG !a{n}! b\n" for n in range(60_000))
    assert refused(text + "---\na") == ["1:1 tag 4"]
    assert refused("a\n...\n" + text) == ["3:1 tag 4"]


def test_a_file_of_a_hundred_megabytes_is_not_loaded(tmp_path: Path):
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as stream:
        stream.truncate(100_000_000)
    with huge.open("rb", buffering=0) as stream:
        with pytest.raises(Problems, match=r"larger than 1,000,000 bytes"):
            read_document(stream)
        assert stream.tell() == 1_000_001


def test_faults_on_one_huge_line_share_its_text():
    with pytest.raises(Problems) as caught:
        read("[" + "*a, " * 200_000 + "]")
    assert len({id(item.excerpt) for item in caught.value.items}) == 1
    assert len(str(caught.value)) < 100_000


def test_text_in_another_encoding_is_refused_at_its_first_bad_byte():
    assert refused("a: b\nsite: é épaule".encode("latin-1")) == ["2:7 not-utf-8 4"]
    assert refused("é: ".encode() + b"\xed\xa0\x80") == ["1:4 not-utf-8 4"]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert refused("a: 1".encode(encoding)) == ["1:1 not-utf-8 1"]
    with pytest.raises(Problems, match="UTF-32"):
        read("a: 1".encode("utf-32"))


def test_a_file_that_is_not_text_is_refused():
    assert refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") == ["3:1 binary-file 1"]
    assert refused(b"a: 1\0b") == ["1:5 binary-file 1"]


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_a_line_break_that_no_editor_shows_is_refused_outside_quotes(character: str):
    assert refused(f"# a{character}b: 1") == ["1:4 control-character 1"]
    assert refused(f"a: b{character}c: 1") == ["1:5 control-character 1"]
    assert refused(f"a: 'b{character}'\nc: |\n  d{character}e") == ["3:4 control-character 1"]
    assert refused(f"a: b{character}c: [") == ["1:5 control-character 1"]
    quoted = read(f"a: 'b{character}c'\nd: \"e{character}f\"").data
    assert isinstance(quoted, dict)
    assert set(quoted) == {"a", "d"}
    assert read(f'{{"a": "b{character}c"}}', "a.json").data == {"a": f"b{character}c"}


def test_the_help_for_an_empty_file_speaks_of_no_kind_of_file():
    with pytest.raises(Problems) as caught:
        read("")
    assert "pathway new" not in caught.value.items[0].help


# what cannot be reached


def kind_of(source: object) -> str:
    with pytest.raises(Problems) as caught:
        read_document(source)  # type: ignore[arg-type]
    (problem,) = caught.value.items
    assert problem.help
    problem.render().encode("utf-8")
    return problem.kind


def test_a_missing_file_a_folder_and_impossible_names_are_problems(tmp_path: Path):
    (tmp_path / "file").touch()
    assert kind_of(tmp_path / "none.yaml") == "not-found"
    assert kind_of(tmp_path / "file" / "none.yaml") == "not-found"
    assert kind_of(str(tmp_path / "caf\udce9.yaml")) == "not-found"
    assert kind_of(tmp_path) == "is-a-directory"
    assert kind_of("nul\0.yaml") == "unreadable"
    assert kind_of("half\ud800.yaml") == "unreadable"
    assert kind_of("x" * 5_000) == "unreadable"
    assert kind_of("") == "not-found"


def test_a_file_without_permission_is_unreadable(monkeypatch: pytest.MonkeyPatch):
    def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", forbid)
    assert kind_of("ana.yaml") == "unreadable"


def test_a_stream_that_breaks_is_unreadable(monkeypatch: pytest.MonkeyPatch):
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise BrokenPipeError(32, "Broken pipe")

    closed = io.BytesIO(b"a: 1")
    closed.close()
    assert kind_of(Broken()) == "unreadable"
    assert kind_of(closed) == "unreadable"
    monkeypatch.setattr(sys, "stdin", None)
    assert kind_of("-") == "unreadable"


def test_a_stream_that_gives_little_at_a_time_is_read_to_its_end():
    class Slow(io.RawIOBase):
        rest = b"a: 12345"

        def read(self, size: int = -1) -> bytes:
            chunk, self.rest = self.rest[:1], self.rest[1:]
            return chunk

    assert read_document(Slow()).data == {"a": 12345}  # type: ignore[arg-type]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no /dev/zero on this system")
def test_an_endless_device_is_too_large():
    assert kind_of("/dev/zero") == "too-large"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_a_named_pipe_is_read_like_a_file(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a: 1\n",))
    writer.start()
    assert read_document(pipe).data == {"a": 1}
    writer.join()


# the shelf of broken files

WITHOUT_A_FILE = {"not-found", "unreadable", "is-a-directory"}


def test_every_broken_file_raises_the_kind_it_is_named_after():
    files = sorted(BROKEN.iterdir())
    kinds = set()
    for file in files:
        kind = file.name.split(".")[0].split("--")[0]
        with pytest.raises(Problems) as caught:
            read_document(file)
        assert {item.kind for item in caught.value.items} == {kind}, file.name
        for item in caught.value.items:
            assert item.place.line and item.place.column and item.help, file.name
            assert drawn_caret_is_inside(item), file.name
        kinds.add(kind)
    assert len(files) == 34
    assert kinds | WITHOUT_A_FILE == set(list(KINDS)[: list(KINDS).index("unknown-field")])


def drawn_caret_is_inside(problem: Problem) -> bool:
    return 1 <= (problem.place.column or 0) <= len(problem.excerpt) + 1 or not problem.excerpt
