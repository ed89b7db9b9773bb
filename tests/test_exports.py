"""The doors of the rooms: what `__all__` lists exists, is sorted and described."""

import importlib
import inspect
from pathlib import Path

import pytest

from glassnet.autodiff import Primitive

HOUSE = Path(__file__).parents[1] / "glassnet"
ROOMS = sorted(path.parent.name for path in HOUSE.glob("*/__init__.py"))


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts (RUF022)."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("room", ROOMS)
def test_exports(room: str) -> None:
    module = importlib.import_module(f"glassnet.{room}")
    exported = getattr(module, "__all__", [])
    assert list(exported) == sorted(set(exported), key=order)
    for name in exported:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing) or isinstance(thing, Primitive):
            assert thing.__doc__, f"glassnet.{room}.{name} has no docstring"
