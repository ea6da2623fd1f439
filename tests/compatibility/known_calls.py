"""A plug-in of pytest: leaves out the cases whose call this version of the SDK does not have, and says which.

The call is made untraced. Where that fails, there is nothing that could be traced: a parameter, a method or a model of
the answer came with a later version. Of some calls it is written down since when the SDK tells all that is expected.
"""

import asyncio
from importlib.metadata import version

import pytest
from packaging.version import Version

from conformance.cases import Case
from conformance.harness import untraced

SAYS = "calls known: "
_LIMIT_S = 20.0
_left_out: dict[Case, str] = {}
_known: set[Case] = set()


@pytest.hookimpl(trylast=True)  # after -k
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    out = [item for item in items if (case := _case(item)) is not None and not _is_known(case)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    names = [f"{case.name} ({why})" for case, why in _left_out.items()]
    terminalreporter.write_line(f"{SAYS}{len(_known)} of {len(_known) + len(names)}; without {'; '.join(names)}")


def _case(item: pytest.Item) -> Case | None:
    spec = getattr(item, "callspec", None)
    found = None if spec is None else spec.params.get("case")
    return found if isinstance(found, Case) else None


def _is_known(case: Case) -> bool:
    if case not in _known and case not in _left_out:
        if case.since and Version(version(case.provider.distribution)) < Version(case.since):
            _left_out[case] = f"since {case.since}"
            return False
        try:
            error = asyncio.run(asyncio.wait_for(untraced(case, "answer"), _LIMIT_S)).error
        except Exception as caught:  # of the client, when it is made
            error = type(caught)
        if error is None:
            _known.add(case)
        else:
            _left_out[case] = error.__name__
    return case in _known
