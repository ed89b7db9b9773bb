"""Packs hold the same numbers as the tensors they are made of, and an optimizer cannot tell them apart."""

import numpy as np

from glassnet.autodiff import ArraySpec, Tensor, check_grads
from glassnet.ops import square, sum
from glassnet.optim import Packing, decays_kernels

ARRAYS = {"w": np.arange(6.0).reshape(2, 3), "b": np.array([7.0, 8.0]), "v": np.full((1, 1), 9.0), "s": np.array(10.0)}
PACKING = Packing.by(
    lambda name, spec: "kernels" if decays_kernels(name, spec) else "rest",
    {name: ArraySpec(array.shape, array.dtype) for name, array in ARRAYS.items()},
)


def test_tensors_lie_end_to_end_in_their_pack_and_come_out_again() -> None:
    packed = PACKING.pack({name: Tensor(array) for name, array in ARRAYS.items()})
    assert {name: x.spec for name, x in packed.items()} == PACKING.specs()
    assert packed["kernels"].numpy().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.0]
    assert packed["rest"].numpy().tolist() == [7.0, 8.0, 10.0]
    again = PACKING.unpack(packed)
    assert again.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(again[name].numpy(), array)


def test_arrays_are_packed_like_tensors() -> None:
    packed = PACKING.pack_arrays(ARRAYS)
    for name, x in PACKING.pack({name: Tensor(array) for name, array in ARRAYS.items()}).items():
        np.testing.assert_array_equal(packed[name], x.numpy())
    again = PACKING.unpack_arrays(packed)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(again[name], array)


def test_gradients_pass_through() -> None:
    packed = PACKING.pack_arrays(ARRAYS)
    check_grads(
        lambda kernels: sum(square(PACKING.unpack({"kernels": kernels, "rest": Tensor(packed["rest"])})["w"])),
        packed["kernels"],
    )


KERNELS = {"conv": np.arange(24.0).reshape(2, 3, 2, 2), "linear": np.arange(4.0).reshape(2, 2), "bias": np.ones(3)}
WITH_MATRICES = Packing.by(
    lambda name, spec: "rest" if name == "bias" else f"matrix.{name}",
    {name: ArraySpec(array.shape, array.dtype) for name, array in KERNELS.items()},
    is_matrix=lambda pack: pack.startswith("matrix."),
)


def test_a_matrix_keeps_its_rows() -> None:
    packed = WITH_MATRICES.pack({name: Tensor(array) for name, array in KERNELS.items()})
    assert {name: x.shape for name, x in packed.items()} == {
        "matrix.conv": (2, 12),
        "matrix.linear": (2, 2),
        "rest": (3,),
    }
    assert {name: x.spec for name, x in packed.items()} == WITH_MATRICES.specs()
    np.testing.assert_array_equal(packed["matrix.conv"].numpy()[1], KERNELS["conv"][1].reshape(-1))
    arrays = WITH_MATRICES.pack_arrays(KERNELS)
    for name, x in packed.items():
        np.testing.assert_array_equal(arrays[name], x.numpy())


def test_a_matrix_comes_out_in_its_shape() -> None:
    packed = WITH_MATRICES.pack_arrays(KERNELS)
    again = WITH_MATRICES.unpack({name: Tensor(array) for name, array in packed.items()})
    arrays = WITH_MATRICES.unpack_arrays(packed)
    for name, array in KERNELS.items():
        np.testing.assert_array_equal(again[name].numpy(), array)
        np.testing.assert_array_equal(arrays[name], array)
