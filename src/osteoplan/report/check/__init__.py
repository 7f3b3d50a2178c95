"""The page of a case before it is planned."""
