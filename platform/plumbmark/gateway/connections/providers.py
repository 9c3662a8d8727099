"""The kinds of providers: what each speaks, where it is, and how it is tested."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class KeyNeed(StrEnum):
    """Whether a kind of provider is called with a key."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class UnknownKind(KeyError):
    """There is no kind of provider with this name."""


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One kind of provider."""

    name: str
    label: str | Promise
    wire_format: str
    """As of `Deployment.provider`."""
    address: str
    """The base URL that the form suggests."""
    is_fixed: bool = True
    """Every customer uses this one address."""
    key: KeyNeed = KeyNeed.REQUIRED
    hint: str | Promise = ""
    """Said in the form."""
    maker: str = ""
    """The maker of all of its models; empty: it offers models of many."""
    key_path: str = ""
    """Asked besides the list, where the list is given out without a key."""
    lists_models: bool = True
    """False: the names of the models are typed in."""
    is_local: bool = False
    """Its calls cost nothing."""
    max_concurrency: int = 64


_KINDS = (
    ProviderKind("openai", "OpenAI", "openai", "https://api.openai.com/v1", maker="openai"),
    ProviderKind(
        "anthropic", "Anthropic", "anthropic", "https://api.anthropic.com/v1", maker="anthropic"
    ),
    ProviderKind(
        "google",
        "Google",
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        maker="google",
        hint=_("Use a key of Google AI Studio (the Gemini API)."),
    ),
    ProviderKind("mistral", "Mistral", "openai", "https://api.mistral.ai/v1", maker="mistral"),
    ProviderKind("deepseek", "DeepSeek", "openai", "https://api.deepseek.com/v1", maker="deepseek"),
    ProviderKind("xai", "xAI", "openai", "https://api.x.ai/v1", maker="xai"),
    ProviderKind(
        "openrouter", "OpenRouter", "openai", "https://openrouter.ai/api/v1", key_path="/key"
    ),
    ProviderKind("groq", "Groq", "openai", "https://api.groq.com/openai/v1"),
    ProviderKind("together", "Together", "openai", "https://api.together.xyz/v1"),
    ProviderKind(
        "azure",
        "Azure",
        "openai",
        "https://YOUR-RESOURCE.openai.azure.com/openai/v1",
        is_fixed=False,
        hint=_(
            "Put the name of your resource into the address. Azure calls models by the names of "
            "your deployments, which it does not list: type these names in on the next page."
        ),
    ),
    ProviderKind(
        "vertex",
        "Vertex",
        "gemini",
        "https://aiplatform.googleapis.com/v1/publishers/google",
        is_fixed=False,
        lists_models=False,
        maker="google",
        hint=_(
            "Use an API key of Vertex AI. Vertex gives no list to such a key: type the names of "
            "the models in on the next page, such as gemini-2.5-flash. The key is first used by "
            "the first call."
        ),
    ),
    ProviderKind(
        "ollama",
        "Ollama",
        "openai",
        "http://127.0.0.1:11434/v1",
        is_fixed=False,
        key=KeyNeed.OPTIONAL,
        is_local=True,
        max_concurrency=4,
    ),
    ProviderKind(
        "vllm",
        "vLLM",
        "openai",
        "http://127.0.0.1:8000/v1",
        is_fixed=False,
        key=KeyNeed.OPTIONAL,
        is_local=True,
    ),
    ProviderKind(
        "llamacpp",
        "llama.cpp",
        "openai",
        "http://127.0.0.1:8080/v1",
        is_fixed=False,
        key=KeyNeed.OPTIONAL,
        is_local=True,
        max_concurrency=1,
    ),
    ProviderKind(
        "other",
        _("Another address in OpenAI’s format"),
        "openai",
        "",
        is_fixed=False,
        key=KeyNeed.OPTIONAL,
        hint=_("The address usually ends in /v1."),
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}


def kind_named(name: str) -> ProviderKind:
    """Return the kind with this name; raise `UnknownKind` if there is none."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownKind(name) from None


def kind_at(base_url: str, wire_format: str) -> ProviderKind:
    """Return the kind whose one address this is, or the one of all other addresses."""
    for kind in _KINDS:
        if kind.is_fixed and kind.address == base_url and kind.wire_format == wire_format:
            return kind
    return KINDS["other"]
