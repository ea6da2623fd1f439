"""Files of cases: what is read, what is told, what adding leaves alone."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwire.datasets import Case, added, case_id, dataset
from groundwire.datasets.shapes import case_of
from groundwire.errors import ConfigurationError, SinkError, SourceError
from groundwire.model import Passage


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


# --- one case ---


def test_the_id_is_that_of_the_words_of_the_question() -> None:
    assert Case("How tall?").id == Case("  how TALL ").id == case_id("How tall?")
    assert Case("How tall?").id != Case("How small?").id
    assert Case("???").id != Case("!!!").id
    assert len(Case("x").id) == 16


def test_a_case_needs_a_question() -> None:
    with pytest.raises(ValueError, match="needs a question"):
        Case("  ")


def test_a_case_comes_back_as_it_was_written() -> None:
    case = Case(
        "How tall?", "330 m", "mine", (Passage("It is 330 m.", "d1", 0.5), Passage("Or not.")), "350 m", ("a", "b"),
        {"model": "m", "n": 3, "ok": True}, {"trace_id": "0a", "scores": {"f": {"value": 0.1}}}, {"EMAIL": 2},
        {"note": [1, 2]},
    )  # fmt: skip

    assert case_of(json.loads(json.dumps(case.as_json()))) == case


@given(st.text(min_size=1).filter(lambda t: t.strip()), st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_any_text_comes_back(question: str, answer: str, tags: list[str]) -> None:
    case = Case(question, previous_answer=answer or None)
    back = case_of(json.loads(json.dumps(case.as_json(), ensure_ascii=False)))

    assert (back.question, back.id) == (question, case.id)
    assert back.previous_answer == (answer if answer.strip() else None)


# --- shapes of others ---


@pytest.mark.parametrize(
    ("item", "question", "reference"),
    [
        ({"question": "Q?", "ground_truth": "A"}, "Q?", "A"),
        ({"user_input": "Q?", "reference": "A", "retrieved_contexts": ["P"]}, "Q?", "A"),
        ({"input": [{"role": "system", "content": "s"}, {"role": "user", "content": "Q?"}], "ideal": ["A"]}, "Q?", "A"),
        ({"inputs": {"question": "Q?"}, "outputs": {"answer": "A"}}, "Q?", "A"),
        ({"input": {"messages": [{"role": "user", "content": "Q?"}]}, "expectedOutput": "A"}, "Q?", "A"),
        ({"vars": {"question": "Q?"}, "assert": [{"type": "llm-rubric", "value": "kind"}]}, "Q?", None),
        ({"vars": {"question": "Q?"}, "assert": [{"type": "is-json"}, {"type": "equals", "value": "A"}]}, "Q?", "A"),
        ({"vars": {"topic": "Q?"}}, "Q?", None),
        ({"question": "Q?", "__expected": "equals: A"}, "Q?", "A"),
        ({"question": "Q?", "__expected": "A"}, "Q?", "A"),
        ({"question": "Q?", "__expected": "javascript: output.length"}, "Q?", None),
        ({"question": "Q?", "__expected": "At noon: it rings."}, "Q?", "At noon: it rings."),
        ({"question": "Q?", "answer": "A"}, "Q?", None),
        ({"question": "Q?", "reference": 42}, "Q?", "42"),
    ],
)  # fmt: skip
def test_what_other_tools_write(item: dict[str, Any], question: str, reference: str | None) -> None:
    case = case_of(item)

    assert (case.question, case.reference) == (question, reference)


def test_an_answer_is_the_previous_one_and_no_reference() -> None:
    case = case_of({"question": "Q?", "answer": "A", "contexts": ["P", {"text": "R", "id": 7}], "tags": "x; y,x"})

    assert (case.previous_answer, case.reference) == ("A", None)
    assert [(p.text, p.id) for p in case.passages] == [("P", None), ("R", "7")]
    assert case.tags == ("x", "y")


def test_a_chat_gives_its_last_question_and_the_answer_to_it() -> None:
    turns = [("user", "First?"), ("assistant", "Yes."), ("user", "Second?"), ("assistant", "No.")]
    case = case_of({"messages": [{"role": role, "content": text} for role, text in turns]})

    assert (case.question, case.previous_answer) == ("Second?", "No.")


def test_metadata_are_slices_and_unknown_keys_stay() -> None:
    case = case_of({"question": "Q?", "metadata": {"lang": "de", "deep": [1]}, "__metadata:topic": "x", "note": "keep"})

    assert case.slices == {"lang": "de", "topic": "x"}
    assert case.extra == {"note": "keep"}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"reference": "A"}, "no question: expected one of question, query"),
        ({}, "found an empty object"),
        ({"question": ""}, "question holds no text"),
        ({"question": "Q?", "groundwire_case": 2}, "this version reads 1"),
        ({"question": "Q?", "tags": 7}, "tags must be a list"),
        ({"question": "Q?", "slices": [1]}, "slices must be an object"),
        ({"question": "Q?", "passages": [1, 2]}, "passages hold no text"),
    ],
)
def test_what_is_no_case_says_why(item: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        case_of(item)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["question", "input", "vars", "assert", "messages", "role", "content", "ideal", "passages", "tags", "metadata",
         "slices", "id", "text", "value", "type", "__expected", "outputs", "groundwire_case"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["question", "input", "vars", "messages", "passages", "id"]), _json, max_size=4))
def test_odd_objects_are_cases_or_problems_and_never_lost(item: dict[str, Any]) -> None:
    try:
        found = dataset([{"question": "known"}, item])
    except ConfigurationError:
        return
    assert len(found.cases) + len(found.repeated) == 2


# --- files ---


def test_every_line_is_a_case_or_a_problem_or_a_repetition(tmp_path: Path) -> None:
    path = write(
        tmp_path / "c.jsonl", {"question": "A?"}, "", "{broken", {"question": "a"}, [1], {"nothing": 1},
        {"question": "A?", "reference": "other"}, {"id": "x", "question": "X?"}, {"id": "x", "question": "Y?"},
    )  # fmt: skip
    found = dataset(path)

    assert [c.question for c in found] == ["A?", "A?", "X?"]
    assert [c.id for c in found][1].startswith(f"{case_id('A?')}-")
    assert [line for line, _ in found.problems] == [3, 5, 6, 9]
    assert [line for line, _ in found.repeated] == [4]
    assert found.problems[3][1] == "the id x is that of an earlier case with other content"


def test_the_same_line_again_is_told_as_repeated(tmp_path: Path) -> None:
    found = dataset(write(tmp_path / "c.jsonl", {"question": "A?"}, {"question": "A?"}))

    assert (len(found), found.repeated) == (1, ((2, case_id("A?")),))


def test_tables_and_lists_are_read(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('question;reference;passages\n"A; or B?";yes;"[""p"", ""r""]"\nC?;;\n')
    (tmp_path / "c.json").write_text(
        json.dumps({"tests": [{"vars": {"question": "A?"}}, {"vars": {"question": "B?"}}]})
    )
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b'{"question": "A?"}\n'))

    (first, second) = dataset(tmp_path / "c.csv")
    assert (first.question, first.reference, len(first.passages)) == ("A; or B?", "yes", 2)
    assert (second.question, second.reference) == ("C?", None)
    assert [c.question for c in dataset(tmp_path / "c.json")] == ["A?", "B?"]
    assert [c.question for c in dataset(tmp_path / "c.jsonl.gz")] == ["A?"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{}\n", b"\xff\xfe\x00", b"nonsense", b"[]"])
def test_a_file_without_a_case_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.jsonl").write_bytes(content)
    with pytest.raises(SourceError, match="no case in it"):
        dataset(tmp_path / "c.jsonl")


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SourceError, match=r"nowhere.jsonl: cannot be read \(No such file"):
        dataset("nowhere.jsonl")


def test_questions_and_objects_are_a_dataset() -> None:
    found = dataset(["A?", {"question": "B?"}, Case("C?")])

    assert [c.question for c in found] == ["A?", "B?", "C?"]
    with pytest.raises(ConfigurationError, match="holds no case"):
        dataset([])
    with pytest.raises(ConfigurationError, match="a dataset is a file name"):
        dataset(7)
    with pytest.raises(ConfigurationError, match="case 2: no question"):
        dataset(["A?", {"x": 1}])


def test_the_hash_tells_content_and_not_order() -> None:
    one, other = dataset(["A?", "B?"]), dataset(["B?", "A?"])

    assert one.hash == other.hash
    assert one.hash != dataset(["A?"]).hash
    assert one.hash != dataset(["A?", {"question": "B?", "reference": "b"}]).hash
    assert one.hash == dataset(["A?", {"question": "B?", "tags": ["t"]}]).hash


# --- adding ---


def test_adding_twice_adds_once_and_keeps_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    assert added(path, [Case("A?"), Case("B?")]) == 2
    edited = path.read_text().replace('"question":"A?"', '"question":"A?",  "reference":"by hand"').rstrip("\n")
    path.write_text(edited)

    assert added(path, [Case("B?"), Case("A?"), Case("C?")]) == 1
    assert path.read_text().startswith(edited)
    assert [(c.question, c.reference) for c in dataset(path)] == [("A?", "by hand"), ("B?", None), ("C?", None)]
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert added(path, [Case("C?")]) == 0
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_what_is_no_dataset_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", {"question": "A?"}, "{half")
    before = path.read_bytes()

    with pytest.raises(SourceError, match="line 2 is no case"):
        added(path, [Case("B?")])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["c.csv", "c.json", "c.tsv.gz"])
def test_cases_are_not_written_as_tables(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match="JSON lines"):
        added(tmp_path / name, [Case("A?")])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot write"):
        added(tmp_path / "no" / "c.jsonl", [Case("A?")])


def test_compressed_files_are_added_to(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl.gz"
    added(path, [Case("A?")])
    added(path, [Case("B \ud800?")])

    assert [c.question for c in dataset(path)] == ["A?", "B \ud800?"]
