"""From items to the requests that a run sends."""

from collections.abc import Iterator, Sequence

from plumbmark.engine.plan import PlannedSample
from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.models import Deployment
from tasks_app.definitions import Definition, render_messages
from tasks_app.definitions.render import shown_choices
from tasks_app.models import Item, Run


class RequestPlanner:
    """Renders the samples of one run. The same run and ordinal always give the same request."""

    def __init__(self, run: Run) -> None:
        self._version_id = run.task_version_id
        self._definition = Definition.from_document(run.task_version.definition)
        self._repeats = run.repeats
        self._sampling = run.parameters
        deployment = run.contender.deployment
        self._tells_choices = (
            deployment is not None and deployment.provider == Deployment.Provider.BASELINE
        )

    def key(self, ordinal: int) -> str:
        """Names the sample's first question within the run's grant."""
        return f"{ordinal}/0"

    def items(self, ordinals: Sequence[int]) -> Iterator[tuple[int, Item]]:
        """Each ordinal with its item; one query for all."""
        if not ordinals:
            return
        positions = {ordinal // self._repeats for ordinal in ordinals}
        found = {
            item.position: item
            for item in Item.objects.filter(
                version_id=self._version_id,
                position__gte=min(positions),
                position__lte=max(positions),
            )
        }
        for ordinal in ordinals:
            yield ordinal, found[ordinal // self._repeats]

    def planned(self, ordinal: int, item: Item) -> PlannedSample:
        return PlannedSample(ordinal, self.key(ordinal), self.request(ordinal, item))

    def request(self, ordinal: int, item: Item) -> ModelRequest:
        """The request of one sample. Repeats differ in their seed alone, where one is set."""
        sampling = self._sampling
        seed = sampling.get("seed")
        extra = dict(sampling.get("extra") or {})
        if self._tells_choices and item.choices is not None:
            # A baseline picks among the options; a model sees them in its prompt alone.
            extra["choices"] = list(shown_choices(self._definition, item))
        return ModelRequest(
            messages=render_messages(self._definition, item),
            max_output_tokens=sampling["max_output_tokens"],
            temperature=sampling.get("temperature"),
            top_p=sampling.get("top_p"),
            seed=None if seed is None else seed + ordinal % self._repeats,
            stop=tuple(sampling.get("stop") or ()),
            extra=extra,
        )
