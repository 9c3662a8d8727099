"""The body of one call, and what it becomes where a provider refuses the limit of the answer."""

from dataclasses import replace

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.calls.policy import CallPolicy
from plumbmark.gateway.providers.base import Attempt, AttemptFailure

_MAX_CORRECTIONS = 2


class SentRequest:
    """A request as it goes out, with a limit of the answer that the model can give.

    A limit above the model's is refused before anything is generated. Where the provider says how
    much it gives, the call is made with that, and later calls begin with it.
    """

    __slots__ = (
        "_corrections",
        "_known",
        "_stream",
        "_terms",
        "body",
        "max_output_tokens",
        "request",
    )

    def __init__(
        self,
        terms: CallPolicy,
        request: ModelRequest,
        known: dict[tuple[str, str], int],
        *,
        stream: bool,
    ) -> None:
        """Begin with the limit of the model where `known`, shared by all calls, has one."""
        self._terms = terms
        self._known = known
        self._stream = stream
        self._corrections = 0
        self.request = request
        self.body = b""
        self.max_output_tokens: int | None = None
        """The limit that replaced the requested one; None where that stayed."""
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
        self.body = self._terms.provider.build(
            self._terms.target, self.request, stream=self._stream
        )

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
