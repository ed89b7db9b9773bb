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
_OTHER_PICTURES = (1, 2)  # beside the first, of those that were held out


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
    if _has_classes(details):
        for picture in _OTHER_PICTURES:
            await recorder.ask(path_of(run, "layers"), picture=picture)


async def weights(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    await recorder.ask(path_of(run, "weights"))
    await recorder.ask(path_of(run, "surroundings"), plane="random")


async def stories(recorder: Recorder, run: str, details: Mapping[str, Any]) -> None:
    """Of the strongest weight of some layers, with what the loss is while it is moved."""
    inside = await recorder.ask(path_of(run, "layers"), picture=0)
    if inside is None:
        return
    for name in spread(list(strongest(inside["layers"])), _NUM_STORIES):
        story = await recorder.ask(path_of(run, "weight"), name=name)
        if story is not None:
            for value in _between(story["curve"]["value"], _NUM_LOSSES):
                await recorder.ask(path_of(run, "weight", "loss"), name=name, value=value)


# By what is said of it while it is gathered.
PARTS: Mapping[str, Gather] = {
    "drawings": drawings, "answers to pictures that were held out": answers, "layers": layers, "weights": weights,
    "the stories of some weights": stories, "pictures that were confused": confused,
}  # fmt: skip


def strongest(layers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of the first learned tensor of each layer the weight that is furthest from 0, among those that are shown."""
    for layer in layers:
        learned = [held for held in layer["held"] if held["gradient"] is not None]
        if learned:
            values = learned[0]["values"]
            levels = base64.b64decode(values["levels"])
            place = max(range(len(levels)), key=lambda i: abs(levels[i] - _ZERO))
            yield f"{layer['name']}.{learned[0]['name']}[{','.join(map(str, _index(place, values['shown'])))}]"


def spread(items: Sequence[T], num: int) -> list[T]:
    """At most ``num`` of the items, the first and the last among them."""
    if len(items) <= num:
        return list(items)
    return [items[round(i * (len(items) - 1) / (num - 1))] for i in range(num)]


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
