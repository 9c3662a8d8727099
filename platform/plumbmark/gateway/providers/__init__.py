"""Pure asynchronous clients of the providers' wire formats. No Django, no database, no money.

Each adapter is one small file with the steps of `base.Provider`; all pass the conformance suite in
`tests/gateway/test_provider_conformance.py`. `provider_named` is the way in. How to add one:
`docs/contributors/providers.md`.
"""

from plumbmark.gateway.providers.anthropic import Anthropic
from plumbmark.gateway.providers.base import ProviderAdapter
from plumbmark.gateway.providers.baseline import Baseline
from plumbmark.gateway.providers.gemini import Gemini
from plumbmark.gateway.providers.openai import OpenAI

_PROVIDERS: dict[str, ProviderAdapter] = {
    "openai": OpenAI(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "baseline": Baseline(),
}


def provider_named(name: str) -> ProviderAdapter | None:
    """Return the adapter for a deployment's `provider`, or None if this version has none."""
    return _PROVIDERS.get(name)
