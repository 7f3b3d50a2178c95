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
