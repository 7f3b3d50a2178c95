"""Sixty-four bytes of numbers at a time, inside compiled kernels: 16 of single or 8 of double precision.

A compiler that must prove that a dozen rows do not overlap gives up and works on one number at a time.  Here
the kernel says itself which numbers go together; any processor can do it, in as many steps as it needs.

    v = load(a, i)         a[i], a[i + 1], ... as one vector (a: contiguous, one axis; i is not checked)
    store(a, i, v)         the reverse
    v + w, v - w, v * w    lane by lane; a product and a sum may be fused
    fill(a, x)             x in every lane, in the type of a
    shifted(old, v)        v moved up by one lane; the last lane of old enters below
    some(v)                True where any lane is not zero

``lanes(dtype)`` tells how many numbers a vector holds.  Only for functions compiled by numba.
Tests: tests/unit/test_simd.py.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, lower_builtin, register_model, type_callable

__all__ = ["fill", "lanes", "load", "shifted", "some", "store"]

BYTES = 64


def lanes(dtype: npt.DTypeLike) -> int:
    """Numbers of that type in one vector."""
    return BYTES // np.dtype(dtype).itemsize


class Vector(types.Type):
    """The type of such a vector, known to the compiler by what it holds."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.count = BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {self.count})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector is one value of the machine."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(manager[kind.dtype].get_value_type(), kind.count))


@intrinsic
def load(typingctx, a, i):  # type: ignore[no-untyped-def]
    """a[i : i + lanes] as a vector."""
    kind = Vector(a.dtype)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, signature, args)  # type: ignore[no-untyped-call]
        return builder.load(pointer, align=a.dtype.bitwidth // 8)

    return kind(a, i), generate


@intrinsic
def store(typingctx, a, i, v):  # type: ignore[no-untyped-def]
    """a[i : i + lanes] = v."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        pointer = _pointer(context, builder, signature, args)  # type: ignore[no-untyped-call]
        builder.store(args[2], pointer, align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(a, i, v), generate


@intrinsic
def fill(typingctx, a, x):  # type: ignore[no-untyped-def]
    """x in every lane of a vector of the type of the array a."""
    kind = Vector(a.dtype)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        one = context.cast(builder, args[1], x, a.dtype)
        return _everywhere(context, builder, kind, one)  # type: ignore[no-untyped-call]

    return kind(a, x), generate


@intrinsic
def shifted(typingctx, old, v):  # type: ignore[no-untyped-def]
    """Lanes (last of old, first of v, second of v, ...)."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        n = v.count
        order = ir.Constant(ir.VectorType(ir.IntType(32), n), list(range(n - 1, 2 * n - 1)))
        return builder.shuffle_vector(args[0], args[1], order)

    return v(old, v), generate


@intrinsic
def some(typingctx, v):  # type: ignore[no-untyped-def]
    """True where any lane is not zero."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        zero = ir.Constant(args[0].type, None)
        hits = builder.fcmp_unordered("une", args[0], zero)
        bits = builder.bitcast(hits, ir.IntType(v.count))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(v.count), 0))

    return types.boolean(v), generate


def _pointer(context, builder, signature, args):  # type: ignore[no-untyped-def]
    array, index = signature.args[:2]
    data = context.make_array(array)(context, builder, args[0]).data
    at = context.cast(builder, args[1], index, types.intp)
    kind = context.get_value_type(Vector(array.dtype))
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def _everywhere(context, builder, kind, one):  # type: ignore[no-untyped-def]
    machine = context.get_value_type(kind)
    first = builder.insert_element(ir.Constant(machine, ir.Undefined), one, ir.Constant(ir.IntType(32), 0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(first, ir.Constant(machine, ir.Undefined), order)


def _lane_by_lane(symbol: Any, instruction: str) -> None:
    @type_callable(symbol)
    def typed(context):  # type: ignore[no-untyped-def]
        def kind(v, w):  # type: ignore[no-untyped-def]
            return v if isinstance(v, Vector) and v == w else None

        return kind

    @lower_builtin(symbol, Vector, Vector)
    def lowered(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return getattr(builder, instruction)(*args, flags=("contract", "nsz"))


for _symbol, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _lane_by_lane(_symbol, _instruction)
