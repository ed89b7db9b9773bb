"""What a child puts in a drawing of a house, and where: walls, a roof, a door, windows, sometimes a sun.

Lengths are in heights of the wall, x to the right, y down, the top left corner of the front at (0, 0).
"""

from dataclasses import dataclass
from random import Random

from glassnet.data.hand import Hand
from glassnet.data.raster import Drawing


@dataclass(frozen=True)
class Plan:
    """The house before it is drawn: front wall, roof with its peak at x, eaves that reach beyond the wall."""

    width: float
    height: float
    peak: float
    rise: float
    eaves: float

    def roof_at(self, x: float) -> float:
        """The y of a pointed roof above x."""
        low, high = -self.eaves, self.width + self.eaves
        up = (x - low) / (self.peak - low) if x < self.peak else (high - x) / (high - self.peak)
        return -self.rise * up


def draw_house(random: Random) -> Drawing:
    """One house and what stands around it."""
    hand = Hand(random)
    plan = _plan(hand)
    _walls(hand, plan)
    style = random.choices([_gable, _flat_topped, _seen_from_the_side], weights=[75, 12, 13])[0]
    style(hand, plan)
    _front(hand, plan)
    if hand.chance(0.28):
        _surroundings(hand, plan)
    return hand.drawing()


def _plan(hand: Hand) -> Plan:
    width, height = hand.random.uniform(0.7, 1.5), hand.random.uniform(0.75, 1.1)
    eaves = 0.0 if hand.chance(0.5) else hand.random.uniform(0.05, 0.3)
    peak = hand.about(width / 2, width * 0.12)
    return Plan(width, height, peak, hand.random.uniform(0.45, 0.95), eaves)


def _walls(hand: Hand, plan: Plan) -> None:
    if plan.eaves:
        # The eaves close the top: a second line along them would be a black bar at 28x28.
        hand.line((0.0, 0.0), (0.0, plan.height), (plan.width, plan.height), (plan.width, 0.0))
    else:
        hand.box(0.0, 0.0, plan.width, plan.height, sides=3 if hand.chance(0.15) else 4)


def _gable(hand: Hand, plan: Plan) -> None:
    left, right = (-plan.eaves, 0.0), (plan.width + plan.eaves, 0.0)
    hand.line(left, (plan.peak, -plan.rise), right)
    if plan.eaves:
        hand.line(left, right)
    if hand.chance(0.25):
        _chimney(hand, plan)
    elif hand.chance(0.12):
        hand.circle(plan.peak, -plan.rise * 0.4, plan.rise * 0.16)


def _chimney(hand: Hand, plan: Plan) -> None:
    """On the right slope, with or without smoke; as high as the peak, or it drowns in the roof."""
    left = plan.peak + (plan.width + plan.eaves - plan.peak) * hand.random.uniform(0.3, 0.5)
    right = left + hand.random.uniform(0.16, 0.24)
    top = hand.about(-plan.rise, 0.08)
    hand.line((left, plan.roof_at(left)), (left, top), (right, top), (right, plan.roof_at(right)))
    if hand.chance(0.5):
        x, sway = (left + right) / 2, hand.random.uniform(0.08, 0.14)
        hand.line(*((x + sway * (k % 2) + 0.04 * k, top - 0.1 - 0.12 * k) for k in range(4)))


def _flat_topped(hand: Hand, plan: Plan) -> None:
    inset, rise = plan.width * hand.random.uniform(0.12, 0.28), plan.rise * 0.7
    left, right = -plan.eaves, plan.width + plan.eaves
    hand.line((left, 0.0), (inset, -rise), (plan.width - inset, -rise), (right, 0.0))
    if plan.eaves:
        hand.line((left, 0.0), (right, 0.0))


def _seen_from_the_side(hand: Hand, plan: Plan) -> None:
    """A pointed front, and the long side of the house going off to the right."""
    depth = plan.width * hand.random.uniform(0.8, 1.3)
    back, lift = plan.width + depth, hand.random.uniform(0.0, 0.12)
    hand.line((0.0, 0.0), (plan.peak, -plan.rise), (plan.width, 0.0))
    if plan.eaves:
        hand.line((0.0, 0.0), (plan.width, 0.0))
    ridge = (plan.peak, -plan.rise), (plan.peak + depth, -plan.rise - lift)
    hand.line(*ridge, (back, -lift), (plan.width, 0.0))
    hand.line((back, -lift), (back, plan.height - lift), (plan.width, plan.height))
    if hand.chance(0.4):
        _window(hand, plan.width + depth / 2, plan.height * 0.45, plan.height * 0.36)


def _front(hand: Hand, plan: Plan) -> None:
    """A door and windows side by side, in places of equal width so that none is drawn across another."""
    places = hand.random.choices([0, 1, 2, 3], weights=[12, 48, 30, 10])[0]
    places = min(places, round(plan.width / 0.42))
    door = hand.random.randrange(places) if places and hand.chance(0.85) else -1
    for place in range(places):
        middle = plan.width * (place + 0.5) / places
        if place == door:
            _door(hand, plan, hand.about(middle, 0.12 / places))
        elif hand.chance(0.85):
            size = min(plan.width / places * 0.6, hand.random.uniform(0.28, 0.4))
            _window(hand, middle, plan.height * hand.random.uniform(0.32, 0.5), size)


def _door(hand: Hand, plan: Plan, x: float) -> None:
    half, tall = hand.random.uniform(0.12, 0.18), plan.height * hand.random.uniform(0.45, 0.68)
    hand.box(x - half, plan.height - tall, x + half, plan.height, sides=3)
    if hand.chance(0.25):
        hand.dot(x + half * 0.3, plan.height - tall * 0.45)


def _window(hand: Hand, x: float, y: float, size: float) -> None:
    half = size / 2
    hand.box(x - half, y - half, x + half, y + half)
    if hand.chance(0.35):
        hand.line((x, y - half), (x, y + half))
        hand.line((x - half, y), (x + half, y))


def _surroundings(hand: Hand, plan: Plan) -> None:
    """One thing beside the house: more would leave the house too small to see."""
    hand.random.choices([_ground, _sun, _tree, _fence], weights=[35, 30, 25, 10])[0](hand, plan)


def _ground(hand: Hand, plan: Plan) -> None:
    beyond = plan.eaves + hand.random.uniform(0.15, 0.45)
    hand.line((-beyond, plan.height), (plan.width + beyond, plan.height))


def _sun(hand: Hand, plan: Plan) -> None:
    """In the corner left of the peak, with rays."""
    x, y, radius = -plan.eaves - 0.05, -plan.rise - 0.05, hand.random.uniform(0.13, 0.18)
    hand.circle(x, y, radius)
    for dx, dy in [(1.0, 0.0), (0.7, 0.7), (0.0, 1.0), (-0.7, 0.7), (-1.0, 0.0)]:
        near, far = radius * 1.5, radius * 2.3
        hand.line((x + dx * near, y + dy * near), (x + dx * far, y + dy * far))


def _tree(hand: Hand, plan: Plan) -> None:
    x, crown = -plan.eaves - hand.random.uniform(0.35, 0.5), hand.random.uniform(0.2, 0.28)
    top = plan.height * hand.random.uniform(0.2, 0.4)
    hand.line((x, plan.height), (x, top + crown))
    hand.circle(x, top, crown)


def _fence(hand: Hand, plan: Plan) -> None:
    low, high, start = plan.height, plan.height * 0.68, plan.width
    hand.line((start, (low + high) / 2), (start + 0.65, (low + high) / 2))
    for k in range(1, 4):
        hand.line((start + 0.2 * k, low), (start + 0.2 * k, high))
