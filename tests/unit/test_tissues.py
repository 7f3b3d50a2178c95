"""What tissues are to heat: the volumetric numbers that the reference worked out, and ranges around them."""

from __future__ import annotations

import pytest

from osteoplan.errors import UnknownName
from osteoplan.knowledge.tissues import heat_tissue, heat_tissues


@pytest.mark.parametrize(
    ("tissue", "perfusion_W_m3K"),
    [("cortical", 1208), ("cancellous", 2238), ("red_marrow", 8789), ("yellow_marrow", 1861),
     ("muscle", 2536), ("fat", 1886), ("skin", 7468), ("cord", 10910), ("csf", 0)],
)  # fmt: skip
def test_perfusion_is_what_the_table_says(tissue: str, perfusion_W_m3K: float) -> None:
    assert heat_tissue(tissue).perfusion_W_m3K == pytest.approx(perfusion_W_m3K, rel=0.005)


def test_every_value_lies_in_its_range_and_is_told_apart_from_none() -> None:
    for tissue in heat_tissues().values():
        assert tissue.volumetric_J_m3K > 1e6
        for known in tissue.values.values():
            low, high = known.range if known.low is not None else (known.number, known.number)
            assert low <= known.number <= high
    with pytest.raises(UnknownName, match="cortical"):
        heat_tissue("cortica")
