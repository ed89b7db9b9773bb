"""Several processes that take each step together, through `torch.distributed`, as `torchrun` starts them.

One leads: it says what is done next, and the others follow. What it says goes through the store that all of them were
started with; gradients and weights go from one to another (gloo on CPUs, NCCL on GPUs).
https://docs.pytorch.org/docs/stable/elastic/run.html
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from glassnet.autodiff import Array
from glassnet.errors import GlassnetError, PeerError, SettingsError
from glassnet.ops import use_processes

c10d: Any = dist  # which says nothing of the types of its stores
PATIENCE_S = float(os.environ.get("GLASSNET_PATIENCE_S", "120"))
"""A process of which nothing is heard for so long is given up."""
_BEAT_S = 1.0
_KEPT_ORDERS = 16


class Pending:
    """A mean that is being formed."""

    def __init__(self, group: Group, tensor: torch.Tensor):
        self._group = group
        self._sum = tensor.clone()
        with group.heard():
            self._work = dist.all_reduce(self._sum, async_op=True)

    def end(self) -> torch.Tensor:
        """The mean, once it is there."""
        began = time.perf_counter()
        with self._group.heard():
            self._work.wait()
        self._group.waited_s += time.perf_counter() - began
        return self._sum.mul_(1.0 / self._group.size)  # as the graph has it for pieces of a batch


class Group:
    """The processes of one training or race, as one of them sees them. Use it in a ``with`` block."""

    def __init__(self, device: str = "cpu", shares_batches: bool = True, patience_s: float = PATIENCE_S):
        self.rank, self.size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self.waited_s = 0.0  # for gradients of the others
        self._patience_s, self._is_over = patience_s, threading.Event()
        self._shares_batches = shares_batches
        self._num_said = self._num_portions = 0
        backend = "gloo"
        if device == "cuda":
            backend = "nccl"
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        with self.heard():
            self._store = _store(self.rank, self.size, timedelta(seconds=patience_s))
            dist.init_process_group(
                backend, store=self._store, rank=self.rank, world_size=self.size, timeout=timedelta(seconds=patience_s)
            )

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def __enter__(self) -> Group:
        use_processes(self if self._shares_batches else None)
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        use_processes(None)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A block within which the others are listened to; raises PeerError if one is not there."""
        try:
            yield
        except GlassnetError:
            raise
        except RuntimeError as error:  # as all errors of torch.distributed are
            raise self._silence(error) from error

    def mean(self, x: Array) -> Array:
        """Of the arrays that all processes give."""
        return np.asarray(self.begin(torch.from_numpy(np.array(x))).end().numpy())

    def sum(self, x: Array) -> Array:
        """Of the arrays that all processes give; exact where all but one of them give zeros."""
        tensor = torch.from_numpy(np.array(x))
        with self.heard():
            dist.all_reduce(tensor)
        return np.asarray(tensor.numpy())

    def portion(self, num: int) -> Iterator[int]:
        """Of so many pieces of work, which all processes share, those that are for this one: the next, when it is free.

        All processes have to ask for the same portions in the same order.
        """
        key, self._num_portions = f"portion/{self._num_portions}", self._num_portions + 1
        while True:
            with self.heard():
                piece = self._store.add(key, 1) - 1
            if piece >= num:
                return
            yield piece

    def begin(self, tensor: torch.Tensor) -> Pending:
        """Begin to form the mean of the tensors that all processes give."""
        return Pending(self, tensor)

    def share(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The leader's arrays, on all, which give arrays of the same names and shapes, in whatever order."""
        shared = {}
        for name in sorted(arrays):
            tensor = torch.from_numpy(np.array(arrays[name]))
            with self.heard():
                dist.broadcast(tensor, 0)
            shared[name] = np.asarray(tensor.numpy())
        return shared

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Raise SettingsError, on every process, unless all give the same facts."""
        given: list[Any] = [None] * self.size
        with self.heard():
            dist.all_gather_object(given, dict(facts))
        for rank, other in enumerate(given):
            first = given[0]
            names = [name for name in {**first, **other} if other.get(name) != first.get(name)]
            if names:
                name = names[0]
                raise SettingsError(
                    f"expected the same {name} on all {self.size} processes; got {first.get(name)} on the first and "
                    f"{other.get(name)} on number {rank + 1}. To fix: start all of them alike."
                )

    def hear(self, text: str | None) -> str:
        """What the leader gives, on all."""
        given = [text]
        with self.heard():
            dist.broadcast_object_list(given, 0)
        return str(given[0])

    def say(self, order: Mapping[str, Any]) -> None:
        """Tell the others what is done next; for the one that leads."""
        with self.heard():
            self._store.set(f"order/{self._num_said}", json.dumps(order))
            if self._num_said >= _KEPT_ORDERS:
                self._store.delete_key(f"order/{self._num_said - _KEPT_ORDERS}")
        self._num_said += 1

    def dismiss(self) -> None:
        """Tell the others that it is over, if they are still there."""
        with suppress(PeerError):
            self.say({"kind": "end"})

    def orders(self) -> Iterator[dict[str, Any]]:
        """What the leader says, as it comes, until it says that it is over."""
        while True:
            order = self._next_order()
            if order["kind"] == "end":
                return
            yield order

    def _next_order(self) -> dict[str, Any]:
        """However long it takes, as long as the leader is alive: it measures and saves between steps."""
        key = f"order/{self._num_said}"
        beat, changed_at = -1, time.monotonic()
        with self.heard():
            while not self._arrived(key):
                newest = self._store.add("beat", 0)
                if newest != beat:
                    beat, changed_at = newest, time.monotonic()
                elif time.monotonic() - changed_at > self._patience_s:
                    raise RuntimeError("the first one is silent")
            order: dict[str, Any] = json.loads(self._store.get(key))
        self._num_said += 1
        return order

    def _arrived(self, key: str) -> bool:
        try:
            self._store.wait([key], timedelta(seconds=_BEAT_S))
            return True
        except dist.DistStoreError:
            return False

    def _beat(self) -> None:
        """Show the others that the leader is alive."""
        while self.leads and not self._is_over.wait(_BEAT_S):
            try:
                self._store.add("beat", 1)
            except RuntimeError:
                return

    def _silence(self, error: RuntimeError) -> PeerError:
        """What there is to say when another process was not there."""
        words = " ".join(str(error).split())[:200]
        return PeerError(
            f"expected all {self.size} processes of the training to take part (number {self.rank + 1} speaks); got the "
            f"end of one, or nothing from it for {self._patience_s:.0f} s ({words}). To fix: start them again with "
            "--resume."
        )


def _store(rank: int, size: int, timeout: timedelta) -> Any:
    """Where all find what the others say: at torchrun's, or else at the leader's.

    torchrun's outlasts those that it starts again, so that each start has names of its own there.
    """
    is_of_torchrun = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = c10d.TCPStore(address, port, size, is_master=rank == 0 and not is_of_torchrun, timeout=timeout)
    return c10d.PrefixStore(f"glassnet/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
