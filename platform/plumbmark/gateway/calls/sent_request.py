"""The body of one call, and what it becomes where a provider refuses a part of it."""

from dataclasses import replace

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.calls.policy import CallPolicy
from plumbmark.gateway.providers.base import Attempt, AttemptFailure
from plumbmark.gateway.providers.returned_reasoning import (
    OMIT,
    OPTION,
    has_returned_reasoning,
    refuses_returned_reasoning,
)
from plumbmark.gateway.providers.schemas import SCHEMA_WAYS, find_weaker_way

_MAX_CORRECTIONS = 2


class SentRequest:
    """A request as it goes out, with a limit of the answer that the model can give, and the schema
    of the answer as its host takes it.

    A limit above the model's is refused before anything is generated. Where the provider says how
    much it gives, the call is made with that, and later calls begin with it. A host that knows no
    schemas refuses them likewise, and is asked in a weaker way. One that refuses reasoning which a
    client sends back gets the messages without it.
    """

    __slots__ = (
        "_corrections",
        "_has_schema_way",
        "_known",
        "_stream",
        "_target",
        "_terms",
        "_without_reasoning",
        "body",
        "max_output_tokens",
        "request",
        "schema_way",
    )

    def __init__(
        self,
        terms: CallPolicy,
        request: ModelRequest,
        known: dict[tuple[str, str], int],
        without_reasoning: set[tuple[str, str]],
        *,
        schema_way: str,
        stream: bool,
    ) -> None:
        """Begin with what is known of the model, shared by all calls: the limit of its answers in
        `known`, and whether its host refuses reasoning in messages; and with the way to ask for a
        schema that was found for it, if any.
        """
        self._terms = terms
        self._known = known
        self._without_reasoning = without_reasoning
        self._stream = stream
        self._corrections = 0
        self.request = request
        self.body = b""
        self.max_output_tokens: int | None = None
        """The limit that replaced the requested one; None where that stayed."""
        self.schema_way = ""
        """The way to ask for the schema, as found for the host; empty where it knows schemas."""
        self._target = terms.target
        self._has_schema_way = "schema" in terms.target.options
        if schema_way and request.output_schema is not None and not self._has_schema_way:
            self._replace_schema_way(schema_way)
        is_without = self._key in without_reasoning if without_reasoning else False
        if is_without and OPTION not in terms.target.options:
            self._drop_reasoning()
        maximum = known.get(self._key) if known else None
        if maximum is not None and maximum < request.max_output_tokens:
            self._replace_limit(maximum)

    @property
    def _key(self) -> tuple[str, str]:
        return self._terms.target.base_url, self._terms.target.upstream_id

    def _replace_limit(self, maximum: int) -> None:
        self.max_output_tokens = maximum
        self.request = replace(self.request, max_output_tokens=maximum)

    def build(self) -> None:
        """Build the body. Raises `CannotAsk` if the provider's format cannot express it."""
        assert self._terms.provider is not None
        self.body = self._terms.provider.build(self._target, self.request, stream=self._stream)

    def _replace_schema_way(self, way: str) -> None:
        self.schema_way = way
        self._target = replace(self._target, options={**self._target.options, "schema": way})

    def correct(self, attempt: Attempt) -> bool:
        """Change what a refusal names; return whether the call can be made now."""
        return self.narrow(attempt) or self._weaken_schema(attempt) or self._omit_reasoning(attempt)

    def _omit_reasoning(self, attempt: Attempt) -> bool:
        """Leave out the reasoning that the client sent back, where the host refuses it. An option
        of the deployment is left as it is.
        """
        is_probed = self._terms.provider_name == "openai" and OPTION not in self._target.options
        if not is_probed or not isinstance(attempt, AttemptFailure):
            return False
        if not has_returned_reasoning(self.request.messages):
            return False
        if not refuses_returned_reasoning(attempt):
            return False
        self._without_reasoning.add(self._key)
        self._drop_reasoning()
        self.build()
        return True

    def _drop_reasoning(self) -> None:
        self._target = replace(self._target, options={**self._target.options, OPTION: OMIT})

    def _weaken_schema(self, attempt: Attempt) -> bool:
        """Ask for the schema in a weaker way where the host does not know this one. An option of
        the deployment is left as it is.
        """
        is_probed = self._terms.provider_name == "openai" and not self._has_schema_way
        if not is_probed or not isinstance(attempt, AttemptFailure):
            return False
        way = find_weaker_way(self.schema_way or SCHEMA_WAYS[0], self.request, attempt)
        if way is None:
            return False
        self._replace_schema_way(way)
        self.build()
        return True

    def narrow(self, attempt: Attempt) -> bool:
        """Take the limit that a refusal names; return whether the call can be made with it now."""
        limit = attempt.output_limit if isinstance(attempt, AttemptFailure) else None
        if limit is None or limit.maximum is None:
            return False
        if not 0 < limit.maximum < self.request.max_output_tokens:
            return False
        if self._corrections == _MAX_CORRECTIONS:
            return False
        self._corrections += 1
        if limit.is_of_model:
            self._known[self._key] = limit.maximum
        self._replace_limit(limit.maximum)
        self.build()
        return True
