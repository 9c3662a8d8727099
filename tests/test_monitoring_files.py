"""The files for Prometheus and Grafana ask only for metrics that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plumbmark.common import metrics
from tests.exposition import Exposition

FOLDER = Path(__file__).resolve().parents[1] / "docs/operators"
_NAME = re.compile(r"plumbmark_[a-z_]+")


def dashboard() -> Any:
    return json.loads((FOLDER / "grafana.json").read_text())


def rules() -> list[Any]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return asked + [rule["expr"] for rule in rules()]


@pytest.mark.django_db
def test_every_metric_that_is_asked_for_is_told() -> None:
    families, _ = metrics._read_database()
    merged = metrics._merge([("a", metrics.own_counts())])
    up = metrics.gauge("database_up", "x", 1.0)
    told = Exposition(
        metrics.generate_latest(metrics._Families([*merged, *families, up])).decode()
    ).names

    asked = {name for text in expressions() for name in _NAME.findall(text)}

    assert len(asked) > 25
    assert asked - told == set()
    documented = (FOLDER / "monitoring.md").read_text()
    assert not [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in documented]


def test_expressions_are_balanced_and_windows_are_long_enough() -> None:
    for text in expressions():
        assert text.count("(") == text.count(")"), text
        assert text.count("[") == text.count("]"), text
        for minutes in re.findall(r"\[(\d+)m\]", text):
            assert int(minutes) >= 5, text


def test_panels_have_their_own_places_and_numbers() -> None:
    panels = dashboard()["panels"]

    places = {(one["gridPos"]["x"], one["gridPos"]["y"]) for one in panels}

    assert len(places) == len({one["id"] for one in panels}) == len(panels)
    assert all(one["title"] and one["targets"] for one in panels)


def test_the_scrape_configuration_is_the_one_that_the_page_shows() -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    (job,) = yaml.safe_load(text)["scrape_configs"]

    assert job["static_configs"][0]["targets"] == ["web:8000", "gateway:8001"]
    assert job["authorization"]["credentials_file"]
    shown = re.sub(r"^    ", "", (FOLDER / "monitoring.md").read_text(), flags=re.M)
    assert text[text.index("scrape_configs:") :].strip() in shown
