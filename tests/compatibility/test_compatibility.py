"""The table of versions: what is tried, what is found, and that a page keeps what people wrote."""

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from compatibility.__main__ import Book, main, measured
from compatibility.asked import ROOT, Asked, asked
from compatibility.environments import Outcome
from compatibility.table import filled, told
from compatibility.versions import firsts, lowest, steps, within

OLD = [Version(v) for v in ("0.9.0", "1.0.0", "1.0.4", "1.1.2", "1.2.0", "2.0.0rc1", "2.0.1")]


def test_every_provider_with_an_extra_is_there_with_its_library() -> None:
    known = {
        "entry-points": {"groundwire.instrumentation": {"beta": "b:P", "alpha": "a:P", "without": "w:P"}},
        "optional-dependencies": {"alpha": ["alpha-sdk>=1.2"], "beta": ["beta[grpc]>=2", "helper>=1"], "other": ["x"]},
    }
    first, second = asked(known)
    assert (first.provider, first.pinned("1.2.0")) == ("alpha", ("alpha-sdk==1.2.0",))
    assert second.pinned(Version("2.1")) == ("beta[grpc]==2.1", "helper>=1")


def test_every_provider_of_this_repository_promises_versions_to_try() -> None:
    entries = asked()
    assert len(entries) > 25
    for one in entries:
        assert any(s.operator in (">=", "==", "~=") for s in one.requirement.specifier), one


def test_a_bound_that_is_a_preview_takes_previews() -> None:
    assert Asked("a", Requirement("a>=1.0.0b9")).takes_previews
    assert not Asked("a", Requirement("a>=1.0.0")).takes_previews


def test_a_result_belongs_to_the_files_it_was_made_with() -> None:
    digests = {one.provider: one.digest() for one in asked()}
    assert len(set(digests.values())) == len(digests)


def test_lower_bounds_are_the_firsts_of_minor_series() -> None:
    assert firsts(within(OLD, SpecifierSet(">=1"))) == [Version(v) for v in ("1.0.0", "1.1.2", "1.2.0", "2.0.0rc1")]


def test_every_version_is_worth_a_try_where_they_are_few_and_the_newest_always() -> None:
    assert steps(OLD) == OLD
    many = [Version(f"1.{n // 30}.{n % 30}") for n in range(90)]
    assert steps(many) == [Version(v) for v in ("1.0.0", "1.1.0", "1.2.0", "1.2.29")]


@pytest.mark.parametrize("first_good", range(11))
def test_the_lowest_that_passes_is_found_by_halves(first_good: int) -> None:
    candidates, tries = [Version(f"1.{n}") for n in range(10)], list[Version]()

    def passes(version: Version) -> bool:
        tries.append(version)
        return version.minor >= first_good

    found = lowest(candidates, passes)
    assert found == (Version(f"1.{first_good}") if first_good < 10 else None)
    assert len(tries) == len(set(tries)) <= 4


def test_nothing_passes_where_there_is_nothing() -> None:
    assert lowest([], lambda _: True) is None


@pytest.mark.parametrize(
    ("outcome", "good", "whole"),
    [
        (Outcome("1", 5, 0, calls=3, of_calls=3), True, True),
        (Outcome("1", 5, 0, calls=2, of_calls=3), True, False),
        (Outcome("1", 5, 0, calls=1, of_calls=3), False, False),
        (Outcome("1", 0, 0, calls=3, of_calls=3), False, False),
        (Outcome("1", 5, 1, calls=3, of_calls=3), False, False),
        (Outcome("1", 5, 0, "the interpreter died", 3, 3), False, False),
        (Outcome("1", 0, 0, "cannot be installed"), False, False),
    ],
)
def test_a_version_passes_where_it_has_half_of_the_calls_and_all_their_tests_passed(
    outcome: Outcome, good: bool, whole: bool
) -> None:
    assert (outcome.good, outcome.whole) == (good, whole)


def test_what_pip_refuses_does_not_install() -> None:
    assert not Outcome("1", 0, 0, "cannot be installed: no matching distribution").installs
    assert Outcome("1", 0, 3, "FAILED test_a").installs


def test_a_version_says_how_many_calls_it_has_where_it_has_not_all() -> None:
    assert str(Outcome("1.2", 5, 0, calls=3, of_calls=3)) == "1.2"
    assert str(Outcome("1.0", 5, 0, calls=2, of_calls=3)) == "1.0 (2 of 3 calls)"


def test_what_was_tried_is_kept_and_forgotten_with_other_cases(tmp_path: Path) -> None:
    one, file = next(a for a in asked() if a.provider == "groq"), tmp_path / "results.json"
    Book(file).keep(one, Outcome("1.0.0", 7, 0, seconds=2.4))
    assert Book(file).known(one, "1.0.0") == Outcome("1.0.0", 7, 0, seconds=2)
    assert Book(file).known(one, "1.1.0") is None
    text = file.read_text().replace(one.digest(), "other")
    file.write_text(text)
    assert Book(file).known(one, "1.0.0") is None
    book = Book(file)
    book.keep(one, Outcome("1.1.0", 7, 0))
    assert list(json.loads(file.read_text())["groq"]["tried"]) == ["1.1.0"]


def test_two_runs_at_once_keep_the_results_of_both(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first, second = Book(file), Book(file)
    for book, name in ((first, "groq"), (second, "openai"), (first, "qdrant")):
        book.keep(next(a for a in asked() if a.provider == name), Outcome("1.0.0", 7, 0))
    assert list(Book(file).results) == ["groq", "openai", "qdrant"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nonsense"], "no provider with an extra is called nonsense; there are anthropic, "),
        (["--results", "{folder}/none/results.json"], "there is no folder "),
        (["--results", "{folder}/broken.json"], "holds no results"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_before_anything_is_installed(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.json").write_text("{broken")
    monkeypatch.setattr("sys.argv", ["compatibility", *(a.format(folder=tmp_path) for a in arguments)])
    with pytest.raises(SystemExit):
        main()
    assert said in capsys.readouterr().err


def test_versions_of_before_this_python_are_passed_over_and_not_halved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [Version(v) for v in ("1.0.0", "1.0.1", "1.0.2", "1.1.0")]

    def tried(_: Path, __: Asked, version: str) -> Outcome:
        if version in ("1.0.0", "1.0.1"):
            return Outcome(version, 0, 0, "cannot be installed: no wheel")
        return Outcome(version, 5, 0, calls=1, of_calls=1)

    monkeypatch.setattr("compatibility.__main__.offered", lambda *_: versions)
    monkeypatch.setattr("compatibility.__main__.tried", tried)
    book, one = Book(tmp_path / "results.json"), Asked("groq", Requirement("groq>=1"))
    assert measured(book, tmp_path, one, "both", again=False)
    assert book.columns()["groq"] == ("1.0.2", "1.1.0")


PAGE = r"""# Providers

| Provider | What is traced | Run with | What is not |
| --- | --- | --- | --- |
| one | `find`, ES\|QL | one 1.2 | |
| two | all | two 2 | nothing |

After | it | all
"""
FILLED = r"""# Providers

| Provider | What is traced | Run with | Lowest passed | Newest passed | What is not |
| --- | --- | --- | --- | --- | --- |
| one | `find`, ES\|QL | one 1.2 | 1.0 | 1.2 | |
| two | all | two 2 | not run | not run | nothing |

After | it | all
"""


def test_the_table_gets_its_columns_and_keeps_what_people_wrote() -> None:
    versions = {"one": ("1.0", "1.2"), "three": ("3", "3")}
    assert filled(PAGE, versions) == FILLED
    assert filled(FILLED, versions) == FILLED
    assert told(FILLED)["one"] == ("1.0", "1.2")
    assert told(PAGE) == {}
    assert filled(FILLED, {"one": ("0.9", "1.3")}) == FILLED.replace("| 1.0 | 1.2 |", "| 0.9 | 1.3 |")


def test_a_row_that_somebody_added_without_the_columns_gets_them() -> None:
    added = FILLED.replace("\n\nAfter", "\n| zwei | some | zwei 2 | rest |\n\nAfter")
    assert "| zwei | some | zwei 2 | not run | not run | rest |" in filled(added, {})


def test_a_page_without_the_table_is_told_of() -> None:
    with pytest.raises(ValueError, match="Provider"):
        filled("# Nothing\n", {})


def test_the_page_says_what_the_results_say() -> None:
    results = ROOT / "tests" / "compatibility" / "results.json"
    page = told((ROOT / "docs" / "providers.md").read_text())
    assert page.keys() - {"Provider", "---"} == {one.provider for one in asked()}
    for name, versions in Book(results).columns().items():
        assert page[name] == versions, name
