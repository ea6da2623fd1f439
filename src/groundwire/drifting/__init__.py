"""Two stretches of time of one application: has it drifted? docs/compare.md tells more.

drift(run_of("last week", before), run_of("today", now), floors=["faithfulness:0.8"], fail_on=["drift"]).failed
"""

from groundwire.drifting.ks import ks_p, ks_statistic
from groundwire.drifting.limits import Limit
from groundwire.drifting.psi import Psi, psi
from groundwire.drifting.shift import Shift
from groundwire.drifting.signals import Signal
from groundwire.drifting.windows import Drift, DriftGate, drift

__all__ = ["Drift", "DriftGate", "Limit", "Psi", "Shift", "Signal", "drift", "ks_p", "ks_statistic", "psi"]
