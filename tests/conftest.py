"""Libraries that tell their makers what is run, or fetch prices, do neither in tests, whoever imports them first."""

import os
from contextlib import suppress

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # DSPy heeds it too

with suppress(ImportError):  # the environments of single SDKs are without it
    from hypothesis import HealthCheck, settings

    # How fast an example runs is a matter of the machine and of what else it does.
    settings.register_profile("groundwire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("groundwire")
