"""Random bodies with random supports that are well posed, and what a direct factorisation says of them.

Every body is one piece (by faces) of bricks with edges of one of three ratios, whole or with holes, even or
with moduli that differ by up to 1e5.  Supports lie on its surface as it is seen along an axis, so that none
hangs in a void, or inside it.  Well posed means: the rows of the rigid motions on what is held, with levers
over the reach of the body, have a least singular value of ``MARGIN`` or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse.linalg import splu

import osteoplan
from osteoplan.kernels.reference import assembled, plain_nodes

SPACINGS = ((1.0, 1.0, 1.0), (0.7, 0.7, 2.5), (1.0, 0.5, 2.0))  # [mm], along axes in any order
MARGIN = 0.1
TITANIUM, CORTEX, CANCELLOUS, MARROW = 110000.0, 12000.0, 300.0, 1.0  # [MPa]


@dataclass(frozen=True, eq=False)
class Made:
    """A body, one way to hold it, and the ways to load it.

    Attributes:
        name: kind of support, kind of moduli, kind of voids, voxels, spacing, seed.
        moduli: (ni, nj, nk) [MPa]; spacing: [mm].
        loads: (held, force) pairs, (ni + 1, nj + 1, nk + 1, 3) [mm], NaN where free, and [N] or None; the
            same corners are held in all.
    """

    name: str
    kind: str
    seed: int
    moduli: np.ndarray
    spacing: tuple[float, float, float]
    poisson: float
    loads: tuple[tuple[np.ndarray, np.ndarray | None], ...]

    @property
    def held(self) -> np.ndarray:
        return self.loads[0][0]

    @property
    def force(self) -> np.ndarray | None:
        return self.loads[0][1]

    @property
    def whole_faces(self) -> np.ndarray:
        """The same body bonded on both whole faces across its longest axis: the steps to compare with."""
        held = np.full((*(n + 1 for n in self.moduli.shape), 3), np.nan)
        axis = int(np.argmax(np.array(self.moduli.shape) * self.spacing))
        solid = np.flatnonzero(self.moduli.any(axis=tuple(a for a in range(3) if a != axis)))
        along = np.moveaxis(held, axis, 0)
        along[solid[0]] = 0.0
        along[solid[-1] + 1] = -0.01 * np.eye(3)[axis]
        return held


def supports(
    count: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = (5, 12),
    kinds: Sequence[str] = (),
    moduli: Sequence[str] = (),
    voids: Sequence[str] = (),
) -> Iterator[Made]:
    """``count`` of them; number n has the seed 1000 seed + n, and kinds take turns.

    Args:
        size: least and most voxels along an edge.
        kinds, moduli, voids: which of ``KINDS``, ``MODULI`` and ``VOIDS``; all where empty.
    """
    names = kinds or tuple(KINDS)
    for n in range(count):
        yield made(names[n % len(names)], seed=1000 * seed + n, size=size, moduli=moduli, voids=voids)


def made(
    kind: str, *, seed: int, size: tuple[int, int] = (5, 12), moduli: Sequence[str] = (),
    voids: Sequence[str] = (), margin: float = MARGIN,
) -> Made:  # fmt: skip
    """One of a kind."""
    rng = np.random.default_rng([seed, *kind.encode()])
    for _ in range(1000):
        shape = tuple(int(n) for n in rng.integers(size[0], size[1] + 1, 3))
        spacing = tuple(float(h) for h in rng.permutation(SPACINGS[rng.integers(len(SPACINGS))]))
        stiff, hollow = str(rng.choice(moduli or list(MODULI))), str(rng.choice(voids or list(VOIDS)))
        E = np.where(_largest(VOIDS[hollow](rng, shape)), MODULI[stiff](rng, shape), 0.0)
        machine = _Machine(rng, E, np.array(spacing))
        KINDS[kind](machine)
        if machine.least_stopped() < margin or not machine.something_to_do():
            continue
        loads = machine.loads(3 if rng.random() < 0.2 else 1)
        poisson = float(rng.choice([0.0, 0.3, 0.3, 0.45]))
        told = "x".join(map(str, shape)), "x".join(f"{h:g}" for h in spacing)
        name = f"{kind}; {stiff}, {hollow}; {told[0]} of {told[1]} mm; nu {poisson:g}; seed {seed}"
        return Made(name, kind, seed, E, spacing, poisson, loads)
    raise RuntimeError(f"no well-posed support of the kind {kind} with seed {seed}")


def least_stopped(solid: np.ndarray, spacing: np.ndarray, held: np.ndarray) -> float:
    """Least singular value of (t, w) -> what is held; levers from the middle of the body, over its reach."""
    nodes, _ = plain_nodes(solid)
    middle = (nodes * spacing).mean(axis=0)
    reach = np.linalg.norm(nodes * spacing - middle, axis=1).max()
    fixed = ~np.isnan(held[tuple(nodes.T)])
    which, component = np.nonzero(fixed)
    arms, unit = (nodes[which] * spacing - middle) / reach, np.eye(3)[component]
    rows = np.concatenate([unit, np.cross(arms, unit)], axis=1)
    return float(np.linalg.svd(rows, compute_uv=False)[-1]) if len(rows) >= 6 else 0.0


class Direct:
    """The stiffness of one body and support, factorised (SuperLU) for its loads."""

    def __init__(self, case: Made) -> None:
        self.nodes, _ = plain_nodes(case.moduli > 0)
        self.K = assembled(case.moduli, case.spacing, case.poisson)
        self.free = np.isnan(case.held[tuple(self.nodes.T)]).ravel()
        self.own = self.K[self.free][:, self.free].tocsc()
        self.factors = splu(
            self.own, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def displacement(self, held: np.ndarray, force: np.ndarray | None) -> np.ndarray:
        """(n_nodes, 3) [mm], the nodes as ``plain_nodes`` numbers them."""
        at = tuple(self.nodes.T)
        u = np.where(self.free, 0.0, np.nan_to_num(held[at]).ravel())
        f = np.zeros(len(u)) if force is None else force[at].ravel()
        rest = (f - self.K @ u)[self.free]
        part = self.factors.solve(rest)
        for _ in range(2):  # refined: what is factorised has a contrast of 1e5
            part += self.factors.solve(rest - self.own @ part)
        u[self.free] = part
        return u.reshape(-1, 3)

    def deviation(self, found: osteoplan.VoxelSolution, held: np.ndarray, force: np.ndarray | None) -> float:
        """Largest difference of a displacement over the largest displacement."""
        exact = self.displacement(held, force)
        off = np.abs(found.displacement_mm[tuple(self.nodes.T)] - exact).max()
        return float(off / max(np.abs(exact).max(), 1e-300))


class _Machine:
    """Holds a body: what is held (NaN where free), what is moved, what is pulled."""

    def __init__(self, rng: np.random.Generator, moduli: np.ndarray, spacing: np.ndarray) -> None:
        self.rng, self.moduli, self.spacing = rng, moduli, spacing
        self.nodes, _ = plain_nodes(moduli > 0)
        self.lattice = tuple(n + 1 for n in moduli.shape)
        self.used = np.zeros(self.lattice, dtype=bool)
        self.used[tuple(self.nodes.T)] = True
        self.held = np.full((*self.lattice, 3), np.nan)
        self.pulled = np.zeros((*self.lattice, 3))
        self.moving = False

    # what is held or moved

    def hold(self, nodes: np.ndarray, components: tuple[int, ...] | int = (0, 1, 2)) -> None:
        for c in np.atleast_1d(components):
            self.held[(*nodes.T, c)] = 0.0

    def move(self, nodes: np.ndarray, components: tuple[int, ...] | int = (0, 1, 2)) -> None:
        self.moving = True
        for c in np.atleast_1d(components):
            self.held[(*nodes.T, c)] = self.rng.choice([-1.0, 1.0]) * self.rng.uniform(0.2, 1.0) * 0.1

    def pull(self, nodes: np.ndarray) -> None:
        """A force of the size that strains the middling voxel by about 1 %."""
        scale = 0.01 * np.median(self.moduli[self.moduli > 0]) * self.spacing.prod() ** (2 / 3)
        self.pulled[tuple(nodes.T)] += scale * self.rng.standard_normal(3)

    # where

    def surface(self, axis: int, side: int) -> np.ndarray:
        """(n, 3) nodes that are seen along an axis from its lower (0) or upper (1) end."""
        used = np.moveaxis(self.used, axis, 0)
        used = used[::-1] if side else used
        a, b = np.nonzero(used.any(axis=0))
        depth = used.argmax(axis=0)[a, b]
        depth = self.lattice[axis] - 1 - depth if side else depth
        return np.insert(np.stack([a, b], axis=1), axis, depth, axis=1)

    def face(self, axis: int, side: int) -> np.ndarray:
        """(n, 3) nodes of the outermost plane of the body."""
        seen = self.surface(axis, side)
        end = seen[:, axis].max() if side else seen[:, axis].min()
        return seen[seen[:, axis] == end]

    def patch(self, axis: int, side: int, least: int = 3) -> np.ndarray:
        """Of the surface: a rectangle of ``least`` nodes to half the body along each edge."""
        seen = self.surface(axis, side)
        keep = np.ones(len(seen), dtype=bool)
        for a in (a for a in range(3) if a != axis):
            n = self.lattice[a]
            wide = self.rng.integers(min(least, n), max(least, n // 2) + 1)
            low = self.rng.integers(0, max(n - wide, 0) + 1)
            keep &= (seen[:, a] >= low) & (seen[:, a] < low + wide)
        return seen[keep]

    def line(self, axis: int, side: int, along: int, share: float) -> np.ndarray:
        """Of the surface: a line of nodes, at a share of the width between its edges."""
        seen = self.surface(axis, side)
        across = 3 - axis - along
        values = np.unique(seen[:, across])
        return seen[seen[:, across] == values[round(share * (len(values) - 1))]]

    def pins(self, count: int, *, inside: bool = False) -> np.ndarray:
        """Single nodes, of the surface seen along any axis, or anywhere."""
        if inside:
            return self.rng.permutation(self.nodes)[:count]
        seen = np.concatenate([self.surface(axis, side) for axis in range(3) for side in (0, 1)])
        return self.rng.permutation(np.unique(seen, axis=0))[:count]

    def ways(self) -> tuple[int, int, int]:
        a, b, c = (int(axis) for axis in self.rng.permutation(3))
        return a, b, c

    def side(self) -> int:
        return int(self.rng.integers(2))

    # what comes of it

    def least_stopped(self) -> float:
        return least_stopped(self.moduli > 0, self.spacing, self.held)

    def something_to_do(self) -> bool:
        """Something moves or pulls, and enough is free."""
        free = np.isnan(self.held[self.used])
        return (self.moving or bool(self.pulled[self.used][free].any())) and free.mean() > 0.2

    def loads(self, count: int) -> tuple[tuple[np.ndarray, np.ndarray | None], ...]:
        """The first as it was asked for; others move and pull the same nodes otherwise."""
        force = self.pulled if self.pulled.any() else None
        found: list[tuple[np.ndarray, np.ndarray | None]] = [(self.held, force)]
        for _ in range(count - 1):
            held = self.held * self.rng.normal(size=(1, 1, 1, 3))
            held = np.where(np.isnan(held), np.nan, held + 0.01 * self.rng.normal(size=3))
            found.append((held, None if force is None else force * self.rng.normal(size=(1, 1, 1, 3))))
        return tuple(found)


def _clamped_patches(machine: _Machine) -> None:
    (a, b, _), side = machine.ways(), machine.side()
    machine.hold(machine.patch(a, side))
    other = a if machine.rng.random() < 0.5 else b
    machine.move(machine.patch(other, 1 - side))


def _pad(machine: _Machine) -> None:
    """A clamp, and a pad whose nodes are moved across the surface and slide along it."""
    (a, b, _), side = machine.ways(), machine.side()
    machine.hold(machine.patch(a, side))
    other = a if machine.rng.random() < 0.5 else b
    machine.move(machine.patch(other, 1 - side), other)


def _pads(machine: _Machine) -> None:
    """As a femur falls on its side: rollers below, pads on two sides."""
    (a, b, c), side = machine.ways(), machine.side()
    machine.hold(machine.patch(a, side), (a, c))
    machine.hold(machine.patch(b, 0), b)
    machine.move(machine.patch(b, 1), b)


def _pins_321(machine: _Machine) -> None:
    """Three single nodes that hold 3, 2 and 1 components, and forces on others."""
    (a, b, c), pins = machine.ways(), machine.pins(6)
    machine.hold(pins[:1])
    machine.hold(pins[1:2], (b, c))
    machine.hold(pins[2:3], a)
    for at in pins[3:]:
        machine.pull(at[None])


def _pins(machine: _Machine) -> None:
    """Some single nodes, some components; one of them moves."""
    pins = machine.pins(int(machine.rng.integers(4, 10)))
    for at in pins:
        many = machine.rng.integers(1, 4)
        machine.hold(at[None], tuple(machine.rng.permutation(3)[:many]))
    machine.move(pins[:1], int(machine.rng.integers(3)))
    machine.pull(machine.pins(1))


def _lines(machine: _Machine) -> None:
    """Bending on three lines, and pins for what they leave."""
    (a, b, c), side, rng = machine.ways(), machine.side(), machine.rng
    machine.hold(machine.line(a, side, b, 0.0), a)
    machine.hold(machine.line(a, side, b, 1.0), a)
    machine.move(machine.line(a, 1 - side, b, rng.uniform(0.3, 0.7)), a)
    pins = machine.pins(2)
    machine.hold(pins[:1], (b, c))
    machine.hold(pins[1:], int(rng.choice([b, c])))


def _edge(machine: _Machine) -> None:
    """A hinge: a whole edge held, and a pad or a pin against the turn."""
    (a, b, _), side = machine.ways(), machine.side()
    machine.hold(machine.line(a, side, b, float(machine.side())))
    if machine.side():
        machine.move(machine.patch(a, 1 - side), a)
    else:
        machine.hold(machine.pins(1), a)
        machine.pull(machine.pins(1))


def _symmetry(machine: _Machine) -> None:
    """Three planes of symmetry, one part moved or pulled."""
    a, _, _ = machine.ways()
    for axis in range(3):
        machine.hold(machine.face(axis, 0), axis)
    if machine.side():
        machine.move(machine.patch(a, 1), a)
    else:
        machine.pull(machine.patch(a, 1, least=1))


def _faces(machine: _Machine) -> None:
    """Whole faces that slide, and three components on corners."""
    a, b, c = machine.ways()
    low = machine.face(a, 0)
    machine.hold(low, a)
    machine.move(machine.face(a, 1), a)
    machine.hold(low[:1], (b, c))
    machine.hold(low[-1:], b)


def _forces(machine: _Machine) -> None:
    """A clamp, and forces on single nodes or on a patch."""
    (a, b, _), side = machine.ways(), machine.side()
    machine.hold(machine.face(a, side) if machine.side() else machine.patch(a, side))
    machine.pull(machine.patch(b, machine.side(), least=1))
    machine.pull(machine.pins(1))


def _mixed(machine: _Machine) -> None:
    """Patches, lines and pins, each with components of its own, until nothing can move."""
    rng = machine.rng
    for _ in range(12):
        (a, b, _), side = machine.ways(), machine.side()
        where: Callable[[], np.ndarray] = (
            lambda a=a, side=side: machine.patch(a, side, least=1),
            lambda a=a, b=b, side=side: machine.line(a, side, b, rng.random()),
            lambda: machine.pins(1),
            lambda: machine.pins(3, inside=True),
        )[rng.integers(4)]
        do = machine.hold if rng.random() < 0.7 else machine.move
        do(where(), tuple(rng.permutation(3)[: rng.integers(1, 4)]))
        if machine.least_stopped() >= MARGIN:
            break
    machine.pull(machine.pins(1))


def _inside(machine: _Machine) -> None:
    """Nodes inside the body are held: a ball of them, or some here and there; a patch moves."""
    (a, _, _), side, rng = machine.ways(), machine.side(), machine.rng
    if machine.side():
        centre = rng.permutation(machine.nodes)[0]
        near = np.linalg.norm((machine.nodes - centre) * machine.spacing, axis=1)
        reach = machine.spacing.max() * rng.uniform(1.0, 2.0)
        machine.hold(machine.nodes[near <= reach])
    else:
        machine.hold(machine.pins(8, inside=True), tuple(rng.permutation(3)[: rng.integers(1, 4)]))
    machine.move(machine.patch(a, side), a)


KINDS: dict[str, Callable[[_Machine], None]] = {
    "clamped patches": _clamped_patches,
    "clamp and pad": _pad,
    "rollers and pads": _pads,
    "pins 3-2-1": _pins_321,
    "pins": _pins,
    "three lines": _lines,
    "edge": _edge,
    "symmetry": _symmetry,
    "sliding faces": _faces,
    "forces": _forces,
    "mixed": _mixed,
    "inside": _inside,
}


def _largest(solid: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(solid)
    return labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))


def _places(shape: tuple[int, ...]) -> np.ndarray:
    """(3, ni, nj, nk) from -1 to 1 along each edge of the box, at the centres of voxels."""
    lines = [(2.0 * np.arange(n) + 1.0) / n - 1.0 for n in shape]
    return np.stack(np.meshgrid(*lines, indexing="ij"))


def _ball(rng: np.random.Generator, shape: tuple[int, ...], radius: float) -> np.ndarray:
    centre = rng.uniform(-0.5, 0.5, 3)
    found: np.ndarray = np.linalg.norm(_places(shape) - centre[:, None, None, None], axis=0) < radius
    return found


def _rod(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Voxels near an oblique line, from side to side."""
    a, b = rng.uniform(-0.7, 0.7, 3), rng.uniform(-0.7, 0.7, 3)
    axis = int(rng.integers(3))
    a[axis], b[axis] = -1.0, 1.0
    along, x = (b - a) / np.linalg.norm(b - a), np.moveaxis(_places(shape), 0, -1) - a
    return np.linalg.norm(np.cross(x, along), axis=-1) < 0.25


def _even(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, 1000.0)


def _cancellous(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return CANCELLOUS * np.exp(rng.normal(0.0, 0.5, shape))


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Every voxel by itself, over five decades."""
    return 10.0 ** rng.uniform(0.0, 5.0, shape)


def _shell(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    E = np.full(shape, CORTEX)
    E[1:-1, 1:-1, 1:-1] = _cancellous(rng, tuple(n - 2 for n in shape))
    return E


def _marrow_in_shell(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    E = np.full(shape, CORTEX)
    E[1:-1, 1:-1, 1:-1] = MARROW
    return E


def _layers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Stiff and soft by turns across one axis; in some the contrast is 1e5."""
    axis = int(rng.integers(3))
    line = np.where(np.cumsum(rng.random(shape[axis]) < 0.4) % 2, MARROW, 10.0 ** rng.uniform(2.0, 5.0))
    return np.ones(shape) * np.expand_dims(line, tuple(a for a in range(3) if a != axis))


def _metal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An oblique rod of titanium in marrow."""
    return np.where(_rod(rng, shape), TITANIUM, MARROW)


def _cement(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Balls of cement in a soft lesion in bone."""
    E = _cancellous(rng, shape)
    E[_ball(rng, shape, 0.8)] = MARROW
    for _ in range(3):
        E[_ball(rng, shape, 0.3)] = 2300.0
    return E


def _islands(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Blobs of metal in marrow, touching or not."""
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 1.0)
    return np.where(smooth > np.quantile(smooth, 0.7), TITANIUM, MARROW)


def _solid(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape, dtype=bool)


def _holes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.random(shape) > rng.uniform(0.02, 0.3)


def _cavity(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return ~_ball(rng, shape, rng.uniform(0.2, 0.5))


def _drilled(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return ~(_rod(rng, shape) | _rod(rng, shape))


def _round(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An elliptic cylinder."""
    x = _places(shape)
    return x[0] ** 2 + x[1] ** 2 < 1.0


def _sponge(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Half full, in walls and struts about two voxels thick."""
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 1.0)
    return smooth > np.quantile(smooth, 0.5)


_Field = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
MODULI: dict[str, _Field] = {
    "even": _even, "cancellous": _cancellous, "noise of 1e5": _noise, "shell": _shell,
    "marrow in shell": _marrow_in_shell, "layers": _layers, "metal in marrow": _metal, "cement": _cement,
    "islands": _islands,
}  # fmt: skip
VOIDS: dict[str, _Field] = {
    "solid": _solid, "holes": _holes, "cavity": _cavity, "drilled": _drilled, "round": _round,
    "sponge": _sponge,
}  # fmt: skip
