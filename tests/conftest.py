"""Libraries that tell their makers what is run, or fetch prices, do neither in tests, whoever imports them first."""

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # DSPy heeds it too
