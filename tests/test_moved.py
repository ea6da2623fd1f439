"""A library that moved or broke what we look for: one warning, which names the version, and everything else goes on."""

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import groundwire
from groundwire import Operation, Provider, Request, Response
from groundwire.model import OperationKind


def operation(kind: OperationKind, *targets: str) -> Operation:
    return Operation(kind, targets, lambda _, __: Request(), lambda _: Response())


def moved(*targets: str, module: str = "json", others: tuple[Operation, ...] = ()) -> Provider:
    operations = (operation("chat", *targets), *others)
    return Provider(name="moved", module=module, distribution="wrapt", operations=operations)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    groundwire.shutdown()


def warned(caplog: pytest.LogCaptureFixture, *providers: Provider) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "groundwire"):
        groundwire.instrument(providers=providers, evaluators=[], export="console")
    return caplog.messages


def test_methods_that_moved_are_one_warning_with_the_version(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = warned(caplog, moved("json:gone", "json.gone:Client.ask", "json:JSONDecoder.gone"))
    assert said == (
        f"wrapt {version('wrapt')} has none of the methods that groundwire knows (json:gone and 2 more): "
        "its calls are not traced"
    )


def test_kinds_of_calls_that_moved_are_one_warning_where_others_did_not(caplog: pytest.LogCaptureFixture) -> None:
    others = (operation("rerank", "json:gone"), operation("embeddings", "json:lost"), operation("chat", "json:away"))
    (said,) = warned(caplog, moved("json:dumps", others=others))
    assert said == (
        f"wrapt {version('wrapt')} has none of the methods that groundwire knows for embeddings and rerank "
        "(json:gone and 1 more): its calls are not traced"
    )


def test_one_of_several_names_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    assert warned(caplog, moved("json:gone", "json:dumps")) == []


def test_a_module_that_breaks_when_it_is_read_harms_no_other_library(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaks_when_read.py").write_text("raise ZeroDivisionError('theirs')")
    monkeypatch.syspath_prepend(str(tmp_path))
    original = sys.modules["json"].loads
    assert warned(caplog, moved("breaks_when_read:ask"), moved("json:loads")) == [
        f"wrapt {version('wrapt')} could not be instrumented"
    ]
    assert sys.modules["json"].loads is not original
    groundwire.uninstrument()
    assert sys.modules["json"].loads is original
