"""The clinical brain answers while a person types.

Processor time, best of many runs: what else the machine does proves nothing.  ``benchmarks/pathway.py`` has
the wall clock of a quiet one.
"""

import subprocess
import sys
import time

import pytest

from osteoplan.pathway.facts import Facts
from osteoplan.workflow.explain import explain_facts

PATIENTS = (
    {},
    {"region": "spine"},
    {"region": "prox_femur", "matrix": "lytic", "axial_mm": 31, "fit_for_surgery": False},
    {"region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_type": "mech", "bilsky": "0",
     "fx": "impending", "collapse_pct": 20, "ecog": 1, "le_weeks": 60, "inr": 1.1, "plt": 60,
     "antithrombotics": ["apixaban"]},
)  # fmt: skip
LOAD = """
import time
import osteoplan.workflow.explain
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.evidence import evidence
from osteoplan.knowledge.load import version
from osteoplan.knowledge.refs import citations
from osteoplan.knowledge.rules import rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import vocabulary
start = time.process_time()
for load in (version, vocabulary, citations, rules, score_tables, technique_cards, evidence, devices):
    load()
print(time.process_time() - start)
"""


@pytest.mark.parametrize("facts", PATIENTS, ids=["nothing", "a region", "a femur", "a spine"])
def test_the_whole_pathway_takes_less_than_half_a_second(facts: dict[str, object]) -> None:
    def once() -> float:
        start = time.process_time()
        explain_facts(Facts(facts))
        return time.process_time() - start

    assert min(once() for _ in range(3)) < 0.5  # every answer to every question is tried


def test_all_knowledge_is_loaded_in_less_than_150_ms_once_it_was_parsed() -> None:
    def once() -> float:
        found = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)
        return float(found.stdout)

    assert min(once() for _ in range(4)) < 0.150
