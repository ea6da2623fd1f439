"""Makes docs/report.png: the demo's run, reported, in a headless Chromium.

make demo && make test-browser ARGS=--collect-only && .venv/bin/python docs/report_picture.py groundwire-demo.jsonl
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from groundwire.cli import run


def main(traces: str, chromium: str = "/usr/bin/chromium") -> None:
    """Write the picture beside this file."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = Path(folder) / "report.html"
        if run(["report", traces, "-o", str(report), "--title", "groundwire-demo"]):
            sys.exit(1)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 1300, "height": 880}, device_scale_factor=0.8, color_scheme="light")
        view.goto(report.as_uri())
        view.locator(".row", has_text="diet to help raise hdl levels").click()
        view.evaluate("scrollTo({ top: 0, behavior: 'instant' }); document.activeElement.blur()")
        view.wait_for_timeout(200)
        view.screenshot(path=Path(__file__).with_name("report.png"))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
