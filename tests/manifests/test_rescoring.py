"""The verifier builds every scorer from what a marking hash is made of."""

import json

import pytest

from plumbmark.manifests.run_files import _build
from plumbmark.scoring.scorers import build_scorer
from tasks_app.definitions import parse_definition
from tests.golden.corpora.valid_definitions import DEFINITIONS


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_a_scorer_is_built_again_from_its_hashed_options(name: str) -> None:
    for spec in parse_definition(DEFINITIONS[name]).scorers:
        scorer = build_scorer(spec.as_spec())
        hashed = {"type": spec.type, "name": spec.name, "options": dict(scorer.options)}

        again = _build(json.loads(json.dumps(hashed)))

        assert again.options == scorer.options
        assert type(again) is type(scorer)
