"""OpenLLMetry before its messages were those of the conventions: `gen_ai.prompt.0.content`. The same application."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).with_name("openllmetry.py")), run_name="__main__")
