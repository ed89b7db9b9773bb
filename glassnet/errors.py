"""Everything that can go wrong, as one tree; knows nothing of the rest of the house.

    GlassnetError
      + ShapeError                shapes or dtypes that do not fit            (also a ValueError)
      + MissingRuleError          a primitive without the rule asked for      (also a NotImplementedError)
      + GraphError                a graph that breaks its own laws
      + RuntimeUnavailableError   an engine or device that is not there
      + DataError                 data that cannot be found, read or believed
      + CheckpointError           a run directory or checkpoint that cannot be used
      + SettingsError             a setting outside its range                 (also a ValueError)
      + DivergedError             a training whose loss stopped being a number
      + PeerError                 another process of the training that ended, or is silent

A message says what was expected, what came, and what to do: "expected ...; got .... To fix: ...".
"""


class GlassnetError(Exception):
    """Any failure that glassnet foresees; the command line prints its message and exits with 1."""


class ShapeError(GlassnetError, ValueError):
    """Shapes or dtypes that do not fit together."""


class MissingRuleError(GlassnetError, NotImplementedError):
    """A primitive lacks the rule (vjp or lowering) that was asked for."""


class GraphError(GlassnetError):
    """A graph that is malformed, or a traced function that tried to read a value."""


class RuntimeUnavailableError(GlassnetError):
    """The requested runtime or device cannot be used on this machine."""


class DataError(GlassnetError):
    """Data that is missing, unreadable or not what it claims to be."""


class CheckpointError(GlassnetError):
    """A run directory or checkpoint that cannot be read, written or resumed."""


class SettingsError(GlassnetError, ValueError):
    """A setting outside its allowed range, or settings that contradict each other."""


class DivergedError(GlassnetError):
    """The loss became infinite or not a number; the last good checkpoint is kept."""


class PeerError(GlassnetError):
    """Another process of the same training ended, or nothing is heard of it."""
