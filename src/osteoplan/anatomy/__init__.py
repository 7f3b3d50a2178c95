"""CT to density, bones, structures to avoid, bone frames and lesion measurements."""
