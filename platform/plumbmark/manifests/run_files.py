"""Checks a downloaded run: every hash, and the scores again where pure scorers made them.

The file has a line of JSON for the run and one for each sample. `verify_run` stops at the first
thing that differs, and names it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from plumbmark.manifests.hashes import content_hash
from plumbmark.manifests.run_manifests import (
    FORMAT,
    LISTS,
    RunHashes,
    exchange_hash,
    exchanges_entry,
    item_hash,
    output_entry,
    score_entry,
)
from plumbmark.scoring.estimates import estimate, round_digits
from plumbmark.scoring.items import ItemScore
from plumbmark.scoring.metrics import Metric
from plumbmark.scoring.reasoning import split_output
from plumbmark.scoring.scorers import (
    CodeExecution,
    ModelJudge,
    PythonScorer,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)
from plumbmark.scoring.tool_calls import calls_made


class Difference(Exception):
    """The first thing that is not as the manifest says."""


class Checks:
    """A list of what was checked, and of what could not be."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: dict[str, None] = {}

    def note(self, text: str) -> None:
        """Add what was not checked; once, however often it is said."""
        self.notes[text] = None


def expect(what: str, found: object, expected: object) -> None:
    """Raise `Difference` where two values differ."""
    if found != expected:
        raise Difference(f"{what}: the file comes to {found}, the manifest says {expected}")


def verify_run(lines: Iterable[str]) -> Checks:
    """Check a run's file, line by line; `Difference` names the first thing that differs."""
    rest = iter(lines)
    head = _read(next(rest, ""), "line 1")
    if head.get("format") != FORMAT:
        raise Difference(f"line 1: this is no file of the format {FORMAT!r}")
    manifest = head["manifest"]
    expect("the hash of the manifest", content_hash(manifest), head.get("hash"))
    report = Checks()
    run = _RunCheck(head, manifest, report)
    run.check_version()
    for number, line in enumerate(rest, start=2):
        if line.strip():
            run.check_sample(_read(line, f"line {number}"))
    run.check_lists()
    run.check_estimate()
    return report


def _read(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Difference(f"{where}: no JSON ({error})") from None
    if not isinstance(found, dict):
        raise Difference(f"{where}: no object")
    return found


class _RunCheck:
    def __init__(
        self, head: Mapping[str, Any], manifest: Mapping[str, Any], report: Checks
    ) -> None:
        self._manifest = manifest
        self._version = head.get("version")
        self._report = report
        self._hashes = RunHashes()
        self._scorer: _Rescorer | None = None
        self._scores: dict[str, ItemScore] = {}
        self._rescored = 0
        self._is_complete = True

    def check_version(self) -> None:
        """Check that the parts of the version have the two hashes."""
        if self._version is None:
            self._report.note("the hashes of the task: the file does not have its parts")
            return
        for name in ("question", "marking"):
            found = content_hash(self._version[name])
            expect(f"the {name} hash of the task", found, self._manifest[f"{name}_hash"])
        self._report.lines.append("the question hash and the marking hash of the task")
        self._scorer = _rescorer_of(self._version, self._manifest, self._report)

    def check_sample(self, sample: Mapping[str, Any]) -> None:
        """Check a sample's entries, and its contents where the file has them."""
        ordinal = self._hashes.count
        where = f"sample {ordinal}"
        expect(f"{where}, its ordinal", sample.get("ordinal"), ordinal)
        entries = sample["hashes"]
        self._check_item(where, sample, entries["items"], ordinal)
        if "output" in sample:
            expect(f"{where}, its output", output_entry(sample["output"]), entries["outputs"])
        if "value" in sample:
            found = score_entry(sample["value"], sample["answer"])
            expect(f"{where}, its score", found, entries["scores"])
        if "exchanges" in sample:
            self._check_exchanges(where, sample, entries["exchanges"])
        self._hashes.add(entries)
        self._check_score(where, sample)

    def _check_item(self, where: str, sample: Mapping[str, Any], entry: str, ordinal: int) -> None:
        parts = None
        if self._version is not None:
            place = ordinal // self._manifest["repeats"]
            parts = [self._version[name]["items"][place] for name in ("question", "marking")]
            expect(f"{where}, its item", item_hash(*parts), entry)
        if "question" in sample:
            found = [content_hash(sample[name]) for name in ("question", "marking")]
            if parts is not None:
                expect(f"{where}, what its item asks", found[0], parts[0])
                expect(f"{where}, how its item is marked", found[1], parts[1])
            expect(f"{where}, its item", item_hash(*found), entry)

    def _check_exchanges(self, where: str, sample: Mapping[str, Any], entry: str) -> None:
        hashes = []
        for number, one in enumerate(sample["exchanges"], start=1):
            if one.get("raw") is not None:
                found = exchange_hash(one["raw"])
                expect(f"{where}, its exchange {number}", found, one["hash"])
            else:
                self._report.note("exchanges that are withheld: only their hashes are here")
            hashes.append(one["hash"])
        expect(f"{where}, its exchanges", exchanges_entry(hashes), entry)

    def _check_score(self, where: str, sample: Mapping[str, Any]) -> None:
        if "value" not in sample:
            self._is_complete = False
            self._report.note("private or withheld samples: only their hashes are here")
            return
        item = sample["item"]
        value = sample["value"]
        known = self._scores.get(item, ItemScore())
        cluster = sample.get("marking", {}).get("cluster") or None
        self._scores[item] = ItemScore(
            known.values if value is None else (*known.values, value),
            known.unscored + (value is None),
            cluster,
        )
        if self._scorer is None or value is None or not {"output", "marking"} <= set(sample):
            return
        again = self._scorer.score(sample)
        if again != value:
            raise Difference(f"{where}, its score: the scorer says {again}, the file says {value}")
        self._rescored += 1

    def check_lists(self) -> None:
        """Check the hashes of the lists, and that no sample is missing."""
        expect("the number of samples", self._hashes.count, self._manifest["samples"])
        for name, found in self._hashes.finish().items():
            expect(f"the list of {name}", found, self._manifest["lists"][name])
        count = self._hashes.count
        self._report.lines.append(f"{', '.join(LISTS)} of {count} samples")
        if self._rescored:
            self._report.lines.append(f"the scores of {self._rescored} samples, scored again")

    def check_estimate(self) -> None:
        """Compute the estimate again from the scores."""
        stored, metric = self._manifest["estimate"], self._manifest["metric"]
        if not self._is_complete or stored is None or not self._manifest["is_plain_mean"]:
            self._report.note("the estimate: it takes all scores, of samples that are items")
            return
        found = estimate(self._scores, Metric(**metric))
        for name in ("value", "low", "high"):
            number = getattr(found, name)
            again = None if number is None else round_digits(number)
            if again is not None and stored[name] is not None:
                is_equal = abs(again - stored[name]) <= 1e-9 * max(1.0, abs(again))
            else:
                is_equal = again == stored[name]
            if not is_equal:
                raise Difference(
                    f"the estimate, its {name}: computed again it is {again}, the manifest says "
                    f"{stored[name]}"
                )
        self._report.lines.append("the estimate and its interval, computed again")


class _Rescorer:
    """The main scorer of a version, as its marking describes it."""

    def __init__(self, scorer: Scorer, version: Mapping[str, Any]) -> None:
        self._scorer = scorer
        self._version = version

    def score(self, sample: Mapping[str, Any]) -> float | None:
        """Score the output of a sample again."""
        output = sample["output"]
        if self._version["separates_reasoning"]:
            output = split_output(output).answer
        marking, messages = sample["marking"], sample.get("messages")
        context = ScorerContext(
            marking["key"],
            sample.get("choices") or (),
            self._version["choice_seed"],
            None if messages is None else calls_made(messages),
            marking.get("scorer_input", {}),
        )
        return self._scorer.score(output, marking["target"], context).value


def _build(spec: Mapping[str, Any]) -> Scorer:
    """Build a scorer from its options with defaults written out."""
    # None, and an empty list where one may not be written, are options that were left out.
    options = {name: value for name, value in spec["options"].items() if value is not None}
    while True:
        try:
            scorer = build_scorer({"type": spec["type"], "name": spec["name"], **options})
        except ScorerSpecError as error:
            if options.get(error.option) != []:
                raise
            del options[error.option]
        else:
            break
    if dict(scorer.options) != spec["options"]:
        raise ScorerSpecError("it has other options in this package")
    return scorer


def _rescorer_of(
    version: Mapping[str, Any], manifest: Mapping[str, Any], report: Checks
) -> _Rescorer | None:
    marking = version["marking"]
    spec = next(one for one in marking["scorers"] if one["name"] == marking["main"])
    try:
        scorer = _build(spec)
    except ScorerSpecError as error:
        report.note(f"scores: this package cannot build the scorer {spec['name']} ({error})")
        return None
    if isinstance(scorer, CodeExecution | ModelJudge | PythonScorer):
        report.note(f"scores: the scorer {spec['name']} runs programs or asks models")
        return None
    used = manifest["scorer_versions"].get(spec["name"])
    if used != scorer.version:
        report.note(
            f"scores: they were made by version {used} of the scorer {spec['name']}, and this "
            f"package has version {scorer.version}"
        )
        return None
    return _Rescorer(scorer, version)
