"""A real headless Chromium, driven by Playwright: installed by the system, never downloaded by us."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from groundwire.comparing import Comparison
from groundwire.model import SpanRecord
from groundwire.report import page
from reported import listed

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Where one is; None where there is none."""
    names = (os.environ.get("GROUNDWIRE_CHROMIUM", ""), *_NAMES)
    return next((found for name in names if name and (found := shutil.which(name))), None)


@dataclass
class Opened:
    """A report in the browser, and everything that it did."""

    page: Any
    trouble: list[str] = field(default_factory=list[str])
    """Messages on the console, uncaught errors, dialogs."""
    requests: list[str] = field(default_factory=list[str])
    """Whatever it asked for beside itself."""

    def rows(self) -> list[str]:
        """Questions in the list, as shown."""
        return list(self.page.locator(".row .question").all_inner_texts())


Open = Callable[..., Opened]


@pytest.fixture(scope="module")  # longer, and Playwright's event loop would stand in the way of asynchronous tests
def browser() -> Iterator[Any]:
    """One browser for the tests of a file. A machine without one skips, unless GROUNDWIRE_REQUIRE_BROWSER is set."""
    path = chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        if os.environ.get("GROUNDWIRE_REQUIRE_BROWSER"):
            pytest.fail("no Chromium, or no playwright: make test-browser installs both")
        pytest.skip("no Chromium, or no playwright: make test-browser installs both")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of some spans; afterwards nothing may have been asked for, and nothing complained."""
    shown: list[Opened] = []

    def _open(
        spans: Sequence[SpanRecord],
        *,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
        comparison: Comparison | None = None,
        fragment: str = "",
        **options: Any,
    ) -> Opened:
        path = tmp_path / f"report-{len(shown)}.html"
        path.write_text(page(listed(spans), comparison=comparison, **options), encoding="utf-8")
        view = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
        opened = Opened(view)
        view.on("console", lambda message: opened.trouble.append(f"{message.type}: {message.text}"))
        view.on("pageerror", lambda error: opened.trouble.append(f"error: {error}"))
        view.on("dialog", lambda dialog: (opened.trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        view.on("request", lambda request: opened.requests.append(request.url))
        view.goto(path.as_uri() + fragment)
        view.wait_for_selector("#figures h2", state="attached")
        shown.append(opened)
        return opened

    yield _open
    for opened in shown:
        opened.page.wait_for_timeout(30)
        own = opened.page.url.partition("#")[0]
        assert opened.trouble == []
        assert [u for u in opened.requests if u.partition("#")[0] != own and not u.startswith("data:")] == []
        opened.page.close()
