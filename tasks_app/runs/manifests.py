"""Manifests of runs: made when a scoring completes, and written into files that can be checked."""

import json
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from plumbmark.common.heavy_work import heavy_work
from plumbmark.gateway.models import Exchange
from plumbmark.gateway.storage.exchanges import read_bodies
from plumbmark.gateway.storage.records import decompress_body
from plumbmark.manifests.hashes import PREFIX, content_hash
from plumbmark.manifests.run_manifests import (
    FORMAT,
    RunHashes,
    exchanges_entry,
    output_entry,
    score_entry,
)
from plumbmark.web.compiled_queries import CompiledRowsQuery
from plumbmark.web.downloads import MAX_IN_MEMORY, mark_as_file, reader_of, respond_with_written
from tasks_app.definitions import VersionHashes
from tasks_app.kinds import kind_of
from tasks_app.models import (
    Item,
    Run,
    RunManifest,
    Sample,
    SampleCall,
    SampleScore,
    Scoring,
    TaskVersion,
)
from tasks_app.permissions import can_view_private_items
from tasks_app.runs.queries import current_scoring
from tasks_app.scorings.estimates import metric_of

_AT_ONCE, _MAX_AT_ONCE = 50, 400
"""Samples in memory together: an output may have megabytes, so more only where they are short."""
_MAX_LETTERS = 1_000_000
"""Of the outputs in memory, as far as the ones before let expect."""
_HEAVY_SAMPLES = 1_000
_COUNT = struct.Struct("<I")
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class MadeManifest:
    """A manifest that is not stored yet."""

    hash: str
    document: Mapping[str, Any]
    outputs: bytes
    exchanges: bytes

    def store(self, scoring: Scoring) -> None:
        """Store the manifest in the caller's transaction."""
        manifest = RunManifest(
            scoring=scoring,
            hash=self.hash,
            document=dict(self.document),
            outputs=self.outputs,
            exchanges=self.exchanges,
        )
        RunManifest.objects.bulk_create(
            [manifest],
            update_conflicts=True,
            unique_fields=["scoring"],
            update_fields=["hash", "document", "outputs", "exchanges"],
        )


def make_manifest(scoring: Scoring, estimate: Mapping[str, Any]) -> MadeManifest:
    """Return the manifest of a scoring's run: three queries for each window of samples."""
    run, version = scoring.run, scoring.task_version
    hashes = RunHashes()
    outputs, exchanges = bytearray(), bytearray()
    for window in _windows(run):
        scores = {
            ordinal: (value, answer)
            for ordinal, value, answer in _SCORES.rows(scoring_id=scoring.pk, **window.place)
        }
        calls: dict[int, list[str]] = {}
        for ordinal, exchange in _EXCHANGES.rows(**window.place):
            if exchange:
                calls.setdefault(ordinal, []).append(exchange)
        for ordinal, text, item, split in window.samples:
            salt = version.salt if split == Item.Split.PRIVATE else None
            output = output_entry(text, salt=salt)
            value, answer = scores.get(ordinal, (None, ""))
            found = calls.get(ordinal, [])
            hashes.add(
                {
                    "items": item,
                    "outputs": output,
                    "exchanges": exchanges_entry(found, salt=salt),
                    "scores": score_entry(value, answer, salt=salt),
                }
            )
            outputs += _digest(output)
            exchanges += _COUNT.pack(len(found)) + b"".join(map(_digest, found))
    document = {
        "format": FORMAT,
        "run": run.pk,
        "revision": scoring.revision,
        "task": f"{version.task.namespace.handle}/{version.task.slug}",
        "task_version": version.public_id,
        "contender": run.contender.public_id,
        "contender_label": run.contender.label,
        "repeats": run.repeats,
        "samples": hashes.count,
        "question_hash": run.question_hash,
        "marking_hash": scoring.marking_hash,
        "scorer_versions": dict(scoring.scorer_versions),
        "metric": asdict(metric_of(version)),
        "estimate": dict(estimate),
        "is_plain_mean": not kind_of(version).runs_program,
        "lists": hashes.finish(),
    }
    return MadeManifest(content_hash(document), document, bytes(outputs), bytes(exchanges))


_LAST = CompiledRowsQuery(
    lambda run_id: Sample.objects.filter(run=run_id).order_by("-ordinal").values_list("ordinal"),
    "run_id",
    most=1,
)
_SAMPLES = CompiledRowsQuery(
    lambda run_id, first, end: (
        Sample.objects.filter(run=run_id, ordinal__gte=first, ordinal__lt=end)
        .order_by("ordinal")
        .values_list("ordinal", "output", "item__hash", "item__split")
    ),
    *("run_id", "first", "end"),
)
_SCORES = CompiledRowsQuery(
    lambda scoring_id, run_id, first, end: SampleScore.objects.filter(
        scoring=scoring_id,
        sample__run=run_id,
        sample__ordinal__gte=first,
        sample__ordinal__lt=end,
    ).values_list("sample__ordinal", "value", "answer"),
    *("scoring_id", "run_id", "first", "end"),
)
_EXCHANGES = CompiledRowsQuery(
    lambda run_id, first, end: (
        SampleCall.objects.filter(
            sample__run=run_id, sample__ordinal__gte=first, sample__ordinal__lt=end
        )
        .order_by("sample__ordinal", "position", "id")
        .values_list("sample__ordinal", "call__exchange__hash")
    ),
    *("run_id", "first", "end"),
)


@dataclass(frozen=True, slots=True)
class _Window:
    """Samples of a run with neighbouring ordinals."""

    place: Mapping[str, int]
    """Arguments of the queries."""
    samples: Sequence[tuple[int, str, str, str]]
    """Ordinal, output, and the hash and the split of the item."""


def _windows(run: Run) -> Iterator[_Window]:
    """Yield all samples in their order, many at once where their outputs are short."""
    first, width = 0, _AT_ONCE
    # A program's samples need not be as many as its ordinals.
    last = max((ordinal for (ordinal,) in _LAST.rows(run_id=run.pk)), default=-1)
    while first <= last:
        place = {"run_id": run.pk, "first": first, "end": first + width}
        window = _Window(place, _SAMPLES.rows(**place))
        yield window
        first += width
        length = sum(len(text or "") for _ordinal, text, _item, _split in window.samples)
        width = _AT_ONCE if length > _MAX_LETTERS // 2 else min(2 * width, _MAX_AT_ONCE)


def _digest(hashed: str) -> bytes:
    return bytes.fromhex(hashed.removeprefix(PREFIX))


def _batches(run: Run) -> Iterator[list[Sample]]:
    samples = (
        Sample.objects.filter(run=run)
        .select_related("item")
        .only("ordinal", "output", "withheld_at", "item__hash", "item__split", "item__key")
        .order_by("ordinal")
    )
    after = -1
    while batch := list(samples.filter(ordinal__gt=after)[:_AT_ONCE]):
        yield batch
        after = batch[-1].ordinal


def _scores_of(scoring: Scoring, samples: Sequence[Sample]) -> dict[int, tuple[float | None, str]]:
    rows = SampleScore.objects.filter(scoring=scoring, sample__in=[one.pk for one in samples])
    return {
        sample: (value, answer)
        for sample, value, answer in rows.values_list("sample_id", "value", "answer")
    }


def _calls_of(samples: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    links = SampleCall.objects.filter(sample__in=samples).order_by("position", "id")
    for sample, call in links.values_list("sample_id", "call_id"):
        found.setdefault(sample, []).append(call)
    return found


def manifest_of(run: Run) -> RunManifest | None:
    """Return the manifest of the run's current scoring; None for runs from before there were
    any.
    """
    scoring = current_scoring(run)
    return None if scoring is None else RunManifest.objects.filter(scoring=scoring).first()


def readable_manifest(run: Run) -> RunManifest:
    """Return the manifest; 404 with the reason if there is none."""
    manifest = manifest_of(run)
    if manifest is None:
        raise Http404(
            _(
                "This run has no manifest: it is made when a scoring completes, and this one is "
                "not complete or older than manifests. Scoring the run again makes one."
            )
        )
    return manifest


def respond_with_run_file(request: HttpRequest, run: Run) -> HttpResponseBase:
    """Return the manifest and all samples, each with what the reader may see, a line for each."""
    manifest = readable_manifest(run)
    target = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - the response closes it
        max_size=MAX_IN_MEMORY
    )
    try:
        with heavy_work(
            owner=reader_of(request), is_heavy=manifest.document["samples"] >= _HEAVY_SAMPLES
        ):
            _write_file(run, manifest, request, target)
        response = respond_with_written(target)
    except BaseException:
        target.close()
        raise
    mark_as_file(response, f"run-{run.pk}.jsonl", "text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response


def _write_file(run: Run, manifest: RunManifest, request: HttpRequest, target: IO[bytes]) -> None:
    version = run.task_version
    hashes = _hashes_of(version)
    head = {
        "format": FORMAT,
        "hash": manifest.hash,
        "url": settings.SITE_URL + run.get_absolute_url(),
        "canary": version.canary,
        "manifest": manifest.document,
        "version": None if hashes is None else _version_document(version, hashes),
    }
    target.write(_line(head))
    sees_private = can_view_private_items(request.user, version.task)
    stored = _StoredEntries(manifest)
    for batch in _batches(run):
        scores = _scores_of(manifest.scoring, batch)
        recorded = _recorded([one.pk for one in batch])
        items = {one.pk: one for one in Item.objects.filter(pk__in={s.item_id for s in batch})}
        for sample in batch:
            is_private = sample.item.split == Item.Split.PRIVATE
            value, answer = scores.get(sample.pk, (None, ""))
            salt = version.salt if is_private else None
            output, calls = stored.take()
            line: dict[str, Any] = {
                "ordinal": sample.ordinal,
                "hashes": {
                    "items": sample.item.hash,
                    "outputs": output,
                    "exchanges": exchanges_entry(calls, salt=salt),
                    "scores": score_entry(value, answer, salt=salt),
                },
            }
            if not is_private:
                line |= {"item": sample.item.key, "value": value, "answer": answer}
                line |= _contents(run, sample, items[sample.item_id], hashes)
                raw = recorded.get(sample.pk, {})
                line["exchanges"] = [{"hash": one, "raw": raw.get(one)} for one in calls]
                if sample.is_withheld:
                    # The answer is a part of the output.
                    del line["value"], line["answer"]
            elif sees_private:
                # What is salted cannot be checked without the salt, which is nobody's.
                line["item"] = sample.item.key
            target.write(_line(line))


def _contents(run: Run, sample: Sample, item: Item, hashes: VersionHashes | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not sample.is_withheld:
        found["output"] = sample.output
    if hashes is not None and not item.is_withheld:
        found |= {"question": hashes.question_of(item), "marking": hashes.marking_of(item)}
        found["choices"] = item.choices
        if kind_of(run.task_version).output_scorer.reads_calls and not sample.is_withheld:
            found["messages"] = Sample.objects.values_list("messages", flat=True).get(pk=sample.pk)
    return found


class _StoredEntries:
    """Reads the entries of a manifest that its samples may no longer have."""

    def __init__(self, manifest: RunManifest) -> None:
        self._outputs = bytes(manifest.outputs)
        self._exchanges = bytes(manifest.exchanges)
        self._place = self._offset = 0

    def take(self) -> tuple[str, list[str]]:
        """Return the output's entry and the hashes of the exchanges of the next sample."""
        output = self._outputs[self._place : self._place + _DIGEST]
        self._place += _DIGEST
        (count,) = _COUNT.unpack_from(self._exchanges, self._offset)
        start = self._offset + _COUNT.size
        self._offset = start + count * _DIGEST
        digests = self._exchanges[start : self._offset]
        hashes = [digests[at : at + _DIGEST] for at in range(0, len(digests), _DIGEST)]
        return PREFIX + output.hex(), [PREFIX + one.hex() for one in hashes]


def _recorded(samples: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the exchanges of samples that are not withheld, as their JSON, by their hashes."""
    calls = _calls_of(samples)
    ids = [call for found in calls.values() for call in found]
    shown = list(Exchange.objects.filter(call__in=ids, withheld_at__isnull=True))
    packed = read_bodies(shown)
    bodies = {
        one.call_id: (
            one.hash,
            decompress_body(packed[one.call_id]).decode("utf-8", "surrogatepass"),
        )
        for one in shown
        if one.call_id in packed
    }
    return {
        sample: dict(bodies[call] for call in found if call in bodies)
        for sample, found in calls.items()
    }


def _hashes_of(version: TaskVersion) -> VersionHashes | None:
    """Return the hashes of a version with all of its items; None if its parts are withheld, or if
    it is a program.
    """
    kind = kind_of(version)
    if kind.runs_program or version.is_withheld:
        return None
    hashes = VersionHashes(kind.definition, salt=version.salt)
    items = Item.objects.filter(version=version).order_by("position")
    for item in items.iterator(chunk_size=_AT_ONCE):
        hashes.add(item)
    is_whole = hashes.question == version.question_hash and hashes.marking == version.marking_hash
    return hashes if is_whole else None


def _version_document(version: TaskVersion, hashes: VersionHashes) -> dict[str, Any]:
    prompt = kind_of(version).definition.prompt
    return {
        "question": hashes.question_document(),
        "marking": hashes.marking_document(),
        "choice_seed": prompt.shuffle_seed,
        "separates_reasoning": prompt.separates_reasoning and prompt.scored == "last",
    }


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
