"""The list of models that a provider publishes."""

import fnmatch
import json
import urllib.error
import urllib.request
from http.client import HTTPMessage
from typing import IO, Any

from plumbmark.common.errors import DomainError
from plumbmark.gateway.providers.http import without_secret

_TIMEOUT_SECONDS = 30
_MAX_LIST_BYTES = 8 * 1024 * 1024


class ProviderUnreadable(DomainError):
    """The provider's list of models could not be had."""

    status = 502
    code = "provider-unreadable"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Refuse: the credential would go along to another host."""


def models_at(
    base_url: str, secret: str, *, provider: str = "openai", only: str = "*"
) -> list[str]:
    """Return the sorted ids of the models at a base URL (checked before) that match a shell
    pattern.

    `provider` is the wire format: of a `Deployment`.
    """
    url = f"{base_url}/models"
    headers = {"User-Agent": "plumbmark", "Accept": "application/json"}
    if provider == "anthropic":
        headers |= {"x-api-key": secret, "anthropic-version": "2023-06-01"}
        url += "?limit=1000"
    elif provider == "gemini":
        headers["x-goog-api-key"] = secret
        url += "?pageSize=1000"
    elif secret:
        headers["Authorization"] = f"Bearer {secret}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            raw = response.read(_MAX_LIST_BYTES)
        listed = json.loads(raw)
        if provider == "gemini":
            found = {str(entry["name"]).removeprefix("models/") for entry in listed["models"]}
        else:
            found = {str(entry["id"]) for entry in listed["data"]}
        names = sorted(found)
    except urllib.error.HTTPError as error:
        error_text = without_secret(error.read(2000), secret).decode("utf-8", "replace")
        error.close()
        raise ProviderUnreadable(f"{url} answered HTTP {error.code}: {error_text}") from None
    except OSError as error:
        raise ProviderUnreadable(f"{url} cannot be reached: {error}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ProviderUnreadable(
            f"{url} did not return a list of models in the format of {provider}; is "
            "this the base URL (it "
            "usually ends in /v1, for Gemini in /v1beta)?"
        ) from error
    return [name for name in names if fnmatch.fnmatchcase(name, only)]
