"""Numbers as they are printed."""

import pytest

from osteoplan.units import told_apart


@pytest.mark.parametrize(
    ("value", "bound", "said"),
    [
        (1.96, 2.0, ("1.96", "2.00")),
        (1.2, 2.0, ("1.2", "2.0")),
        (1.99996, 2.0, ("1.99996", "2.00000")),
        (2.0, 2.0, ("2.0", "2.0")),
    ],
)
def test_a_number_and_its_limit_never_read_the_same_where_they_differ(value, bound, said):
    assert told_apart(value, bound) == said


def test_whole_degrees_are_enough_where_they_differ():
    assert told_apart(61.2, 45.0, 0) == ("61", "45")
    assert told_apart(45.3, 45.0, 0) == ("45.3", "45.0")
