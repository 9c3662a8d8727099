"""The pages of providers, for staff and for people's own.

Each step is a plain form; what a provider answers is said beside it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict, DomainError, InvalidInput, NotAllowed
from plumbmark.gateway.budget.money import plain_dollars
from plumbmark.gateway.connections import actions, queries
from plumbmark.gateway.connections.actions import NewProvider, kind_of
from plumbmark.gateway.connections.forms import KeyForm, ProviderForm, read_prices
from plumbmark.gateway.connections.listing import ProviderUnreadable
from plumbmark.gateway.connections.offers import find_offers, variable_of
from plumbmark.gateway.connections.providers import KINDS, UnknownKind, kind_named
from plumbmark.gateway.connections.sections import ProviderPages
from plumbmark.gateway.models import Deployment, ProviderConnection
from plumbmark.gateway.permissions import can_manage_deployments
from plumbmark.web.forms import add_problems

MAX_SHOWN_MODELS = 500
_MAX_SEARCH = 100

View = Callable[..., HttpResponse]


def _guarded(view: View) -> View:
    """Ask for a signed-in person, and for staff on the pages of staff: others get a 404."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *, section: ProviderPages, **parameters: Any) -> HttpResponse:
        if section.is_staff and not can_manage_deployments(request.user):
            raise Http404
        return view(request, section=section, **parameters)

    return guarded


def _connection(request: HttpRequest, section: ProviderPages, public_id: str) -> ProviderConnection:
    found = queries.connection_at(public_id, to=request.user)
    if (found.owner_id is None) != section.is_staff:
        raise Http404
    return found


def _owners(request: HttpRequest, section: ProviderPages) -> list[Namespace]:
    return [] if section.is_staff else acting_namespaces(request)


def _trail(section: ProviderPages, *steps: tuple[str, str]) -> list[dict[str, str]]:
    """Return the way to a page: the list, then labels with their addresses."""
    label = _("Providers") if section.is_staff else _("Your providers")
    return [
        {"label": label, "url": reverse(section.list_url)},
        *({"label": label, "url": url} for label, url in steps),
    ]


@require_safe
@_guarded
def provider_list(request: HttpRequest, *, section: ProviderPages) -> HttpResponse:
    """Show the connected providers with what they cost this month."""
    if section.is_staff:
        found = list(queries.platform_connections())
    else:
        found = list(queries.connections_of(acting_namespaces(request)))
    spends = queries.spend_of(found)
    rows = [
        {
            "connection": one,
            "kind": kind_of(one).label,
            "spend": spends.get(one.pk, queries.ProviderSpend()),
        }
        for one in found
    ]
    offers = find_offers() if section.is_staff else []
    context = {"section": section, "rows": rows, "found": {"offers": offers}}
    return render(request, "gateway/providers/list.html", context)


@require_safe
@_guarded
def choose_kind(request: HttpRequest, *, section: ProviderPages) -> HttpResponse:
    """Ask which provider it is."""
    trail = _trail(section, (_("Add a provider"), ""))
    context = {"section": section, "kinds": KINDS.values(), "trail": trail}
    return render(request, "gateway/providers/kinds.html", context)


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def add(request: HttpRequest, *, section: ProviderPages, kind: str) -> HttpResponse:
    """Ask for the key, test it, and lead on to the models."""
    try:
        chosen = kind_named(kind)
    except UnknownKind:
        raise Http404 from None
    owners = _owners(request, section)
    variable = variable_of(chosen) if section.is_staff else ""
    form = ProviderForm(chosen, owners, request.POST or None, variable=variable)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        owner = None
        try:
            if not section.is_staff:
                # As it was sent: a name that may not be chosen is refused, not ignored.
                owner = chosen_namespace(owners, request.POST.get("namespace", ""))
            new = NewProvider(
                chosen,
                values["name"],
                values.get("base_url", ""),
                values["key"],
                values.get("models_are_typed", False),
                # A key that was typed in counts more.
                values.get("key_in_environment", False) and not values["key"],
            )
            made = actions.connect_provider(new=new, owner=owner, by=person(request))
        except InvalidInput as error:
            add_problems(form, error)
        except (ProviderUnreadable, Conflict, NotAllowed) as error:
            form.add_error(None, error.message)
        else:
            count = len(made.listed_models)
            if made.listed_at:
                words = ngettext(
                    "Connected. It lists %(count)s model.",
                    "Connected. It lists %(count)s models.",
                    count,
                )
                messages.success(request, words % {"count": count})
            else:
                messages.success(request, _("Connected, without a test."))
            return redirect(section.models_url, made.public_id)
    trail = _trail(
        section, (_("Add a provider"), reverse(section.kinds_url)), (str(chosen.label), "")
    )
    context = {"section": section, "kind": chosen, "form": form, "trail": trail}
    status = 422 if form.errors else 200
    return render(request, "gateway/providers/add.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@_guarded
def models(request: HttpRequest, *, section: ProviderPages, public_id: str) -> HttpResponse:
    """Show the models of a provider to tick."""
    connection = _connection(request, section, public_id)
    query = (request.POST if request.method == "POST" else request.GET).get("q", "")
    query = query.strip()[:_MAX_SEARCH]
    on = set(connection.deployments.filter(is_active=True).values_list("upstream_id", flat=True))
    known = set(connection.deployments.values_list("upstream_id", flat=True))
    listed = [str(model["id"]) for model in connection.listed_models]
    names = sorted({*listed, *known}, key=str.casefold)
    shown = [name for name in names if query.casefold() in name.casefold()]
    cut = len(shown) - MAX_SHOWN_MODELS
    shown = shown[:MAX_SHOWN_MODELS]
    problem, typed = "", ""
    if request.method == "POST":
        typed = request.POST.get("more", "")[:20_000]
        ticked = [name for name in request.POST.getlist("models") if name in shown]
        wanted = [*(on - set(shown)), *ticked, *typed.splitlines()]
        try:
            added = actions.choose_models(connection=connection, names=wanted, by=person(request))
        except DomainError as error:
            problem = error.message
            on = (on - set(shown)) | set(ticked)
        else:
            _tell_of_prices(request, added)
            return redirect(section.detail_url, connection.public_id)
    gone = known - set(listed) if connection.listed_at else set()
    context = {
        "section": section,
        "connection": connection,
        "kind": kind_of(connection),
        "query": query,
        "rows": [{"name": one, "is_on": one in on, "is_gone": one in gone} for one in shown],
        "left_off": max(0, cut),
        "problem": problem,
        "trail": _trail(
            section,
            (connection.name, reverse(section.detail_url, args=[connection.public_id])),
            (_("Models"), ""),
        ),
        "typed": typed,
    }
    status = 422 if problem else 200
    return render(request, "gateway/providers/models.html", context, status=status)


def _tell_of_prices(request: HttpRequest, added: list[Deployment]) -> None:
    """Say how many of the new models have no price, and so cannot be called yet."""
    priceless = [one for one in added if not one.price_cards.exists()]
    if priceless and priceless[0].owner_id is None:
        words = ngettext(
            "%(count)s model has no price in the price library: set one below, or state that it is "
            "free. Until then its calls are refused.",
            "%(count)s models have no price in the price library: set one below, or state that "
            "they are free. Until then their calls are refused.",
            len(priceless),
        )
        messages.warning(request, words % {"count": len(priceless)})
    else:
        messages.success(request, _("The models are saved."))


@require_safe
@_guarded
def detail(request: HttpRequest, *, section: ProviderPages, public_id: str) -> HttpResponse:
    """Show a provider: its key, models, prices and spend."""
    connection = _connection(request, section, public_id)
    return _detail_page(request, section, connection, KeyForm())


def _detail_page(
    request: HttpRequest,
    section: ProviderPages,
    connection: ProviderConnection,
    key_form: KeyForm,
    *,
    problems: InvalidInput | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = []
    for number, deployment in enumerate(queries.deployments_of(connection)):
        card = queries.current_card_of(deployment)
        values = {"input": "", "output": "", "cached": ""}
        if card is not None:
            cached = card.cached_input_per_mtok
            values = {
                "input": plain_dollars(card.input_per_mtok),
                "output": plain_dollars(card.output_per_mtok),
                "cached": "" if cached is None else plain_dollars(cached),
            }
        is_free = queries.is_free(deployment)
        if problems is not None:
            values = {part: request.POST.get(f"{part}-{number}", "")[:30] for part in values}
            is_free = bool(request.POST.get(f"free-{number}"))
        rows.append(
            {
                "number": number,
                "deployment": deployment,
                "card": card,
                "is_free": is_free,
                **values,
            }
        )
    context = {
        "section": section,
        "connection": connection,
        "kind": kind_of(connection),
        "rows": rows,
        "spend": queries.spend_of([connection]).get(connection.pk, queries.ProviderSpend()),
        "key_form": key_form,
        "trail": _trail(section, (connection.name, "")),
        "problems": problems.problems if problems else [],
    }
    return render(request, "gateway/providers/detail.html", context, status=status)


@require_POST
@_guarded
def prices(request: HttpRequest, *, section: ProviderPages, public_id: str) -> HttpResponse:
    """Set the prices of the table."""
    connection = _connection(request, section, public_id)
    deployments = queries.deployments_of(connection)
    names = [one.upstream_id for one in deployments]
    free = {one.upstream_id for one in deployments if queries.is_free(one)}
    if request.POST.getlist("name") != names:
        messages.error(request, _("The models changed meanwhile; look at the prices again."))
        return redirect(section.detail_url, public_id)
    try:
        found = read_prices(request.POST, names, free)
        changed = actions.set_prices(connection=connection, prices=found, by=person(request))
    except InvalidInput as error:
        return _detail_page(
            request, section, connection, KeyForm(), problems=error, status=error.status
        )
    words = ngettext("%(count)s price changed.", "%(count)s prices changed.", changed)
    messages.success(request, words % {"count": changed})
    return redirect(section.detail_url, public_id)


@sensitive_post_parameters("key")
@require_POST
@_guarded
def key(request: HttpRequest, *, section: ProviderPages, public_id: str) -> HttpResponse:
    """Test a new key and put it in the place of the old one."""
    connection = _connection(request, section, public_id)
    form = KeyForm(request.POST)
    if form.is_valid():
        try:
            actions.rotate_key(
                connection=connection, key=form.cleaned_data["key"], by=person(request)
            )
        except InvalidInput as error:
            add_problems(form, error)
        except DomainError as error:
            form.add_error("key", error.message)
        else:
            messages.success(request, _("The new key works and is used from now on."))
            return redirect(section.detail_url, public_id)
    return _detail_page(request, section, connection, form, status=422)


@require_POST
@_guarded
def act(request: HttpRequest, *, section: ProviderPages, public_id: str, step: str) -> HttpResponse:
    """Refresh the list, switch off or on, or remove the key."""
    steps: dict[str, tuple[Callable[..., object], str]] = {
        "refresh": (actions.refresh_models, _("The list of models is up to date.")),
        "switch-off": (actions.switch_off, _("Switched off: none of its models can be called.")),
        "switch-on": (actions.switch_on, _("Switched on.")),
        "erase-key": (actions.erase_key, _("The key is removed and the provider switched off.")),
    }
    if step not in steps:
        raise Http404
    connection = _connection(request, section, public_id)
    action, words = steps[step]
    try:
        action(connection=connection, by=person(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, words)
    return redirect(reverse(section.detail_url, args=[public_id]))
