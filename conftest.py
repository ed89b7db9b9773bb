"""A skipped test proves nothing, so skips are counted, and more than `MAX_SKIPS` of them fail the whole session."""

from collections.abc import Iterator

import pytest

MAX_SKIPS = 0
# The files that take longest, each more than ten seconds, come first: one that began last would keep one core alone.
LONGEST_FIRST = (
    "tests/cli/test_interruptions.py",
    "tests/lab/browser/test_site.py",
    "tests/lab/browser/test_views.py",
    "tests/lab/browser/test_report_page.py",
    "tests/lab/browser/test_use.py",
    "tests/cli/test_several.py",
    "tests/cli/test_compare.py",
    "tests/tasks/test_houses.py",
    "tests/export/test_site.py",
    "tests/lab/test_report.py",
    "tests/baselines/test_torch_training.py",
    "tests/tasks/test_classification.py",
    "tests/cli/test_enroll.py",
    "tests/cli/test_steering.py",
    "tests/cli/test_faces_verbs.py",
    "tests/lab/test_trainings.py",
    "tests/lab/browser/test_try.py",
    "tests/lab/browser/test_nudge.py",
    "tests/cli/test_look.py",
    "tests/tasks/test_faces.py",
    "tests/cli/test_bench.py",
    "tests/cli/test_train_pictures.py",
    "tests/data/test_cifar10.py",
    "tests/runtimes/test_torch.py",
    "tests/runtimes/test_curves.py",
    "tests/cli/test_verbs.py",
    "tests/ops/test_rules.py",
    "tests/lab/test_interface.py",
    "tests/sklearn/test_faces.py",
    "tests/sklearn/test_checks.py",
    "tests/cli/test_wrong_usage.py",
    "tests/cli/test_predict.py",
    "tests/data/test_people.py",
    "tests/data/test_folder.py",
    "tests/training/test_loop.py",
    "tests/models/test_classifiers.py",
)
# The fixtures that want real drawings say so. They may be missing: a user's machine has none.
WANTS_DATA = "needs $GLASSNET_DATA"


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """PyTorch's threads spin while they wait, which is slow beside those of NumPy and onnxruntime."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    places = {config.rootpath / path: i for i, path in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def _skips(session: pytest.Session) -> tuple[int, int]:
    """(for want of real data, for any other reason)"""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    for_want_of_data = sum(WANTS_DATA in str(report.longrepr) for report in skipped)
    return for_want_of_data, len(skipped) - for_want_of_data


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skips(session)[1] > MAX_SKIPS and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for_want_of_data, others = _skips(terminalreporter._session)
    terminalreporter.write_line(f"skips: {others} (at most {MAX_SKIPS}), and {for_want_of_data} for want of real data")
