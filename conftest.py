"""A skipped test proves nothing, so skips are counted, and more than `MAX_SKIPS` of them fail the whole session."""

from collections.abc import Iterator

import pytest

MAX_SKIPS = 0
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
