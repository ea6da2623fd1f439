"""Evaluators and providers of packages that somebody else wrote and pip installed: found, used, and told apart."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from custom.wheels import build, install
from groundwire.traces.otlp_json import encode
from stored import request

GOOD = '''
"""Judges by somebody else."""
from dataclasses import dataclass

import groundwire


@dataclass(frozen=True)
class Brevity:
    words: int = 10
    name: str = "brevity"
    version: str = "7"
    threshold: float = 1.0

    def evaluate(self, chain: groundwire.RagChain, /) -> groundwire.Score | groundwire.Skipped:
        value = min(1.0, self.words / max(1, len(chain.answer.split())))
        return groundwire.Score(value, "brief" if value == 1.0 else "long", passed=value == 1.0)


@groundwire.evaluator(labels=("silent", "metric"))
def units(answer: str) -> tuple[bool, str]:
    return "metres" in answer, "looked for metres"


def undecorated(answer: str) -> float:
    return 0.5


@dataclass(frozen=True)
class NeedsSettings:
    words: int
    name: str = "needs_settings"
    version: str = "1"

    def evaluate(self, chain: groundwire.RagChain, /) -> groundwire.Score:
        return groundwire.Score(1.0, "good")


CONSTANT = 42
'''
PAPYRUS = '''
"""A vector store."""
class Scroll:
    name = "dead-sea"

    def find(self, query: str, limit: int = 2) -> list[str]:
        return ["The tower is 330 metres tall."][:limit]
'''
PROVIDER = """
from groundwire.documents import as_documents
from groundwire.model import Operation, Provider, Request, Response

PROVIDER = Provider(
    "papyrus", "papyrus", "papyrus",
    (Operation(
        "retrieval", ("papyrus:Scroll.find",),
        lambda scroll, arguments: Request(query=arguments["query"], data_source=scroll.name),
        lambda found: Response(documents=as_documents(found)),
    ),),
)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four installed packages: one that works, one that is broken, and two that claim the same name."""
    folder = tmp_path_factory.mktemp("wheels")
    evaluators = {
        "brevity": "acme_judges:Brevity",
        "units": "acme_judges:units",
        "halfway": "acme_judges:undecorated",
        "needs_settings": "acme_judges:NeedsSettings",
        "constant": "acme_judges:CONSTANT",
        "contested": "acme_judges:Brevity",
        "faithfulness": "acme_judges:units",
    }
    broken = {"gone": "broken_judges:Gone", "nowhere": "no_such_module:X", "unnamed": "broken_attribute:Missing"}
    wheels = [
        build(folder, "acme-judges", {"acme_judges.py": GOOD}, {"groundwire.evaluators": evaluators}),
        build(
            folder,
            "broken-judges",
            {"broken_judges.py": "import a_library_that_is_missing", "broken_attribute.py": ""},
            {
                "groundwire.evaluators": broken,
                "groundwire.instrumentation": {
                    "broken": "broken_judges:PROVIDER",
                    "aaa_wrong": "broken_attribute:__name__",
                },
            },
        ),
        build(
            folder,
            "other-judges",
            {"other_judges.py": GOOD},
            {"groundwire.evaluators": {"contested": "other_judges:units"}},
        ),
        build(
            folder,
            "groundwire-papyrus",
            {"papyrus.py": PAPYRUS, "groundwire_papyrus.py": PROVIDER},
            {"groundwire.instrumentation": {"papyrus": "groundwire_papyrus:PROVIDER"}},
        ),
    ]
    target = tmp_path_factory.mktemp("site")
    install(target, *wheels)
    return target


@dataclass(frozen=True)
class Program:
    """Runs programs that see the installed packages."""

    site: Path
    folder: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.site), "PYTHONWARNINGS": "error"}
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def json(self, program: str) -> Any:
        return json.loads(self.run("-c", f"import json, groundwire\n{program}"))

    def command(self, *arguments: str, code: int = 0) -> str:
        return self.run("-P", "-c", "from groundwire.cli import main; main()", *arguments, code=code)


@pytest.fixture
def program(site: Path, tmp_path: Path) -> Program:
    (tmp_path / "traces.jsonl").write_text(encode(request()))
    return Program(site, tmp_path)


# --- one that works -------------------------------------------------------------------------------------------------


def test_installed_evaluators_judge_by_their_names(program: Program) -> None:
    found = program.json(
        "scores = groundwire.evaluate(answer='It is 330 metres tall.', evaluators=['brevity', 'units', 'halfway'])\n"
        "print(json.dumps({name: [s.value, s.label, s.explanation, s.passed] for name, s in scores.items()}))"
    )
    assert found == {
        "brevity": [1.0, "brief", "", True],
        "units": [1.0, "metric", "looked for metres", True],
        "halfway": [0.5, "pass", "", True],
    }


def test_what_is_ours_is_not_replaced_by_installing_something(program: Program) -> None:
    found = program.json(
        "from groundwire.plugins import evaluators\n"
        "print(json.dumps([type(e).__module__ for e in evaluators(['brevity', 'faithfulness'])]))"
    )
    assert found == ["acme_judges", "groundwire_evaluators.faithfulness"]


def test_the_command_line_scores_with_an_installed_evaluator(program: Program) -> None:
    program.command("score", "traces.jsonl", "-e", "brevity", "-e", "units", "-o", "scored.jsonl")
    text = (program.folder / "scored.jsonl").read_text()
    assert "gen_ai.evaluation.brevity.score.value" in text
    assert "evaluate units" in text
    failed = program.command("score", "traces.jsonl", "-e", "brevity", "--fail-on", "brevity", code=1)
    assert "--fail-on brevity: 1 answers below" in failed


# --- by module:object -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["acme_judges:Brevity", "acme_judges:units", "acme_judges:undecorated"])
def test_the_command_line_scores_with_what_a_module_holds(program: Program, name: str) -> None:
    summary = json.loads(program.command("score", "traces.jsonl", "-e", name, "--json"))
    assert summary["answers"] == 1
    assert name.partition(":")[2].lower() in json.dumps(summary)


def test_a_module_in_the_folder_that_one_is_in_is_found(program: Program) -> None:
    (program.folder / "judges.py").write_text(
        "import groundwire\n\n@groundwire.evaluator\ndef polite(answer: str) -> bool:\n    return 'please' in answer\n"
    )
    assert '"polite"' in program.command("score", "traces.jsonl", "-e", "judges:polite", "--json")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:x", "no module 'no_such_module'; is it installed, or in the folder you are in?"),
        ("acme_judges.deeper:x", "no module 'acme_judges.deeper'"),
        ("acme_judges:polite", "no 'polite' in acme_judges; evaluators there: units"),
        ("acme_judges:CONSTANT", "has no name, version and evaluate(chain), and is no function: 42"),
        ("acme_judges:NeedsSettings", "cannot be made without settings: TypeError"),
        ("acme_judges:", "write package.module:object"),
        (":units", "write package.module:object"),
        ("acme judges:units", "write package.module:object"),
        ("broken_judges:Gone", "broken_judges needs a_library_that_is_missing, not found"),
    ],
)
def test_a_name_that_leads_nowhere_says_where_it_broke_off(program: Program, name: str, message: str) -> None:
    told = program.command("score", "traces.jsonl", "-e", name, code=2)
    assert f"groundwire score: evaluator '{name}'" in told
    assert message in told
    assert "Traceback" not in told


# --- those that are broken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", "'gone' (broken_judges:Gone of broken-judges 1.2.3) cannot be loaded: ModuleNotFoundError"),
        ("nowhere", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("unnamed", "cannot be loaded: AttributeError"),
        ("constant", "'constant' (acme_judges:CONSTANT of acme-judges 1.2.3) has no name, version and evaluate(chain)"),
        ("needs_settings", "(acme_judges:NeedsSettings of acme-judges 1.2.3) cannot be made without settings"),
        ("contested", "two packages have evaluator 'contested'"),
        ("absent", "unknown evaluator 'absent'; installed: answer_relevance"),
    ],
)
def test_a_broken_one_is_told_by_its_package(program: Program, name: str, message: str) -> None:
    told = program.command("score", "traces.jsonl", "-e", name, code=2)
    assert message in told
    assert "Traceback" not in told


def test_broken_ones_harm_nobody_else(program: Program) -> None:
    found = program.json(
        "from groundwire.plugins import evaluator_names, provider_names\n"
        "assert {'gone', 'nowhere', 'brevity'} <= set(evaluator_names())\n"
        "assert {'broken', 'openai'} <= set(provider_names())\n"
        "scores = groundwire.evaluate(question='How tall?', passages=['330 metres'], answer='It is 330 metres tall.')\n"
        "print(json.dumps(sorted(scores)))"
    )
    assert found == ["answer_relevance", "context_relevance", "faithfulness"]


def test_the_doctor_names_those_that_are_broken(program: Program) -> None:
    said = program.run("-c", "import sys; from groundwire.cli import run; run(['doctor', '--json']); sys.exit(0)")
    problems = "\n".join(json.loads(said)["problems"])
    assert "evaluator gone cannot be loaded" in problems
    assert "provider broken cannot be loaded" in problems
    assert "brevity" not in problems


# --- a provider -----------------------------------------------------------------------------------------------------


def test_an_installed_provider_is_traced_beside_one_that_is_broken(program: Program) -> None:
    found = program.json(
        "import papyrus\n"
        "groundwire.instrument(export='live.jsonl', evaluators=['brevity'])\n"
        "papyrus.Scroll().find('How tall?')\n"
        "groundwire.shutdown()\n"
        "print(json.dumps(open('live.jsonl').read()))"
    )
    assert "retrieval dead-sea" in found
    assert "330 metres" in found
