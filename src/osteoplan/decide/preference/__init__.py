"""What matters to the patient, over what is known of the options left (SMAA).

``smaa`` takes arrays of any problem; ``preference_of`` the candidates of a plan and the patient's answers.
"""

from __future__ import annotations

from osteoplan.decide.preference.patient import preference_of
from osteoplan.decide.preference.smaa import Acceptability, smaa

__all__ = ["Acceptability", "preference_of", "smaa"]
