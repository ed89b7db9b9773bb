"""Nested dicts, lists and tuples as flat lists and back; knows nothing of what the leaves are."""

from collections.abc import Callable, Iterator
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """All leaves, depth first; dict entries in the order of insertion."""
    return list(_walk(tree))


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same form whose leaves are ``function(leaf)``."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, child) for key, child in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(map_leaves(function, child) for child in tree)
    return function(tree)


def rebuild(tree: Any, new_leaves: list[Any]) -> Any:
    """A tree of the form of ``tree`` that holds ``new_leaves`` in the order of ``leaves(tree)``."""
    remaining = iter(new_leaves)
    return map_leaves(lambda _: next(remaining), tree)


def _walk(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, list | tuple):
        yield tree
        return
    for child in tree:
        yield from _walk(child)
