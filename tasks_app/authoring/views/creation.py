"""Creating a task: from a table, from a kind, or empty."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from plumbmark.accounts.acting import acting_namespaces, chosen_namespace, person
from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict, InvalidInput
from plumbmark.web.forms import add_problems
from tasks_app.authoring import actions as authoring
from tasks_app.authoring.forms import NewTaskForm
from tasks_app.authoring.views.trails import list_step
from tasks_app.starting_points.actions import create_task_from_starting_point
from tasks_app.starting_points.catalogue import STARTING_POINTS
from tasks_app.tables.actions import create_task_from_table


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def task_create(request: HttpRequest) -> HttpResponse:
    namespaces = acting_namespaces(request)
    if "starting_point" in request.POST:
        return _create_from_starting_point(request, namespaces)
    form = NewTaskForm(request.POST or None, request.FILES or None, namespaces=namespaces)
    if request.method == "POST" and form.is_valid():
        namespace = chosen_namespace(namespaces, form.cleaned_data.get("namespace", ""))
        facts, upload, by = form.facts(), form.upload(), person(request)
        try:
            if upload is None:
                task = authoring.create_task(namespace=namespace, facts=facts, by=by)
            else:
                task = create_task_from_table(
                    namespace=namespace, facts=facts, upload=upload, by=by
                )
        except InvalidInput as error:
            add_problems(form, error, {"slug": "title"})
        except Conflict as error:
            form.add_error("title", error.message)
        else:
            following = "tasks:edit" if upload is None else "tasks:columns"
            return redirect(following, task.namespace.handle, task.slug)
    return _new_task_page(
        request, form, namespaces, status=422 if form.is_bound and form.errors else 200
    )


def _create_from_starting_point(request: HttpRequest, namespaces: list[Namespace]) -> HttpResponse:
    try:
        task = create_task_from_starting_point(
            namespace=chosen_namespace(namespaces, request.POST.get("namespace", "")),
            starting_point=request.POST["starting_point"],
            by=person(request),
        )
    except InvalidInput as error:
        message = "; ".join(problem.message for problem in error.problems)
    except Conflict as error:
        message = error.message
    else:
        messages.success(
            request, _("This is a working example: try it, publish it, or change it to your task.")
        )
        return redirect("tasks:edit", task.namespace.handle, task.slug)
    messages.error(request, message)
    form = NewTaskForm(namespaces=namespaces)
    return _new_task_page(request, form, namespaces, status=422)


def _new_task_page(
    request: HttpRequest, form: NewTaskForm, namespaces: list[Namespace], *, status: int
) -> HttpResponse:
    context = {
        "form": form,
        "starting_points": STARTING_POINTS,
        "owners": namespaces if len(namespaces) > 1 else (),
        "trail": [list_step(), {"label": _("New task")}],
    }
    return render(request, "tasks_app/authoring/new.html", context, status=status)
