"""The arithmetic of How it works: the numbers of the article, and PyTorch's; what is refused."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import torch

from glassnet.errors import SettingsError
from glassnet.lab import lesson
from glassnet.lab.classroom import answer
from tests.lab.conftest import Served

ONES = {"network": "neuron", "weights": [1.0, 1.0, 1.0]}
POINTS: dict[str, Any] = {"network": "points", "set": "corners", "num_hidden": 4, "seed": 3}


def test_the_neuron_of_the_article() -> None:
    answered = answer(ONES)
    assert answered["outputs"] == [2.5]
    assert answered["loss"] == 12.25
    assert answered["slopes"] == [-14.0, -3.5, 0.0]
    assert answered["names"] == ["last.weight[0,0]", "last.weight[0,1]", "last.weight[0,2]"]
    assert answered["nodes"]["outputs"] == {"values": [2.5], "blames": [-7.0]}


def test_the_steps_of_the_article() -> None:
    asked = {"network": "neuron", "inputs": [[2.0]], "targets": [6.0], "weights": [1.0], "weight": 0, "num_steps": 5}
    descent = answer({**asked, "learning_rate": 0.1})["descent"]
    assert np.round(descent["path"], 4).tolist() == [1.0, 2.6, 2.92, 2.984, 2.9968, 2.9994]
    assert np.round(descent["losses"], 4).tolist() == [16.0, 0.64, 0.0256, 0.001, 0.0, 0.0]
    assert round(answer({**asked, "learning_rate": 0.3, "num_steps": 10})["descent"]["weights"][0], 4) == -54.8509


def test_a_nudge_is_what_the_article_says() -> None:
    asked = {"network": "neuron", "inputs": [[2.0]], "targets": [6.0], "weights": [1.0], "weight": 0, "by": 1e-4}
    chosen = answer({**asked, "low": -1.0, "high": 7.0})["chosen"]
    assert (f"{chosen['nudge']['down']:.6f}", f"{chosen['nudge']['up']:.6f}") == ("16.001600", "15.998400")
    assert chosen["nudge"]["slope"] == pytest.approx(-16.0, abs=1e-9)
    assert chosen["terms"] == [{"signal": 2.0, "blame": -8.0, "product": -16.0}]
    assert (chosen["along"]["values"][30], chosen["along"]["losses"][30]) == (3.0, 0.0)


@pytest.mark.parametrize("num_hidden", [0, 4])
def test_nudging_backpropagation_and_the_chain_rule_say_the_same(num_hidden: int) -> None:
    asked = {**POINTS, "num_hidden": num_hidden}
    answered = answer({**asked, "is_sweeping": True, "by": 1e-6})
    assert len(answered["weights"]) == (17 if num_hidden else 3)
    assert answered["sweep"]["forward_passes"] == 2 * len(answered["weights"])
    np.testing.assert_allclose(answered["sweep"]["slopes"], answered["slopes"], atol=1e-8)
    for number, slope in enumerate(answered["slopes"]):
        terms = answer({**asked, "weight": number})["chosen"]["terms"]
        assert len(terms) == 48
        assert sum(term["product"] for term in terms) == pytest.approx(slope, abs=1e-12)


def test_slopes_and_steps_are_those_of_pytorch() -> None:
    answered = answer({**POINTS, "learning_rate": 0.5, "num_steps": 20})
    places, kinds = map(torch.tensor, lesson.points("corners"))
    network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)).double()
    torch.nn.utils.vector_to_parameters(torch.tensor(answered["weights"], dtype=torch.float64), network.parameters())
    optimizer, losses = torch.optim.SGD(network.parameters(), lr=0.5), []
    for step in range(21):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(places), kinds)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            slopes = [float(number) for p in network.parameters() for number in p.grad.ravel()]
        optimizer.step()
    np.testing.assert_allclose(answered["slopes"], slopes, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(answered["descent"]["losses"], losses, rtol=1e-9)


def test_one_example_alone() -> None:
    alone = answer({**POINTS, "example": 7, "is_alone": True})
    among = answer({**POINTS, "example": 7})
    assert len(alone["outputs"]) == 1
    assert alone["nodes"]["hidden"]["values"] == among["nodes"]["hidden"]["values"]
    np.testing.assert_allclose(
        np.array(alone["nodes"]["hidden"]["blames"]) / 48.0, among["nodes"]["hidden"]["blames"], rtol=1e-12
    )


def test_a_hidden_layer_learns_what_one_neuron_cannot() -> None:
    asked = {**POINTS, "num_steps": 200, "learning_rate": 1.0, "seed": 1}
    learned = {}
    for num_hidden in (0, 8):
        weights = answer({**asked, "num_hidden": num_hidden})["descent"]["weights"]
        weights = answer({**asked, "num_hidden": num_hidden, "weights": weights})["descent"]["weights"]
        learned[num_hidden] = answer({**POINTS, "num_hidden": num_hidden, "weights": weights})["accuracy"]
    assert learned[0] < 0.8
    assert learned[8] > 0.95


def test_the_picture_is_what_the_network_says_of_each_cell() -> None:
    answered = answer({"network": "points", "num_hidden": 0, "weights": [9.0, 0.0, 0.0], "num_cells": 4})
    rows = np.array(answered["picture"]).reshape(4, 4)
    assert (rows[:, :2] < 0.1).all()
    assert (rows[:, 2:] > 0.9).all()
    upwards = np.array(
        answer({"network": "points", "num_hidden": 0, "weights": [0.0, 9.0, 0.0], "num_cells": 4})["picture"]
    )
    assert (upwards[:8] > 0.9).all(), "the first rows are the upper ones"


def test_a_diverging_descent_ends_where_the_loss_is_a_number() -> None:
    descent = answer({**ONES, "learning_rate": 1000.0, "num_steps": 200})["descent"]
    assert descent["is_diverged"]
    assert np.isfinite(descent["losses"]).all()
    json.dumps(descent, allow_nan=False)
    far = answer({"network": "neuron", "weights": [1e6] * 3, "inputs": [[1e6] * 3], "num_steps": 200})
    json.dumps(far, allow_nan=False)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({**ONES, "weights": [1.0]}, "expected 3 weights"),
        ({**ONES, "weight": 3}, "expected the number of one of 3 weights"),
        ({**POINTS, "example": 48}, "expected the number of one of 48 examples"),
        ({**ONES, "inputs": [[1.0], [1.0, 2.0]]}, "expected as many inputs in each example"),
        ({**ONES, "targets": [1.0, 2.0]}, "expected as many inputs in each example"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        answer(wrong)


def test_an_answer_takes_milliseconds() -> None:
    asked = {**POINTS, "num_steps": 10, "num_cells": 24, "weight": 2}
    answer(asked)
    took = []
    for _ in range(9):
        began = time.perf_counter()
        answer(asked)
        took.append(time.perf_counter() - began)
    assert sorted(took)[2] < 0.06, "a third of the tries at least, on a busy machine"


def test_the_points_and_the_sizes_are_told() -> None:
    assert {len(lesson.points(name)[0]) for name in lesson.SETS} == {48}
    for name in lesson.SETS:
        assert 12 <= lesson.points(name)[1].sum() <= 36, "of both kinds enough"
    sizes = {told["network"]: told["num_weights"] for told in lesson.sizes()}
    assert sizes["convnetjs"] == 22_466
    assert sizes["resnet"] > 6_000_000


def test_the_page_asks(served: Served) -> None:
    facts = served.ask("GET", "/api/classroom").json()
    assert len(facts["sets"]["ring"]["points"]) == len(facts["sets"]["ring"]["kinds"]) == 48
    answered = served.ask("POST", "/api/classroom", json={**POINTS, "weight": 3.0, "num_steps": 2.0, "num_cells": 24})
    assert answered.status_code == 200
    assert len(answered.json()["picture"]) == 576


@pytest.mark.parametrize(
    "wrong",
    [
        b"{}", b"[]", b'{"network": "neuron", "weights": [NaN]}', b'{"network": "neuron", "weights": [1e400]}',
        b'{"network": "neuron", "weight": true}', b'{"network": "points", "num_hidden": 17}',
        b'{"network": "points", "num_steps": 201}', b'{"network": "points", "set": "../halves"}',
        b'{"network": "neuron", "code": "1"}', b'{"network": "neuron", "by": 0}',
        b'{"network": "points", "weights": [' + b"0," * 200 + b"0]}", b"[" * 60_000,
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused(served: Served, wrong: bytes) -> None:
    answered = served.ask("POST", "/api/classroom", content=wrong, headers={"content-type": "application/json"})
    assert answered.status_code == 400
    assert answered.json()["error"]["code"] == "wrong_settings"
