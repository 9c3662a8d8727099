"""The list of tasks."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tasks_app.authoring.queries import matching_tasks, visible_tasks

_PER_PAGE = 25


@require_safe
def task_list(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")[:200].strip()
    tag = request.GET.get("tag", "")[:40].strip().lower()
    tasks = matching_tasks(visible_tasks(to=request.user), words=words, tag=tag)
    page = Paginator(tasks, _PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "words": words, "tag": tag}
    return render(request, "tasks_app/authoring/list.html", context)
