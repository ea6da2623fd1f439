"""The engine where a library has many classes with one method, fans out to threads, or answers with numbers."""

import sqlite3
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from conformance.cases import decoded
from conformance.harness import traced
from groundwire import Document, Operation, Provider, Request, Response
from groundwire.model import Substitute

MODULE = "groundwire_family"
SOURCE = """
import sqlite3
from concurrent.futures import ThreadPoolExecutor

class Index:
    def search(self, query):
        return [0]

class Flat(Index):
    def search(self, query):
        return [1]

class Inherits(Index):
    pass

class Deep(Inherits):
    def search(self, query):
        return super().search(query) + [2]

class Kind(type):
    pass

class Made(metaclass=Kind):
    def search(self, query):
        return [3]

class Other(Made):
    def search(self, query):
        return super().search(query) + [4]

def connect(**given):
    made = sqlite3.connect(":memory:")
    for name, value in given.items():
        setattr(made, name, value)
    return made

class Store:
    def one(self, query):
        return [query]
    def all(self, *queries):
        with ThreadPoolExecutor(2) as pool:
            return [found for some in pool.map(self.one, queries) for found in some]
    def each(self, *queries):
        with ThreadPoolExecutor(2) as pool:
            return [f.result()[0] for f in [pool.submit(self.one, query) for query in queries]]
"""


@pytest.fixture
def library() -> Iterator[Any]:
    module = types.ModuleType(MODULE)
    exec(SOURCE, vars(module))
    sys.modules[MODULE] = module
    yield module
    del sys.modules[MODULE]


def _provider(*paths: str, executors: tuple[str, ...] = (), **changes: Any) -> Provider:
    def request(_: Any, arguments: Any) -> Request:
        return Request(query=arguments.get("query"))

    def response(result: Any) -> Response:
        return Response(documents=[Document(id=str(n)) for n in result])

    operation = Operation("retrieval", tuple(f"{MODULE}:{path}" for path in paths), request, response)
    return Provider("family", MODULE, "pytest", (replace(operation, **changes),), executors=executors)


@pytest.mark.parametrize(("name", "found"), [("Index", [0]), ("Flat", [1]), ("Inherits", [0]), ("Deep", [0, 2])])
def test_a_method_of_a_whole_family_is_one_span_in_each_of_its_classes(
    library: Any, name: str, found: list[int]
) -> None:
    with traced(_provider("Index+.search")) as tracing:
        assert getattr(library, name)().search("q") == found
        documents = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
        assert documents == [{"id": str(n)} for n in found]


def test_a_family_is_restored(library: Any) -> None:
    classes = (library.Index, library.Flat, library.Inherits, library.Deep)
    before = [dict(vars(each)) for each in classes]
    with traced(_provider("Index+.search")):
        assert "search" not in vars(library.Inherits)
        assert vars(library.Deep)["search"] is not before[3]["search"]
    after = [dict(vars(each)) for each in classes]
    assert all(a.keys() == b.keys() and all(a[k] is b[k] for k in a) for a, b in zip(after, before, strict=True))


def test_classes_that_are_derived_later_are_of_the_family(library: Any) -> None:
    told: list[type[Any]] = []

    class Telling(library.Index):  # type: ignore[misc]
        def __init_subclass__(cls, **kwargs: Any) -> None:
            told.append(cls)

    library.Telling = Telling
    with traced(_provider("Index+.search", "Telling+.search")) as tracing:

        class Late(library.Deep):  # type: ignore[misc]
            def search(self, query: str) -> list[int]:
                return [*super().search(query), 5]

        class Told(Telling, known=True):
            def search(self, query: str) -> list[int]:
                return [6]

        for made, found in ((Late, [0, 2, 5]), (Told, [6])):
            assert made().search("q") == found
            assert decoded(tracing.span.attributes)["gen_ai.retrieval.documents"] == [{"id": str(n)} for n in found]
            tracing.clear()
        with pytest.raises(TypeError, match="takes no keyword arguments"):
            type("Wrong", (library.Index,), {}, known=True)
    assert told == [Told]
    assert "__init_subclass__" not in vars(library.Index)
    for after in (Late, type("Later", (library.Index,), {"search": lambda self, query: [7]})):
        assert isinstance(vars(after)["search"], types.FunctionType)
        after().search("q")
    assert tracing.spans == []


def test_the_classes_of_a_metaclass_are_a_family_those_to_come_as_well(library: Any) -> None:
    with traced(_provider("Kind+.search")) as tracing:
        late = library.Kind("Late", (library.Other,), {"search": lambda self, query: [5]})
        copied = library.Kind("Copied", (), {"search": vars(late)["search"]})
        for made, found in ((library.Made, [3]), (library.Other, [3, 4]), (late, [5]), (copied, [5])):
            assert made().search("q") == found
            documents = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
            assert documents == [{"id": str(n)} for n in found]
            tracing.clear()
    later = library.Kind("Later", (), {"search": lambda self, query: [6]})
    assert "__init__" not in vars(library.Kind)
    for made in (library.Made, library.Other, late, copied, later):
        assert isinstance(vars(made)["search"], types.FunctionType)
        made().search("q")
    assert tracing.spans == []


def test_an_operation_may_be_for_some_classes_of_a_family(library: Any) -> None:
    with traced(_provider("Kind+.search", of=lambda made: made.__name__.startswith("O"))) as tracing:
        one = library.Kind("One", (), {"search": lambda self, query: [5]})
        none = library.Kind("None", (), {"search": lambda self, query: [5]})
        for made in (library.Made, none):
            made().search("q")
        assert tracing.spans == []
        for made in (library.Other, one):
            made().search("q")
        assert len(tracing.spans) == 2


def test_an_operation_may_be_for_some_objects_of_a_class(library: Any) -> None:
    mine, other = library.Flat(), library.Flat()
    with traced(_provider("Flat.search", on=lambda index: index is mine)) as tracing:
        assert other.search("q") == [1]
        assert tracing.spans == []
        assert mine.search("q") == [1]
        assert len(tracing.spans) == 1


def test_a_class_that_is_written_in_c_has_a_substitute(library: Any) -> None:
    rows = Substitute("sqlite3:Row", {"keys": ("query",)}, f"{MODULE}:connect", "row_factory")
    operation = Operation(
        "retrieval", ("sqlite3:Row.keys",), lambda *_: Request(), lambda keys: Response(output=keys[0])
    )
    untouched = library.connect
    with traced(Provider("family", MODULE, "pytest", (operation,), substitutes=(rows,))) as tracing:
        kept = library.connect()
        (row,) = kept.execute("select 7 as height")
        assert isinstance(row, sqlite3.Row)
        assert type(row).__name__ == "Row"
        assert (row.keys(), row["height"]) == (["height"], 7)
        assert decoded(tracing.span.attributes)["output.value"] == "height"
        assert library.connect(row_factory=dict).row_factory is dict
        tracing.clear()
        tracing.engine.uninstrument()
        assert library.connect is untouched
        assert kept.execute("select 7 as height").fetchone().keys() == ["height"]
        assert library.connect().row_factory is None
        assert tracing.spans == []


def test_a_class_that_cannot_be_told_is_made_all_the_same(library: Any) -> None:
    def broken(made: type) -> bool:
        raise ValueError(made)

    with traced(_provider("Kind+.search", of=broken)) as tracing:
        assert library.Made().search("q") == [3]
        assert library.Kind("Late", (), {"search": lambda self, query: [5]})().search("q") == [5]
        assert tracing.spans == []


def test_classes_that_cannot_be_hashed_are_passed_by(library: Any) -> None:
    compared = {"__eq__": lambda made, other: made is other, "__hash__": None}
    unhashable = type("Compared", (type,), compared)("Unhashable", (), {})
    with traced(_provider("Kind+.search")) as tracing:
        library.Made().search("q")
        assert len(tracing.spans) == 1
    assert isinstance(unhashable, type)


def test_without_the_plus_the_classes_below_are_left_alone(library: Any) -> None:
    with traced(_provider("Index.search")) as tracing:
        library.Flat().search("q")
        assert tracing.spans == []


@pytest.mark.parametrize("method", ["all", "each"])
def test_a_call_that_fans_out_to_threads_is_one_span(library: Any, method: str) -> None:
    executors = (f"{MODULE}:ThreadPoolExecutor", f"{MODULE}:Gone", "groundwire_gone:ThreadPoolExecutor")
    with traced(_provider("Store.one", "Store.all", "Store.each", executors=executors)) as tracing:
        assert getattr(library.Store(), method)("a", "b") == ["a", "b"]
        assert len(tracing.spans) == 1
    assert library.ThreadPoolExecutor is ThreadPoolExecutor


def test_an_executor_of_the_library_is_still_one(library: Any) -> None:
    provider = _provider("Store.one", executors=(f"{MODULE}:ThreadPoolExecutor",))
    with traced(provider), library.ThreadPoolExecutor(max_workers=1) as pool:
        assert isinstance(pool, ThreadPoolExecutor)
        assert type(pool).__name__ == "ThreadPoolExecutor"
        assert pool.submit(int, "7", base=8).result() == 7
        with pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result()


def test_a_request_reads_the_result_itself_where_it_says_so(library: Any) -> None:
    def request(index: Any, arguments: Any) -> Request:
        def read(result: Any) -> Response:
            return Response(documents=[Document(text=arguments["query"] * n) for n in result], higher_is_better=False)

        return Request(read=read)

    with traced(_provider("Deep.search", request=request)) as tracing:
        library.Deep().search(query="ab")
        attributes = decoded(tracing.span.attributes)
        assert attributes["gen_ai.retrieval.documents"] == [{"content": ""}, {"content": "abab"}]
        assert attributes["groundwire.retrieval.higher_is_better"] is False
