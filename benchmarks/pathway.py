"""How long the clinical brain takes: loading all knowledge, and the pathway on sparse and on rich facts.

    python benchmarks/pathway.py

Loading is measured in a fresh process with the parsed content kept on disk from an earlier run; imports are
told apart from it.  The pathway is the median of many runs in one warm process: scores, rules, questions,
standings, near thresholds and survival.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LOAD = """
import time
t0 = time.perf_counter()
import osteoplan.workflow.explain
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.evidence import evidence
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import uses, vocabulary
from osteoplan.knowledge.load import version
t1 = time.perf_counter()
for load in (version, vocabulary, uses, citations, rules, score_tables, technique_cards, evidence, devices):
    load()
print(t1 - t0, time.perf_counter() - t1)
"""
PATIENTS = {
    "nothing known": {},
    "a region": {"region": "spine"},
    "the demo persona": {
        "region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_nrs": 7, "pain_type": "mech",
        "bilsky": "0", "fx": "impending", "analgesia_failed": True, "primary": "breast", "solitary": False,
        "suspected_primary_bone_tumour": False, "ecog": 1, "rs": "moderate", "le_weeks": 60,
        "infection": False, "cement_allergy": False, "pacemaker": False, "pregnant": False,
        "new_neuro_deficit": False, "rt_failed": False, "rt_contraindicated": False, "inr": 1.1, "plt": 210,
        "intent": "palliative", "collapse_pct": 0, "body_involved_pct": 24, "age": 63,
    },
    "a femur": {"region": "prox_femur", "matrix": "lytic", "axial_mm": 31, "fit_for_surgery": False},
}  # fmt: skip
RUNS = 30


def main() -> None:
    """Print what was measured, in milliseconds."""
    for attempt in ("first (may parse)", "second (kept)", "third (kept)"):
        out = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True).stdout
        imports, load = (1000 * float(part) for part in out.split())
        print(f"loading all knowledge, {attempt}: {load:.0f} ms after {imports:.0f} ms of imports")
    from osteoplan.pathway.facts import Facts
    from osteoplan.workflow.explain import explain_facts

    for name, facts in PATIENTS.items():
        explain_facts(Facts(facts))
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            explain_facts(Facts(facts))
            times.append(1000 * (time.perf_counter() - start))
        print(f"pathway, {name}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms")


if __name__ == "__main__":
    main()
