"""Which requests a report records, in the order in which they matter, since there may not be room for all."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from glassnet.lab.recording import Recorder

T = TypeVar("T")
Gather = Callable[[Recorder, str, Mapping[str, Any]], Awaitable[None]]

_ZERO = 127  # the level of 0 in a tensor
_NUM_PICTURED, _NUM_MOMENTS, _NUM_INSIDE, _NUM_STORIES, _NUM_LOSSES = 120, 24, 6, 6, 41
_NUM_ANSWERED, _NUM_CELLS = 24, 60
_NUM_PICTURES, _NUM_DRAWINGS = 8, 3  # of those that were held out, for which the layers are shown


def path_of(run: str, *parts: object) -> str:
    """As the pages write the path of what belongs to a run."""
    return "/".join(["/runs", *(quote(str(part), safe="!'()*~") for part in (run, *parts))])


async def drawings(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    for step in spread(details["pictured"], _NUM_PICTURED):
        await recorder.ask(path_of(run, "pictures", step))


async def answers(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    """What it says of pictures that were held out, and which it confuses, at many moments."""
    if not _has_classes(details):
        return
    for step in (None, *spread(details["moments"], _NUM_MOMENTS)):
        if await recorder.ask(path_of(run, "answers"), step=step, num=_NUM_ANSWERED) is None:
            return  # as at all other moments, for want of the data
        await recorder.ask(path_of(run, "confusion"), step=step)


async def confused(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    """The pictures of the cells of the newest confusion matrix, what is wrong first."""
    matrix = await recorder.ask(path_of(run, "confusion")) if _has_classes(details) else None
    if matrix is None:
        return
    cells = [(row, column, num) for row, counts in enumerate(matrix["counts"]) for column, num in enumerate(counts)]
    for row, column, num in sorted(cells, key=lambda cell: (cell[0] == cell[1], -cell[2]))[:_NUM_CELLS]:
        if num:
            await recorder.ask(path_of(run, "confusion", row, column))


async def layers(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    newest = await recorder.ask(path_of(run, "layers"), picture=0)
    if newest is None:
        return
    for step in spread(details["moments"], _NUM_INSIDE):
        await recorder.ask(path_of(run, "layers"), step=step, picture=0)


async def other_pictures(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    """The newest layers for some more of the pictures that were held out."""
    for picture in range(1, _NUM_PICTURES if _has_classes(details) else _NUM_DRAWINGS):
        if await recorder.ask(path_of(run, "layers"), picture=picture) is None:
            return


async def weights(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    await recorder.ask(path_of(run, "weights"))
    for plane in ("random", "gradient"):
        await recorder.ask(path_of(run, "surroundings"), plane=plane)


async def stories(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    """Of the weight that the page begins with, at some moments, and of the strongest weight of some layers."""
    inside = await recorder.ask(path_of(run, "layers"), picture=0)
    if inside is None:
        return
    first = middle(inside["layers"])
    for step in spread(details["moments"], _NUM_INSIDE):
        await recorder.ask(path_of(run, "weight"), name=first, step=step)
    for name in dict.fromkeys([first, *spread(list(strongest(inside["layers"])), _NUM_STORIES)]):
        story = await recorder.ask(path_of(run, "weight"), name=name)
        if story is None:
            return
        for value in [story["value"], *_between(story["curve"]["value"], _NUM_LOSSES)]:
            params = {"name": name, "value": value, "batch_size": story["batch_size"]}
            await recorder.ask(path_of(run, "weight", "loss"), **params)


# By what is said of it while it is gathered.
PARTS: Mapping[str, Gather] = {
    "drawings": drawings, "answers to pictures that were held out": answers, "layers": layers, "weights": weights,
    "the stories of some weights": stories, "pictures that were confused": confused,
    "layers for other pictures": other_pictures,
}  # fmt: skip


def middle(layers: Iterable[Mapping[str, Any]]) -> str:
    """The weight that the page of one weight begins with: in the middle of the first layer that learns."""
    layer, held = next(_learned(layers))
    return _name(layer, held, [size // 2 for size in held["values"]["shape"]])


def strongest(layers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of the first learned tensor of each layer the weight that is furthest from 0, among those that are shown."""
    for layer, held in _learned(layers):
        levels = base64.b64decode(held["values"]["levels"])
        place = max(range(len(levels)), key=lambda i: abs(levels[i] - _ZERO))
        yield _name(layer, held, _index(place, held["values"]["shown"]))


def spread(items: Sequence[T], num: int) -> list[T]:
    """At most ``num`` of the items, the first and the last among them."""
    if len(items) <= num:
        return list(items)
    return [items[round(i * (len(items) - 1) / (num - 1))] for i in range(num)]


def _learned(layers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each layer that learns, with the first tensor of it that is learned."""
    for layer in layers:
        learned = [held for held in layer["held"] if held["gradient"] is not None]
        if learned:
            yield layer, learned[0]


def _name(layer: Mapping[str, Any], held: Mapping[str, Any], index: Sequence[int]) -> str:
    owner = "" if layer["name"] == held["name"] else f"{layer['name']}."
    return f"{owner}{held['name']}[{','.join(map(str, index))}]"


def _has_classes(details: Mapping[str, Any]) -> bool:
    return any(kind in details["facts"] for kind in ("classes", "people"))


def _index(place: int, shape: Sequence[int]) -> list[int]:
    """Of an element by its place among all, row by row."""
    index = []
    for size in reversed(shape):
        place, at = divmod(place, size)
        index.append(at)
    return index[::-1]


def _between(values: Sequence[float], num: int) -> list[float]:
    """``num`` values from the least to the greatest, in equal distances."""
    low, high = min(values), max(values)
    return [low + (high - low) * i / (num - 1) for i in range(num)]
