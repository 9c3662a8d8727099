"""The content shown to a labeller: a question, an answer, and the criteria."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.manifests import content_hash
from plumbmark.scoring.scorers import ModelJudge
from plumbmark.scoring.scorers.model_judge import OUTPUT, TARGET
from plumbmark.scoring.templates import parse_template
from tasks_app.definitions.rendering import text_of
from tasks_app.kinds import kind_of
from tasks_app.models import Item, Sample, TaskVersion
from tasks_app.runs.transcripts import messages_of


@dataclass(frozen=True, slots=True)
class LabelledContent:
    messages: Sequence[Mapping[str, Any]]
    """What was asked."""
    output: str
    targets: Sequence[str]
    criteria: str
    """The rubric as the judges got it, without the answer, which is beside it."""

    def fingerprint(self, scorer: ModelJudge) -> str:
        """Return a value that is the same for all scorers that a labeller could not distinguish."""
        return content_hash(
            {
                "messages": [dict(message) for message in self.messages],
                "output": self.output,
                "targets": list(self.targets),
                "criteria": self.criteria,
                "mode": scorer.mode,
                "scale": None if scorer.scale is None else [repr(end) for end in scorer.scale],
            }
        )


def content_of(
    sample: Sample, item: Item, version: TaskVersion, scorer: ModelJudge
) -> LabelledContent | None:
    """Return the content to label; `version` is the judges', and `item` is of it. None if a part of
    it is withheld.
    """
    if sample.is_withheld or sample.item.is_withheld or item.is_withheld:
        return None
    found = item.target if isinstance(item.target, list) else [item.target]
    targets = [text_of(one) for one in found if one is not None]
    template = parse_template(scorer.rubric)
    values = {name: text_of(item.scorer_input.get(name)) for name in template.columns}
    criteria = template.fill({**values, OUTPUT: "[…]", TARGET: "\nor: ".join(targets)})
    answer = kind_of(version).output_scorer.split(sample.output).answer
    return LabelledContent(_messages_of(sample), answer, targets, criteria.strip())


def _messages_of(sample: Sample) -> Sequence[Mapping[str, Any]]:
    messages = list(messages_of(sample.run, sample))
    last = messages[-1] if messages else None
    # A conversation ends with the answer itself, which is shown separately.
    if last and last.get("role") == "assistant" and last.get("content") == sample.output:
        messages.pop()
    return messages


def scored_items(version: TaskVersion, samples: Iterable[Sample]) -> dict[int, Item]:
    """Return the items that a version's scorers used for the samples, by the sample's key.

    A run of an earlier version with equal questions is scored by the later one's targets. One query
    at most.
    """
    found: dict[int, Item] = {}
    elsewhere: dict[int, list[int]] = defaultdict(list)
    for sample in samples:
        if sample.item.version_id == version.pk:
            found[sample.pk] = sample.item
        else:
            elsewhere[sample.item.position].append(sample.pk)
    if elsewhere:
        for item in version.items.filter(position__in=list(elsewhere)):
            found.update(dict.fromkeys(elsewhere[item.position], item))
    return found
