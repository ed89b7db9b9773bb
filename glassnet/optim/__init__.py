"""How the weights move: update rules, schedules, clipping and averages; knows nothing of modules or data."""

from glassnet.optim.adam import Adam
from glassnet.optim.adamw import AdamW
from glassnet.optim.clipping import clip_by_global_norm, global_norm
from glassnet.optim.ema import update_averages, warmed_up_decay
from glassnet.optim.muon import Muon
from glassnet.optim.optimizer import Optimizer, decays_all, decays_kernels
from glassnet.optim.packing import Packing
from glassnet.optim.schedules import Schedule, constant, cosine, linear_warmup, one_cycle
from glassnet.optim.sgd import SGD

__all__ = [
    "SGD", "Adam", "AdamW", "Muon", "Optimizer", "Packing", "Schedule", "clip_by_global_norm", "constant",
    "cosine", "decays_all", "decays_kernels", "global_norm", "linear_warmup", "one_cycle", "update_averages",
    "warmed_up_decay",
]  # fmt: skip
