"""Files of cases: ours, tables, and what other tools write. Every problem is told, and adding loses nothing."""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundwire.datasets.case import Case
from groundwire.datasets.shapes import case_of
from groundwire.errors import ConfigurationError, SinkError, SourceError
from groundwire.label_files import records
from groundwire.replacing import is_device, replace

ACCEPTED = (
    "one JSON object a line with a question (.jsonl, .jsonl.gz), a .csv or .tsv with a column question, or a JSON list"
)
_NO_LINES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cases, in the order of their file, each id once."""

    cases: tuple[Case, ...]
    name: str = ""
    problems: tuple[tuple[int, str], ...] = ()
    """Line number (from 1) and what was wrong with it; the line gave no case."""
    repeated: tuple[tuple[int, str], ...] = field(default=())
    """Line number and id of lines that say what an earlier one says: they gave no case, and nothing is lost."""

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def hash(self) -> str:
        """16 hex digits derived from ids, questions, references and passages; their order does not count."""
        rows = sorted(f"{c.id}\x1e{c.content}" for c in self.cases)
        return hashlib.sha256("\x1d".join(rows).encode(errors="surrogatepass")).hexdigest()[:16]


def dataset(source: Any) -> Dataset:
    """Cases from a file, or from what is a dataset already.

    Args:
        source: a path; a `Dataset`; or cases, objects with the keys of a file's lines, or plain questions.

    Raises:
        SourceError: the file is not there, cannot be read, or has not one case in it.
        ConfigurationError: it is none of these, or holds no case.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, str | os.PathLike):
        return _read(Path(source))
    if not isinstance(source, Iterable):
        raise ConfigurationError(f"a dataset is a file name, a list of cases or of questions, got {source!r:.80}")
    items = list(source)
    found = _collected(enumerate(items, 1), "")
    if found.problems:
        raise ConfigurationError(f"case {found.problems[0][0]}: {found.problems[0][1]}")
    if not found.cases:
        raise ConfigurationError("the dataset holds no case")
    return found


def _read(path: Path) -> Dataset:
    try:
        found = _collected(_items(path), path.name)
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SourceError(f"{path}: cannot be read ({why}); expected {ACCEPTED}") from error
    if not found.cases:
        first = f"; line {found.problems[0][0]}: {found.problems[0][1]}" if found.problems else " (it is empty)"
        raise SourceError(f"{path}: no case in it{first}; expected {ACCEPTED}")
    return found


def _items(path: Path) -> Iterator[tuple[int, Any]]:
    """Line number and object; a JSON list in one document counts its entries."""
    if path.suffix == ".json":
        try:
            whole = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            whole = None
        if isinstance(whole, Mapping):
            whole = next(
                (whole[k] for k in ("cases", "tests", "examples", "data") if isinstance(whole.get(k), list)), None
            )
        if isinstance(whole, list):
            yield from enumerate(whole, 1)
            return
    yield from records(path)


def _collected(items: Iterable[tuple[int, Any]], name: str) -> Dataset:
    """Every item as a case, a problem, or a repetition: none is passed over."""
    cases: dict[str, Case] = {}
    problems: list[tuple[int, str]] = []
    repeated: list[tuple[int, str]] = []
    for line, item in items:
        explicit = False
        try:
            if isinstance(item, Case):
                case = item
                explicit = True
            elif isinstance(item, Mapping):
                case = case_of(item)
                explicit = item.get("id") not in (None, "")
            elif isinstance(item, str) and not name:
                case = Case(item)
            else:
                problems.append((line, str(item)[:200] if isinstance(item, str) else f"no case but {item!r:.60}"))
                continue
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            problems.append((line, str(error)[:200] or type(error).__name__))
            continue
        known = cases.get(case.id)
        if known is not None and _same(known, case, by_question=not explicit):
            repeated.append((line, case.id))
        elif known is None:
            cases[case.id] = case
        elif explicit:
            problems.append((line, f"the id {case.id[:40]} is that of an earlier case with other content"))
        else:
            # the same question with another reference or other passages: a case of its own, told by its content
            digest = hashlib.sha256(case.content.encode(errors="surrogatepass")).hexdigest()[:6]
            other = f"{case.id}-{digest}"
            if other in cases:
                repeated.append((line, other))
            else:
                cases[other] = case.with_id(other)
    return Dataset(tuple(cases.values()), name, tuple(problems), tuple(repeated))


def _same(one: Case, other: Case, *, by_question: bool) -> bool:
    """Whether two cases of one id ask the same; where the id is that of the question, its spelling does not count."""
    if by_question:
        return one.reference == other.reference and one.passages == other.passages
    return one.content == other.content


def lines(cases: Iterable[Case]) -> str:
    """Cases as JSON lines."""
    return "".join(json.dumps(c.as_json(), ensure_ascii=False, separators=(",", ":")) + "\n" for c in cases)


def added(path: str | Path, cases: Sequence[Case]) -> int:
    """Add cases to a file, which is made where it is not there; how many were new.

    A case whose id is in the file already stays as it is there: people complete references by hand. What the file
    holds is kept byte for byte, and it is replaced as a whole: nobody sees half of it.

    Raises:
        SinkError: it cannot be written, or its name is that of a table or of one JSON document.
        SourceError: what is there is no dataset; it is left alone.
    """
    file = Path(path)
    known = addable(file)
    fresh = [case for case in cases if case.id not in known]
    if fresh or not file.exists():
        before = _content(file) if file.exists() and not is_device(file) else b""
        if before and not before.endswith(b"\n"):
            before += b"\n"
        _replace(file, before + lines(fresh).encode(errors="backslashreplace"))
    return len(fresh)


def addable(path: str | Path) -> frozenset[str]:
    """The ids of the cases in a file that can be added to; none where it is still to be made.

    Raises:
        SinkError, SourceError: see `added`; before hours of work for nothing.
    """
    file = Path(path)
    if file.name.lower().endswith(_NO_LINES):
        raise SinkError(f"{file}: cases are written as JSON lines; name it for instance {file.stem}.jsonl")
    if file.is_dir() or not file.parent.is_dir():
        raise SinkError(f"cannot write {file}: {'it is a folder' if file.is_dir() else 'no such folder'}")
    if not file.exists() or not file.stat().st_size:
        return frozenset()
    there = _read(file)
    if there.problems:
        line, why = there.problems[0]
        raise SourceError(f"{file}: line {line} is no case ({why}); nothing was added")
    return frozenset(c.id for c in there)


def _content(file: Path) -> bytes:
    raw = file.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def _replace(file: Path, content: bytes) -> None:
    if file.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    try:
        replace(file, content)
    except OSError as error:
        raise SinkError(f"cannot write {file}: {error.strerror or error}") from error
