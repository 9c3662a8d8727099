"""The judges of a version: what is known of them, and labelling answers blind."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from plumbmark.accounts.acting import person
from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.web.forms import add_problems, number_in
from plumbmark.web.long_text import cap_text
from tasks_app.authoring.queries import own_task_at, task_at, version_at
from tasks_app.authoring.views.trails import trail_of
from tasks_app.judges.actions import label_answer, make_label_set, unlabelled
from tasks_app.judges.forms import GradeForm, LabelSetForm
from tasks_app.judges.panel_page import panel_sections, verdict_words
from tasks_app.judges.panels import judging_scorers
from tasks_app.judges.queries import (
    LABELS_TO_BE_PUBLIC,
    BlindAnswer,
    blind_answer,
    disagreements,
    label_set_at,
    label_sets_of,
    place_at,
    visible_panel,
)
from tasks_app.models import LabelSample, LabelSet, TaskVersion
from tasks_app.permissions import can_label_answers
from tasks_app.runs.message_display import exchange_context, files_of_item

_SKIP = "skip"


@never_cache
@require_safe
def judges_detail(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    version = _version(request, handle, slug, number)
    return _judges_page(request, version, None)


def _version(request: HttpRequest, handle: str, slug: str, number: int) -> TaskVersion:
    task = task_at(handle=handle, slug=slug, to=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    return version


def _judges_page(
    request: HttpRequest, version: TaskVersion, form: LabelSetForm | None, status: int = 200
) -> HttpResponse:
    task = version.task
    scorers = judging_scorers(version)
    can_label = can_label_answers(request.user, task)
    panel = visible_panel(version, to=request.user)
    sets = list(label_sets_of(version, by=request.user)[:20]) if can_label else []
    context = {
        "task": task,
        "version": version,
        "sections": panel_sections(scorers, panel),
        "can_label": can_label,
        "needed": LABELS_TO_BE_PUBLIC,
        "sets": [_set_row(one, many=len(scorers) > 1) for one in sets],
        "form": (form or LabelSetForm(scorers=list(scorers))) if can_label and scorers else None,
        "trail": [
            *trail_of(task),
            {
                "label": _("Version %(number)s") % {"number": version.number},
                "url": version.get_absolute_url(),
            },
            {"label": _("Judges")},
        ],
    }
    return render(request, "tasks_app/judges/judges.html", context, status=status)


def _set_row(one: LabelSet, *, many: bool) -> dict[str, Any]:
    done, skipped = one.done, one.skipped  # type: ignore[attr-defined]
    return {
        "set": one,
        "done": done,
        "skipped": skipped,
        "is_complete": done == one.size,
        "scorer": one.scorer if many else "",
    }


@never_cache
@login_required
@require_POST
def label_set_create(request: HttpRequest, handle: str, slug: str, number: int) -> HttpResponse:
    """Draw a set and go to its first answer."""
    task = own_task_at(handle=handle, slug=slug, by=request.user)
    version = version_at(task=task, number=number, to=request.user)
    version.task = task
    form = LabelSetForm(request.POST, scorers=list(judging_scorers(version)))
    if form.is_valid():
        values = form.cleaned_data
        try:
            label_set = make_label_set(
                version=version,
                scorer=values.get("scorer", ""),
                size=values["size"],
                by=person(request),
            )
        except InvalidInput as error:
            add_problems(form, error)
        except Conflict as error:
            form.add_error(None, error.message)
        else:
            return redirect("tasks:label-set", label_set.public_id)
    return _judges_page(request, version, form, status=422)


@never_cache
@login_required
@require_safe
def label_set(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the next answer to label; when all are labelled, where the person and the judges
    disagree.
    """
    found = label_set_at(public_id=public_id, to=request.user)
    waiting = unlabelled(found, by=person(request))
    after = number_in(request, "after")
    # On from the one that was just labelled or skipped, and only then round again.
    later = [position for position in waiting if after is not None and position > after]
    if waiting and "result" not in request.GET:
        return redirect("tasks:label", public_id, (later or waiting)[0])
    scorer = judging_scorers(found.task_version)[found.scorer]
    context = {
        **_frame(found),
        "waiting": len(waiting),
        "done": found.size - len(waiting),
        "differences": [
            {
                "one": one,
                "label": verdict_words(scorer, one.label),
                "verdict": verdict_words(scorer, one.verdict),
            }
            for one in disagreements(found, by=person(request))
        ],
    }
    return render(request, "tasks_app/judges/label_set.html", context)


def _frame(found: LabelSet) -> dict[str, Any]:
    version = found.task_version
    task = version.task
    judges_url = reverse(
        "tasks:judges", args=[task.namespace.handle, task.slug, version.number or 0]
    )
    return {
        "label_set": found,
        "task": task,
        "judges_url": judges_url,
        "trail": [
            *trail_of(task),
            {"label": _("Judges"), "url": judges_url},
            {"label": _("Labels")},
        ],
    }


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def label_edit(request: HttpRequest, public_id: str, position: int) -> HttpResponse:
    """Show one answer, blind. Each verdict is a button, so that one key press is one label."""
    found = label_set_at(public_id=public_id, to=request.user)
    place = place_at(found, position)
    answer = blind_answer(place, by=person(request))
    form = GradeForm(initial={"value": answer.label})
    if request.method == "POST":
        form = GradeForm(request.POST)
        if request.POST.get("verdict") == _SKIP:
            return _save_label(request, place, None)
        value = answer.value_of(request.POST.get("verdict", ""))
        if value is not None:
            return _save_label(request, place, value)
        if answer.scale is not None and form.is_valid():
            try:
                return _save_label(request, place, form.cleaned_data["value"])
            except InvalidInput as error:
                add_problems(form, error)
        elif answer.scale is None:
            messages.error(request, _("Choose one of the buttons."))
    waiting = unlabelled(found, by=person(request))
    context = {
        **_frame(found),
        "answer": answer,
        "number": position + 1,
        "done": found.size - len(waiting),
        "exchange": exchange_context(
            # Not the sample's own URLs, which name its run.
            answer.messages,
            files_of_item(place.sample.item.version, place.sample.item),
        ),
        "answers": _answers(answer),
        "criteria": cap_text(answer.criteria, 8000).text,
        "targets": [cap_text(one, 4000).text for one in answer.targets[:20]],
        "choices": _choices(answer),
        "form": form if answer.scale is not None else None,
        "scale": None if answer.scale is None else [f"{end:g}" for end in answer.scale],
        "previous": position - 1 if position else None,
        "next": position + 1 if position + 1 < found.size else None,
        "is_labelled": answer.label is not None,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "tasks_app/judges/label.html", context, status=status)


def _save_label(request: HttpRequest, place: LabelSample, value: float | None) -> HttpResponse:
    label_answer(place=place, value=value, by=person(request))
    url = reverse("tasks:label-set", args=[place.label_set.public_id])
    return redirect(f"{url}?after={place.position}")


def _choices(answer: BlindAnswer) -> list[dict[str, Any]]:
    """Return the buttons, with the present label's flagged."""
    labels = {
        "correct": _("Correct"),
        "incorrect": _("Incorrect"),
        "first": _("A is better"),
        "second": _("B is better"),
        "tie": _("Neither"),
    }
    return [
        {"word": word, "label": labels[word], "key": number, "is_chosen": word == answer.word}
        for number, word in enumerate(answer.words, start=1)
    ]


def _answers(answer: BlindAnswer) -> list[dict[str, Any]]:
    labels = [_("Answer A"), _("Answer B")] if len(answer.answers) > 1 else [_("Answer")]
    found = []
    for label, text in zip(labels, answer.answers, strict=False):
        capped = cap_text(text)
        note = (
            _("first %(shown)s of %(total)s characters")
            % {"shown": f"{len(capped.text):,}", "total": f"{capped.total:,}"}
            if capped.is_cut
            else ""
        )
        found.append({"label": label, "text": capped.text or _("(nothing)"), "note": note})
    return found
