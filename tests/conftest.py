"""Libraries that tell their makers what is run, or fetch prices, do neither in tests, whoever imports them first."""

import os
import signal
from contextlib import suppress

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # DSPy heeds it too

# What a shell starts in the background ignores interrupts, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # the environments of single SDKs are without it
    from hypothesis import HealthCheck, settings

    # How fast an example runs is a matter of the machine and of what else it does.
    settings.register_profile("groundwire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("groundwire")
