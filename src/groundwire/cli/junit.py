"""Gates as JUnit XML, which every CI server reads: a gate is a test case, one that is not decided an error."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from groundwire.errors import ConfigurationError, SinkError
from groundwire.terminal import inert

CaseOutcome: TypeAlias = Literal["passed", "failed", "unknown"]
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, even as references (section 2.2)."""


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a CI report."""

    name: str
    outcome: CaseOutcome
    told: str = ""
    """Why it failed, or figures."""


def checked_junit(path: Path | None) -> None:
    """Raise before hours of work for a place where no file can be.

    Raises:
        ConfigurationError: there is no such folder.
    """
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ConfigurationError(f"--junit: cannot write {path}, there is no such folder")


def write_junit(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the file, replacing what was there.

    Raises:
        SinkError: it cannot be written.
    """
    counts = {"failures": _count(cases, "failed"), "errors": _count(cases, "unknown")}
    totals = {"tests": str(len(cases)), **{name: str(n) for name, n in counts.items()}}
    root = ElementTree.Element("testsuites", totals)
    inner = ElementTree.SubElement(root, "testsuite", {"name": suite, **totals, "skipped": "0"})
    for case in cases:
        element = ElementTree.SubElement(inner, "testcase", {"classname": suite, "name": _clean(case.name)})
        told = _clean(case.told)
        if case.outcome == "passed":
            if told:
                ElementTree.SubElement(element, "system-out").text = told
        else:
            kind = "failure" if case.outcome == "failed" else "error"
            ElementTree.SubElement(element, kind, {"message": told}).text = told
    ElementTree.indent(root)
    try:
        path.write_bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True) + b"\n")
    except OSError as error:
        raise SinkError(f"cannot write {path} ({error.strerror or error})") from error


def _count(cases: Sequence[Case], outcome: CaseOutcome) -> int:
    return sum(case.outcome == outcome for case in cases)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", inert(text))
