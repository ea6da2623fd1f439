"""Libraries that tell their makers what is run are silent in tests, wherever they are imported first."""

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
