"""The events of a run as they come, in the lab."""

from __future__ import annotations

from glassnet.lab.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
