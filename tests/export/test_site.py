"""A site is whole, is what its manifest says, and trains as Python does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from glassnet.autodiff import Array
from glassnet.errors import MissingRuleError
from glassnet.export.site import without_paths, write_site
from glassnet.export.subject import open_subject
from glassnet.optim import warmed_up_decay
from glassnet.runtimes import get_runtime, onnx_lowering
from glassnet.runtimes.onnx import OnnxRuntime
from glassnet.tasks.answers import num_at_once
from glassnet.training import Run, create, train
from glassnet.training.batches import Batches
from glassnet.training.budget import Budget
from glassnet.training.events import Stepped
from glassnet.training.loop import schedule_of
from glassnet.training.randomness import generator
from glassnet.training.settings import Settings
from glassnet.training.step import under, weights_of
from glassnet.training.validation import Validation
from tests.export.sites import GIVEN, NUM_THREADS, Site, make_site


@pytest.fixture(scope="module", params=list(GIVEN))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        yield make_site(request.param, tmp_path_factory.mktemp(request.param), patch)


def files_in(value: Any) -> Iterator[dict[str, Any]]:
    """Whatever the manifest says of a file."""
    if isinstance(value, dict) and {"file", "sha256", "bytes"} <= value.keys():
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from files_in(inner)


def test_the_manifest_names_every_file(site: Site) -> None:
    described = list(files_in(site.manifest))
    for file in described:
        site.read(file)
    there = {path.relative_to(site.folder / "network").as_posix() for path in (site.folder / "network").rglob("*.*")}
    assert there == {file["file"] for file in described} | {"manifest.json"}


def test_what_the_manifest_says(site: Site) -> None:
    manifest, subject = site.manifest, site.subject
    assert (manifest["format"], manifest["run"]) == (1, subject.settings.task)
    assert manifest["facts"] == json.loads(json.dumps(subject.task.facts))
    started = manifest["started"]
    assert (started["event"], started["step"], started["runtime"]) == ("started", 0, "browser")
    assert started["num_examples"] == manifest["examples"]["count"] == len(subject.task.training["images"])
    assert started["num_weights"] == subject.model.num_weights()
    assert manifest["initial"]["num_seen"] == 0
    assert manifest["initial"]["left_out"]["averages"] == "parameters"
    assert set(manifest["initial"]["left_out"].values()) == {"parameters", "zeros"}
    step = subject.steps[subject.settings.batch_size]
    assert manifest["carried"] == list(step.graph.carried)
    assert manifest["hyperparameters"] == step.hyperparameters
    packed = {pack: [(one["name"], tuple(one["shape"])) for one in ones] for pack, ones in manifest["packs"].items()}
    assert packed == {
        pack: [(name, spec.shape) for name, spec in members.items()] for pack, members in step.packing.packs.items()
    }


def test_it_does_not_say_where_things_were(site: Site) -> None:
    text = (site.folder / "network/manifest.json").read_text(encoding="utf-8")
    assert "/secret/place" not in text
    assert str(site.folder.parent) not in text


def test_places_are_left_out() -> None:
    assert without_paths("10 photos of 2 people from /home/a, b/c, 3 of them held out") == (
        "10 photos of 2 people, 3 of them held out"
    )
    assert without_paths("CIFAR-10, 50,000 photos, from C:\\data\\x") == "CIFAR-10, 50,000 photos"
    assert without_paths("8 drawings from ~/x.npy") == "8 drawings"
    assert without_paths("4,000 houses drawn by glassnet itself, seed 0") == (
        "4,000 houses drawn by glassnet itself, seed 0"
    )


def test_examples_bit_for_bit(site: Site) -> None:
    task, seed = site.subject.task, site.subject.settings.seed
    order = generator(seed, "order", 0).permutation(len(task.training["images"]))
    for name, array in task.training.items():
        assert isinstance(array, np.ndarray)
        found = site.array("examples", name)
        assert found.dtype == array.dtype
        assert np.array_equal(found, array[order])


def test_what_was_held_out_begins_with_what_the_training_is_measured_on(site: Site) -> None:
    num = site.manifest["held_out"]["num_validation"]
    for name, array in site.subject.task.validation.items():
        assert len(array) == num
        assert np.array_equal(site.array("held_out", name)[:num], array)
    if site.subject.settings.task == "cifar10":
        assert site.manifest["held_out"]["count"] == 1_010 > num


def test_graphs_are_sound_and_standard(site: Site) -> None:
    for name, described in site.manifest["graphs"].items():
        model = onnx.load_model_from_string(site.read(described))
        onnx.checker.check_model(model, full_check=True)
        assert {node.domain for node in model.graph.node} == {""}
        assert [entry.domain for entry in model.opset_import] == [""]
        assert {value.name for value in model.graph.input} == described["inputs"].keys(), name
        assert {value.name for value in model.graph.output} == described["outputs"].keys(), name
        assert described["random"].keys() <= described["inputs"].keys()


def played(site: Site, num_steps: int) -> dict[str, Array]:
    """The state by name after so many steps, out of the files alone, as a page takes them."""
    manifest = site.manifest
    settings = Settings(**manifest["settings"])
    step = site.graph(f"step/{settings.batch_size}")
    examples = {name: site.array("examples", name) for name in manifest["examples"]["arrays"]}
    batches = Batches(examples, settings.batch_size, settings.seed)
    whole = Batches(examples, batches.num_examples, settings.seed).places(0)["indices"]
    place = np.argsort(whole)
    budget, schedule = Budget.of(settings, batches.num_examples), schedule_of(settings)
    carried = packed(manifest, site.initial())
    for done in range(manifest["initial"]["step"], manifest["initial"]["step"] + num_steps):
        places = batches.places(done)
        batch = {name: array[place[places["indices"]]] for name, array in examples.items()}
        numbers = {
            **manifest["hyperparameters"],
            "learning_rate": settings.learning_rate * schedule(budget.progress(done, 0.0)),
            "weight_decay": settings.weight_decay,
        }
        scalars = {
            "step": done + 1,
            "ema_decay": warmed_up_decay(settings.ema_decay, done),
            "max_gradient_norm": settings.max_gradient_norm,
            **under("hyper", {name: numbers[name] for name in manifest["hyperparameters"]}),
        }
        outputs = step(
            {
                **carried,
                **under("batch", {**batch, "epoch": places["epoch"]}),
                **{name: np.asarray(value, np.float32) for name, value in scalars.items()},
                **step.drawn(generator(settings.seed, "step", done)),
            }
        )
        carried = {name: outputs[f"next/{name}"] for name in manifest["carried"]}
    return named(manifest, carried)


def packed(manifest: dict[str, Any], state: dict[str, Array]) -> dict[str, Array]:
    """End to end, in the order of the manifest."""
    shapes = manifest["graphs"][f"step/{manifest['settings']['batch_size']}"]["inputs"]
    found = {}
    for name in manifest["carried"]:
        kind, _, pack = name.rpartition("/")
        if kind.startswith("buffers"):
            found[name] = state[name]
        else:
            parts = [state[f"{kind}/{one['name']}"].reshape(-1) for one in manifest["packs"][pack]]
            found[name] = np.concatenate(parts).reshape(shapes[name]["shape"])
    return found


def named(manifest: dict[str, Any], carried: dict[str, Array]) -> dict[str, Array]:
    """`packed` undone."""
    found = {}
    for name, array in carried.items():
        kind, _, pack = name.rpartition("/")
        if kind.startswith("buffers"):
            found[name] = array
            continue
        flat, start = array.reshape(-1), 0
        for one in manifest["packs"][pack]:
            size = int(np.prod(one["shape"]))
            found[f"{kind}/{one['name']}"] = flat[start : start + size].reshape(one["shape"])
            start += size
        assert start == flat.size
    return found


def trained(site: Site, path: Path, num_steps: int) -> dict[str, Array]:
    """The state by name after so many steps of `train`."""
    subject = site.subject
    training = train(subject.task, create(path, subject.settings, subject.task.facts), OnnxRuntime(NUM_THREADS))
    for event in training:
        if isinstance(event, Stepped) and event.step == num_steps:
            break
    training.close()
    return dict(Run(path).newest_checkpoint()[0].tensors)


@pytest.mark.slow
def test_twenty_steps_out_of_the_files_are_those_of_a_training(site: Site, tmp_path: Path) -> None:
    expected, found = trained(site, tmp_path / "run", 20), played(site, 20)
    assert found.keys() == expected.keys() == site.initial().keys()
    assert [name for name, array in expected.items() if not np.array_equal(found[name], array)] == []
    first = site.initial()
    assert all(not np.array_equal(found[name], first[name]) for name in found if name.startswith("parameters/"))


@pytest.mark.slow
def test_first_weights_are_those_of_a_training(site: Site, tmp_path: Path) -> None:
    subject = site.subject
    training = train(subject.task, create(tmp_path / "run", subject.settings, subject.task.facts), get_runtime("onnx"))
    for event in training:
        if type(event).__name__ == "Checkpointed":
            break
    training.close()
    expected = Run(tmp_path / "run").newest_checkpoint()[0].tensors
    initial = site.initial()
    assert initial.keys() == expected.keys()
    assert all(np.array_equal(initial[name], array) for name, array in expected.items())


def test_every_batch_size_that_fits_has_a_step(site: Site) -> None:
    num, chosen = site.manifest["examples"]["count"], site.subject.settings.batch_size
    usual = (8, 16, 32) if site.subject.settings.task == "houses" else (16, 32, 64, 128)
    sizes = sorted({chosen, *(size for size in usual if size <= num)})
    assert [name for name in site.manifest["graphs"] if name.startswith("step/")] == [f"step/{size}" for size in sizes]


@pytest.mark.slow
def test_measures_are_those_of_a_training(site: Site) -> None:
    manifest, subject = site.manifest, site.subject
    weights = weights_of(site.initial())
    sizes = [int(name.partition("/")[2]) for name in manifest["graphs"] if name.startswith("measure/")]
    num = manifest["held_out"]["num_validation"]
    held_out = {name: site.array("held_out", name)[:num] for name in manifest["held_out"]["arrays"]}
    (size,) = sizes
    total: dict[str, float] = {}
    for number, start in enumerate(range(0, num, size)):
        graph = site.graph(f"measure/{size}")
        drawn = graph.drawn(generator(subject.settings.seed, "validation", number))
        batch = {f"batch/{name}": array[start : start + size] for name, array in held_out.items()}
        for name, value in graph({**under("weights", weights), **batch, **drawn}).items():
            total[name] = total.get(name, 0.0) + float(value) * size / num
    expected = Validation(subject.task, subject.model, get_runtime("onnx"), subject.settings.seed).measure(weights)
    assert total == pytest.approx(expected, rel=1e-4)


def test_what_looks_into_it_is_there(site: Site) -> None:
    manifest = site.manifest
    graphs = manifest["graphs"].keys()
    assert "layers" in graphs
    assert len(manifest["layers"]) > 3
    if manifest["settings"]["task"] == "houses":
        assert {"answer", "predict"}.isdisjoint(graphs)
        noise = np.frombuffer(site.read(manifest["walk"]["noise"]), "<f4").reshape(8, 1, 28, 28)
        x, weights = noise, under("weights", weights_of(site.initial()))
        times = manifest["walk"]["times"]
        for t, t_next in pairwise(times):
            scalars = {"t": np.full(8, t, np.float32), "share": np.asarray((t_next - t) / (1 - t), np.float32)}
            x = site.graph("walk")({**weights, "x": x, **scalars})["x_next"]
        haze = manifest["walk"]["haze"]
        ink = np.rint(np.clip(((x[:, 0] + 1) / 2 - haze) / (1 - haze), 0, 1) * 255)
        pictures = site.subject.task.pictures(weights_of(site.initial()))
        assert pictures is not None
        assert np.abs(ink - pictures).max() <= 1
    else:
        shape = tuple(manifest["facts"]["image_shape"])
        assert manifest["graphs"]["answer"]["inputs"]["images"]["shape"] == [num_at_once(shape), *shape]
        assert manifest["graphs"]["predict"]["inputs"]["images"]["shape"] == [8, *shape]


def test_a_network_that_onnx_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left behind."""
    monkeypatch.delitem(onnx_lowering.RULES, "relu")  # type: ignore[arg-type]
    with pytest.raises(
        MissingRuleError, match=r"^expected an ONNX rule for primitive 'relu'; got none\. To fix: choose"
    ):
        make_site("cifar10", tmp_path, monkeypatch)
    assert not (tmp_path / "site").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["static"]


@pytest.mark.slow
def test_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its newest checkpoint, across the border of an epoch, to where the run itself would have come."""
    before = make_site("cifar10", tmp_path, monkeypatch, epochs=None, steps=40)
    expected = trained(before, tmp_path / "whole", 24)
    trained(before, tmp_path / "run", 4)
    subject = open_subject(str(tmp_path / "run"), {})
    assert (subject.name, subject.start.step, subject.start.num_seen) == ("run", 4, 32)
    write_site(subject, tmp_path / "site", lambda words: None)
    site = Site(tmp_path / "site", subject)
    assert site.manifest["initial"]["left_out"] == {}
    assert site.manifest["started"]["step"] == site.manifest["initial"]["step"] == 4
    found = played(site, 20)
    assert [name for name, array in expected.items() if not np.array_equal(found[name], array)] == []
    longer = open_subject(str(tmp_path / "run"), {"minutes": 3.0})
    assert (longer.settings.minutes, longer.settings.steps) == (3.0, None)
