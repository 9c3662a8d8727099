"""The models that can be run, and leaderboards."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.http import Http404

from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.queries import benchmark_at, version_of
from leaderboards_app.standings.queries import latest_standings_id, standings_at
from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.errors import Unknown
from plumbmark.compat.kaggle.rpc.messages import lean, numeric_result
from plumbmark.compat.kaggle.rpc.models import ModelNames, as_slug
from plumbmark.compat.kaggle.rpc.paging import page_of
from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender
from tasks_app.runs.queries import deployments_for

_MODALITIES = {"text", "image", "video", "audio"}


def list_benchmark_models(call: RpcCall) -> Answer:
    """Return every deployment that the caller may run, by its short name."""
    names = ModelNames(deployments_for(call.user)).all
    # Falling, so that the pages come in the order of the names.
    numbered = list(zip(range(len(names), 0, -1), names, strict=True))
    page = page_of(numbered, call.body, key=lambda pair: pair[0])
    return lean(
        benchmarkModels=[_model(name, deployment) for _, (name, deployment) in page.items],
        nextPageToken=page.next_token,
    )


def _model(name: str, deployment: Deployment) -> dict[str, Any]:
    model = deployment.model
    known = [one for one in model.modalities if one in _MODALITIES] or ["text"]
    label = f"{model.maker} {model.name}".strip() if model.maker else model.name
    cutoff = model.knowledge_until
    version = lean(
        slug=name,
        displayName=label,
        modelProxySlug=deployment.slug,
        allowModelProxy=True,
        published=True,
        isDefault=True,
        externalUrl=model.homepage,
        knowledgeCutoff=f"{cutoff.isoformat()}T00:00:00Z" if cutoff else None,
        inputModalities=[f"MODALITY_{one.upper()}" for one in known],
        outputModalities=["MODALITY_TEXT"],
    )
    return lean(displayName=label, slug=name, published=True, version=version)


def get_benchmark_leaderboard(call: RpcCall) -> Answer:
    """Return the newest snapshot of a board: rows in their order, with every task's score."""
    body = call.body
    version = _version(call, body.text("ownerSlug"), body.text("benchmarkSlug"))
    newest = latest_standings_id(version)
    if newest is None:
        return {}
    content = standings_at(public_id=newest, to=call.user).content
    slugs = _task_slugs(content)
    names = _contender_names(content)
    return lean(rows=[_row(row, content, slugs, names) for row in content["rows"]])


def _version(call: RpcCall, handle: str, slug: str) -> BenchmarkVersion:
    number = call.body.integer("versionNumber")
    try:
        benchmark = benchmark_at(handle=handle, slug=slug, to=call.user)
        if number is not None:
            return version_of(benchmark=benchmark, number=number, to=call.user)
    except Http404:
        which = "" if number is None else f" with a version {number}"
        raise Unknown(f"There is no benchmark {handle}/{slug}{which} that you can see.") from None
    if benchmark.latest_version is None:
        raise Unknown(f"{handle}/{slug} is not published yet, so it has no leaderboard.")
    return benchmark.latest_version


def _task_slugs(content: Mapping[str, Any]) -> list[str]:
    """Return slugs that are unique within a board, as columns are identified by them."""
    counts = Counter(task["slug"] for task in content["tasks"])
    return [
        task["slug"]
        if counts[task["slug"]] == 1
        else f"{task['handle']}-{task['slug']}-{task['number']}"
        for task in content["tasks"]
    ]


def _contender_names(content: Mapping[str, Any]) -> Mapping[str, str]:
    """Return short names by contender: of the platform's deployments; others go by their labels."""
    ids = [row["contender"]["id"] for row in content["rows"]]
    contenders = Contender.objects.filter(public_id__in=ids).select_related("deployment")
    names = ModelNames(Deployment.objects.filter(owner=None))
    return {contender.public_id: names.of(contender) for contender in contenders}


def _row(
    row: Mapping[str, Any],
    content: Mapping[str, Any],
    slugs: list[str],
    names: Mapping[str, str],
) -> dict[str, Any]:
    contender = row["contender"]
    results = [
        lean(
            benchmarkTaskName=task["title"],
            benchmarkTaskSlug=slug,
            taskVersion=task["number"],
            result=numeric_result(cell["value"], cell["low"], cell["high"]),
        )
        for task, slug, cell in zip(content["tasks"], slugs, row["tasks"], strict=True)
    ]
    return lean(
        modelVersionName=contender["label"],
        modelVersionSlug=names.get(contender["id"]) or as_slug(contender["label"]),
        taskResults=results,
    )
