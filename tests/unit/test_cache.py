import datetime
import math
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest

from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume
from osteoplan.workflow.cache import Cache
from tests.unit.test_volume import affine


@pytest.fixture
def result():
    draws = np.linspace(1.0, 2.0, 20)
    outcome = Estimate.from_draws(
        "strength_N", "compression", value=1.5, draws=draws, unit="N", because=("Kinzl",)
    )
    published = Estimate("pain", "pain", 60.0, None, None, "%", "published")
    volume = Volume(np.arange(30.0).reshape(2, 3, 5), affine(flip=(-1, 1, 1)), "strain", "f")
    crops = tuple(volume.crop((0, 1, 1), (2, 3, 4)).with_array(np.full((2, 2, 3), k)) for k in (0.25, 0.5))
    fields = (Field("effective_strain", volume, "1"), Field("cement_fraction", volume, "1", "b", crops))
    return Simulated((outcome, published), fields, {"iterations": 20}, ("w",))


def test_a_kept_result_comes_back_bit_for_bit(tmp_path, result):
    cache = Cache(tmp_path / "results")
    assert cache.load("a") is None
    cache.store("a", result)
    back = cache.load("a")
    assert np.array_equal(back.outcomes[0].draws, result.outcomes[0].draws)
    assert back.outcomes[0].because == ("Kinzl",)
    assert back.outcomes[1].draws is None
    assert back.outcomes[1].low is None
    assert np.array_equal(back.fields[0].volume.array, result.fields[0].volume.array)
    assert back.fields[0].volume.same_grid(result.fields[0].volume)
    assert back.fields[0].samples == ()
    for one, kept in zip(result.fields[1].samples, back.fields[1].samples, strict=True):
        assert np.array_equal(one.array, kept.array)
        assert one.same_grid(kept)
    assert back.diagnostics == {"iterations": 20}
    assert back.warnings == ("w",)


def test_a_damaged_entry_is_no_entry_and_is_removed(tmp_path, result):
    cache = Cache(tmp_path)
    cache.store("a", result)
    path = tmp_path / "a.npz"
    path.write_bytes(path.read_bytes()[:200])
    assert cache.load("a") is None
    assert not path.exists()


def test_no_half_written_entry_is_left(tmp_path, result):
    Cache(tmp_path).store("a", result)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


@dataclass(frozen=True)
class Stranger:
    """A class that is none of the package's."""

    x: int


def test_what_is_kept_comes_back_as_it_was(tmp_path):
    order = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    noun = {
        "mask": np.arange(105).reshape(3, 5, 7) % 3 == 0, "order": order, 1: (True, None, -0.0, 1e-300),
        "set": frozenset({"b", "a"}), "day": datetime.date(2026, 3, 1), "one": np.float32(0.1),
        "list": [[], ()],
    }  # fmt: skip
    back = Cache(tmp_path).once(lambda: noun, "x")
    assert np.array_equal(back["mask"], noun["mask"])
    assert back["mask"].dtype == bool
    assert back["order"].flags.f_contiguous
    assert np.array_equal(back["order"], order)
    assert {k: v for k, v in back.items() if k not in ("mask", "order")} == {
        k: v for k, v in noun.items() if k not in ("mask", "order")
    }
    assert math.copysign(1.0, back[1][2]) == -1.0
    assert type(back["one"]) is np.float32


def test_once_makes_once_and_again_for_other_parts(tmp_path):
    made = []

    def make():
        made.append(1)
        return len(made)

    cache = Cache(tmp_path)
    assert [cache.once(make, "a"), cache.once(make, "a"), cache.once(make, "b")] == [1, 1, 2]


def test_nothing_but_plain_values_and_nouns_of_the_package_is_kept_or_read(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(TypeError, match="Stranger cannot be kept"):
        cache.store("a", Stranger(1))
    cache.store("b", "x")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as file:
        file.writestr("document.json", '["noun", "os", "PathLike", [], []]')
    assert cache.load("b") is None


def test_an_entry_of_a_noun_with_other_fields_is_made_again(tmp_path, result):
    cache = Cache(tmp_path)
    cache.store("a", result)
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    entries["document.json"] = entries["document.json"].replace(b'"diagnostics"', b'"diagnosis"')
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)
    assert cache.load("a") is None
