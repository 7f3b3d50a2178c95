"""Compared, patient-specific plans for bone tumours.  Research use only, not a medical device."""

__version__ = "0.1.0"
