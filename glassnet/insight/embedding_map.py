"""A picture of where a network puts faces: a dot for each photo, and for each person a face and a name."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.facesheets import BY_NUMBER, enlarged
from glassnet.insight.names import font, label, shorten, width_px
from glassnet.insight.neighbors import neighbor_map

_INK, _GREY, _STRANGER, _LEADER = (30, 30, 30), (110, 110, 110), (190, 190, 190), (170, 170, 170)
_SIZE_PX = (1600, 1100)
_MARGIN_PX, _BORDER_PX = 16, 60  # the border has room for faces of persons at the edge
_FACE_PX = (40, 50)  # width and height
_NAME_PX, _TEXT_PX, _NOTE_PX = 150, 11, 14
_DOT_PX, _FINE = 9, 2
_MOST_KNOWN, _MOST_STRANGERS = 750, 250  # photos; the map takes time that grows with their square
_COVERED_PX = 60  # a covered dot is as bad as that much distance
_END_PX = (_SIZE_PX[0], _SIZE_PX[1] - 2 * _MARGIN_PX - _NOTE_PX)  # below stands the note
_OFFSETS_PX = np.array(
    [
        (px * np.cos(turn), px * np.sin(turn))
        for px in range(0, 201, 8)
        for turn in np.arange(0, 2 * np.pi, 8 / (px + 1))
    ]
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Tag:
    """A person's face with the name under it, and where it goes."""

    person: int
    name: str
    photo: int
    anchor: tuple[float, float]  # the middle of the person's dots
    box: Box


def embedding_map(embeddings: Array, labels: Array, names: Mapping[int, str], thumbnails: Array) -> Image.Image:
    """The embeddings (N, D) laid flat, near ones beside each other; strangers, whose label is -1, are gray.

    ``labels`` (N,) are numbers of persons, ``thumbnails`` (N, 1, H, W) uint8. Of many photos as many of each person are
    shown as fit; where faces and names would cover each other, some persons have dots only.
    """
    shown = np.sort(np.concatenate([_known_shown(labels), _spread(np.flatnonzero(labels < 0), _MOST_STRANGERS)]))
    at = _in_picture(neighbor_map(embeddings[shown]))
    tags = _place_tags(at, labels[shown], names)
    picture = Image.new("RGB", _SIZE_PX, "white")
    _draw_dots(picture, at, labels[shown], tags)
    for tag in tags:
        _draw_tag(picture, tag, thumbnails[shown[tag.photo]])
    at_bottom = (_MARGIN_PX, _SIZE_PX[1] - _MARGIN_PX)
    note = _note(labels, shown, tags, names)
    ImageDraw.Draw(picture).text(at_bottom, note, _GREY, font(_NOTE_PX), anchor="lb")
    return picture


def _known_shown(labels: Array) -> Array:
    """Of each known person about the same number of photos."""
    known = np.flatnonzero(labels >= 0)
    order = np.argsort(labels[known], kind="stable")
    sorted_labels = labels[known][order]
    # Each photo's place among those of its person: first come all first photos, then all second ones.
    places = np.arange(len(known)) - np.searchsorted(sorted_labels, sorted_labels)
    return known[order][np.argsort(places, kind="stable")][:_MOST_KNOWN]


def _spread(indices: Array, most: int) -> Array:
    return indices[:: max(1, -(-len(indices) // most))]


def _in_picture(at: Array) -> Array:
    """(N, 2) in pixels, as wide and as high as the picture allows."""
    room = np.array(_SIZE_PX) - 2 * _BORDER_PX
    extent = np.ptp(at, axis=0)
    share = np.where(extent > 0, (at - at.min(axis=0)) / np.where(extent > 0, extent, 1), 0.5)
    return share * room + _BORDER_PX


def _place_tags(at: Array, labels: Array, names: Mapping[int, str]) -> list[_Tag]:
    """One for each person that has room for it: those with most photos choose first."""
    persons, counts = np.unique(labels[labels >= 0], return_counts=True)
    tags: list[_Tag] = []
    for person in persons[np.argsort(-counts, kind="stable")].tolist():
        own = np.flatnonzero(labels == person)
        anchor = np.median(at[own], axis=0)
        photo = int(own[((at[own] - anchor) ** 2).sum(axis=1).argmin()])
        name = shorten(label(person, names[person]), _NAME_PX, _TEXT_PX)
        box = _free_box(anchor, name, at, np.array([tag.box for tag in tags]).reshape(-1, 4))
        if box is not None:
            tags.append(_Tag(person, name, photo, (float(anchor[0]), float(anchor[1])), box))
    return tags


def _free_box(anchor: Array, name: str, dots: Array, taken: Array) -> Box | None:
    """Where a tag covers no other (T, 4) and few dots (N, 2), not far from its own; None if there is no room."""
    size = np.array([max(_FACE_PX[0], width_px(name, _TEXT_PX)) + 6, _FACE_PX[1] + _TEXT_PX + 8])
    starts = anchor + _OFFSETS_PX - size / 2
    boxes = np.concatenate([starts, starts + size], axis=1)
    is_inside = ((starts > 0) & (starts + size < _END_PX)).all(axis=1)
    is_free = is_inside & ~_overlaps(boxes, taken).any(axis=1)
    if not is_free.any():
        return None
    boxes, moved_px = boxes[is_free], np.hypot(*_OFFSETS_PX[is_free].T)
    squares = np.concatenate([dots - _DOT_PX / 2, dots + _DOT_PX / 2], axis=1)
    left, top, right, bottom = boxes[(moved_px + _COVERED_PX * _overlaps(boxes, squares).sum(axis=1)).argmin()].tolist()
    return left, top, right, bottom


def _overlaps(boxes: Array, others: Array) -> Array:
    """bool (B, O) of boxes (B, 4) and others (O, 4)."""
    left, top, right, bottom = boxes.T[:, :, None]
    other_left, other_top, other_right, other_bottom = others.T
    return (left < other_right) & (other_left < right) & (top < other_bottom) & (other_top < bottom)


def _draw_dots(picture: Image.Image, at: Array, labels: Array, tags: list[_Tag]) -> None:
    """Strangers below the known; and a thread from a face to its dots."""
    large = Image.new("RGB", (picture.width * _FINE, picture.height * _FINE), "white")
    draw = ImageDraw.Draw(large)
    for tag in tags:
        left, top, right, _ = tag.box
        face = ((left + right) / 2 * _FINE, (top + _FACE_PX[1] / 2) * _FINE)
        draw.line((face, (tag.anchor[0] * _FINE, tag.anchor[1] * _FINE)), _LEADER, _FINE)
    for i in np.argsort(labels >= 0, kind="stable").tolist():
        color = _color(int(labels[i])) if labels[i] >= 0 else _STRANGER
        draw.circle((at[i, 0] * _FINE, at[i, 1] * _FINE), _DOT_PX / 2 * _FINE, color, (255, 255, 255))
    picture.paste(large.reduce(_FINE))


def _draw_tag(picture: Image.Image, tag: _Tag, thumbnail: Array) -> None:
    """The face in a frame of the color of its dots."""
    left, top = round((tag.box[0] + tag.box[2] - _FACE_PX[0]) / 2), round(tag.box[1]) + 2
    draw = ImageDraw.Draw(picture)
    right, bottom = left + _FACE_PX[0], top + _FACE_PX[1]
    draw.rectangle((left - 2, top - 2, right + 1, bottom + 1), _color(tag.person))
    picture.paste(enlarged(thumbnail, _FACE_PX), (left, top))
    draw.text(((left + right) // 2, bottom + 4), tag.name, _INK, font(_TEXT_PX), anchor="mt")


def _color(person: int) -> tuple[int, int, int]:
    """Neighbors in number are far in hue."""
    red, green, blue = colorsys.hsv_to_rgb(person * 0.618 % 1, 0.85, (0.85, 0.6, 0.75)[person % 3])
    return round(255 * red), round(255 * green), round(255 * blue)


def _note(labels: Array, shown: Array, tags: list[_Tag], names: Mapping[int, str]) -> str:
    num_persons = len(np.unique(labels[labels >= 0]))
    parts = [f"a dot for each of {len(shown):,} photos, similar ones beside each other"]
    if len(shown) < len(labels):
        parts[0] = f"a dot for each of {len(shown):,} photos (of {len(labels):,}), similar ones beside each other"
    if (labels < 0).any():
        parts.append("gray: strangers")
    if len(tags) < num_persons:
        parts.append(f"room for the faces of {len(tags):,} of {num_persons:,} persons")
    if any(label(tag.person, names[tag.person]) != names[tag.person] for tag in tags):
        parts.append(BY_NUMBER)
    return "; ".join(parts)
