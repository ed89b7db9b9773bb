"""The trainings of the lab."""

from __future__ import annotations

from glassnet.lab.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
