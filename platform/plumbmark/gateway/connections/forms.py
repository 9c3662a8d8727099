"""Forms of providers. A key goes in and never comes out."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from plumbmark.accounts.acting import namespace_field
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.gateway.connections.actions import MAX_KEY_CHARACTERS, ModelPrice
from plumbmark.gateway.connections.providers import KeyNeed, ProviderKind

MAX_PRICE = 10**15
"""Nanodollars per million tokens, a million dollars: no model comes near."""


def _key_field(*, required: bool) -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("API key"),
        required=required,
        max_length=MAX_KEY_CHARACTERS,
        widget=forms.PasswordInput(
            render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=gettext_lazy("Stored encrypted and never shown again."),
    )


class ProviderForm(forms.Form):
    """The address of a provider and its key."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("The names of its models begin with it."),
    )
    base_url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=300,
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )
    models_are_typed = forms.BooleanField(
        label=gettext_lazy("It gives no list of its models: connect it without a test"),
        required=False,
    )

    def __init__(
        self,
        kind: ProviderKind,
        namespaces: Iterable[Namespace],
        *arguments: Any,
        variable: str = "",
        **options: Any,
    ) -> None:
        """Build the form. `variable` names an environment variable whose key may be used instead of
        one that is typed in.
        """
        super().__init__(*arguments, **options)
        self.fields["key"] = _key_field(required=kind.key == KeyNeed.REQUIRED and not variable)
        self.fields["name"].initial = kind.label if kind.name != "other" else ""
        self.fields["base_url"].initial = kind.address
        if kind.hint:
            self.fields["base_url"].help_text = str(kind.hint)
        if kind.is_fixed:
            del self.fields["base_url"]
        if kind.is_fixed or not kind.lists_models:
            del self.fields["models_are_typed"]
        order = ["name", "base_url", "key_in_environment", "key", "models_are_typed"]
        if variable:
            self.fields["key_in_environment"] = forms.BooleanField(
                label=_("Use the key in %(variable)s") % {"variable": variable},
                required=False,
                initial=True,
                help_text=_("It is read from there at each start, and not stored."),
            )
        namespaces = list(namespaces)
        if len(namespaces) > 1:
            self.fields["namespace"] = namespace_field(namespaces)
            order.insert(0, "namespace")
        self.order_fields(order)


class KeyForm(forms.Form):
    """A new key."""

    key = _key_field(required=True)


def read_prices(
    data: Mapping[str, str], names: Iterable[str], free_names: Container[str]
) -> dict[str, ModelPrice]:
    """Return the prices of a page's table: `input-N`, `output-N`, `cached-N` in USD per million
    tokens and `free-N`, where N is the place of the model in `names`.

    A row left empty is no price. In a row that was free (`free_names`), a price that is typed in
    counts more than the tick that nobody took away; in others the tick counts. Raises
    `InvalidInput` with the model that each problem is about.
    """
    found: dict[str, ModelPrice] = {}
    problems = []
    for number, name in enumerate(names):
        texts = [data.get(f"{part}-{number}", "").strip() for part in ("input", "output", "cached")]
        has_price = any(text.strip("0.") for text in texts)
        if data.get(f"free-{number}") and not (has_price and name in free_names):
            found[name] = ModelPrice(0, 0)
            continue
        if not any(texts):
            continue
        if not (texts[0] and texts[1]):
            problems.append(Problem(_("give a price for input and one for output"), name))
            continue
        try:
            read, written = _read_price(texts[0]), _read_price(texts[1])
            cached = _read_price(texts[2]) if texts[2] else None
        except ValueError as error:
            problems.append(Problem(str(error), name))
            continue
        found[name] = ModelPrice(read, written, cached)
    if problems:
        raise InvalidInput(problems)
    return found


def _read_price(text: str) -> int:
    if len(text) > 30:
        raise ValueError(_("a price has at most 30 characters"))
    amount = nanodollars(text)
    if not 0 <= amount <= MAX_PRICE:
        raise ValueError(_("a price is between 0 and 1,000,000 USD per million tokens"))
    return amount
