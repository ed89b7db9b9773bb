"""Durations in words, from a thousandth of a second to years."""


def in_words(seconds: float) -> str:
    """Two or three digits and a unit that a person can grasp."""
    for size_s, unit in ((31_557_600.0, "years"), (86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size_s:
            return f"{seconds / size_s:,.1f} {unit}"
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{1000.0 * seconds:.2g} ms"
