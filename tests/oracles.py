"""The libraries that results are held against, each loaded by the first test that asks it.

Every worker reads every file of tests, and loading these takes longer than most files' tests.
"""

from importlib import import_module
from typing import Any
from unittest import mock


class _Library:
    """Stands for a module, which is loaded when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # pytest looks at every name of a test module for marks and wrappers of its own.
            raise AttributeError(name)
        return getattr(import_module(self._name), name)


np = _Library("numpy")
special = _Library("scipy.special")
stats = _Library("scipy.stats")
sm = _Library("statsmodels.api")
contingency_tables = _Library("statsmodels.stats.contingency_tables")
inter_rater = _Library("statsmodels.stats.inter_rater")
multitest = _Library("statsmodels.stats.multitest")
proportion = _Library("statsmodels.stats.proportion")
openai = _Library("openai")
schemathesis = _Library("schemathesis")
openapi_checks = _Library("schemathesis.specs.openapi.checks")


def holm_by_statsmodels(p_values: list[float], alpha: float = 0.05) -> tuple[Any, Any]:
    """Return what is rejected and the adjusted p values."""
    # It collects garbage in each call: a quarter of a second where all tests are loaded.
    with mock.patch("gc.collect"):
        return multitest.multipletests(p_values, alpha=alpha, method="holm")[:2]
