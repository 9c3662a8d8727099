"""Pages as their readers see them, without the white space and the names that change.

A test of a template's shape: whoever only lays a template out anew changes no line of these files.
"""

from typing import Any

import pytest

from plumbmark.web.csp import policy_text
from tests.golden.golden import check
from tests.golden.html_outline import outline
from tests.golden.world import World

# Not a transactional one: that would empty the world after the first test.
pytestmark = pytest.mark.django_db

TASKS = "/tasks/ada"
ANYBODY = {
    "home": "/",
    "help": "/help/",
    "login": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
    "password-reset-done": "/accounts/password/reset/done/",
    "password-key": "/accounts/password/reset/key/1-wrong/",
    "confirm-email": "/accounts/confirm-email/wrong/",
    "not-found": "/nothing-here/",
    "tasks": "/tasks/",
    "tasks-searched": "/tasks/?q=sums",
    "task-words": f"{TASKS}/number-words/",
    "task-words-version-1": f"{TASKS}/number-words/versions/1/",
    "task-options": f"{TASKS}/options/",
    "task-judged": f"{TASKS}/judged/",
    "task-media": f"{TASKS}/colours/",
    "task-program": f"{TASKS}/program/",
    "items-words": f"{TASKS}/number-words/versions/2/items/",
    "items-media": f"{TASKS}/colours/versions/1/items/",
    "judges": f"{TASKS}/judged/versions/1/judges/",
    "benchmarks": "/benchmarks/",
    "models": "/models/",
    "model": "/models/baseline/constant/",
    "search": "/search/?q=words",
    "board-of-one": "{board of one}",
    "board-of-two": "{board of two}",
    "board-of-two-all": "{board of two}?scope=all&sort=cost",
    "board-of-two-filtered": "{board of two}?q=nobody",
    "board-history": "{board of two}history/",
    "board-version": "{board of two}versions/1/",
    "standings": "{standings}",
    "profile": "/people/ada/",
    "run-words": "/runs/{words}/",
    "run-options": "/runs/{options echo}/",
    "run-options-wrong": "/runs/{options echo}/?verdict=wrong",
    "run-submitted": "/runs/{submitted}/",
    "run-judged": "/runs/{judged Aster}/",
    "run-program": "/runs/{program}/",
    "run-cancelled": "/runs/{cancelled}/",
    "sample-words": "/runs/{words}/samples/0/",
    "sample-sums": "/runs/{sums}/samples/1/",
    "sample-judged": "/runs/{judged Aster}/samples/1/",
    "sample-program": "/runs/{program}/samples/0/",
    "compare": "/compare/",
    "compare-one": "/compare/?runs={sums}",
    "compare-two": "/compare/?runs={sums},{submitted}",
    "compare-item": "/compare/items/2/?runs={sums},{submitted}&show=all",
    "compare-rows-choice": "{standings}compare/",
}
ADA = {
    "home-ada": "/",
    "task-words-ada": f"{TASKS}/number-words/",
    "items-words-ada": f"{TASKS}/number-words/versions/2/items/",
    "task-new": "/tasks/new/",
    "task-edit": f"{TASKS}/number-words/edit/",
    "task-edit-faulty": f"{TASKS}/faulty/edit/",
    "task-edit-media": f"{TASKS}/colours/edit/",
    "task-edit-code": f"{TASKS}/program/edit/code/",
    "task-publish": f"{TASKS}/number-words/publish/",
    "task-publish-faulty": f"{TASKS}/faulty/publish/",
    "task-settings": f"{TASKS}/number-words/settings/",
    "task-unpublished": f"{TASKS}/empty/",
    "task-run": f"{TASKS}/sums/run/",
    "task-run-confirm": f"{TASKS}/sums/run/?deployment=fake/arithmetic&purpose=declared",
    "task-submit": f"{TASKS}/sums/submit/",
    "judges-ada": f"{TASKS}/judged/versions/1/judges/",
    "labels": "{labels}",
    "label": "{fresh labels}1/",
    "label-again": "{labels}1/",
    "runs": "/runs/",
    "runs-filtered": "/runs/?state=completed&purpose=exploratory",
    "run-waiting": "/runs/{waiting}/",
    "run-paused": "/runs/{paused}/",
    "run-cancel": "/runs/{waiting}/cancel/",
    "run-status": "/runs/{waiting}/status/",
    "run-output": "/runs/{program}/output/",
    "run-media": "/runs/{media}/",
    "sample-media": "/runs/{media}/samples/0/",
    "board-of-two-ada": "{board of two}",
    "benchmark-new": "/benchmarks/new/",
    "benchmark-edit": "{draft board}edit/",
    "benchmark-publish": "{draft board}publish/",
    "benchmark-grid": "{board of two}grid/",
    "benchmark-unpublished": "{draft board}",
    "playground": "/playground/",
    "playground-asked": "{asked}",
    "quota": "/quota/",
    "ledger-line": "/quota/ada/lines/{settled line}/",
    "call": "/calls/{call}/",
    "settings-profile": "/settings/profile/",
    "settings-theme": "/settings/theme/",
    "settings-sessions": "/settings/sessions/",
    "settings-tokens": "/settings/tokens/",
    "email": "/accounts/email/",
    "password-change": "/accounts/password/change/",
    "logout": "/accounts/logout/",
    "profile-ada": "/people/ada/",
}
KEEPER = {
    "gallery": "/gallery/?sort=n",
    "staff-status": "/staff/status/",
    "quota-of-ada": "/quota/ada/",
    "run-words-keeper": "/runs/{words}/",
}
REFUSED = {
    "login-refused": ("/accounts/login/", {"login": "nobody@example.org", "password": "wrong"}),
    "sign-up-refused": ("/accounts/signup/", {"email": "no", "handle": "ada", "password1": "x"}),
    "task-new-refused": ("/tasks/new/", {"title": ""}),
    "task-preview": (f"{TASKS}/faulty/preview/", {"definition": "plumbmark: 2\nx: 1\n"}),
    "task-preview-right": (f"{TASKS}/number-words/preview/", {}),
    "task-edit-refused": (f"{TASKS}/faulty/edit/", {"definition": "a: [", "then": "preview"}),
    "task-submit-refused": (f"{TASKS}/sums/submit/", {"model_name": "", "maker": "x"}),
    "token-refused": ("/settings/tokens/new/", {"name": ""}),
    "benchmark-new-refused": ("/benchmarks/new/", {"title": ""}),
    "playground-refused": ("/playground/", {"prompt": ""}),
    "label-refused": ("{fresh labels}0/", {"verdict": "splendid"}),
    "run-invalidate-refused": ("/runs/{words}/invalidate/", {"reason": ""}),
}
WHOLE = {"home", "home-ada", "tasks", "benchmarks", "gallery", "login", "not-found"}
"""Their outlines have the frame too; the others only what is their own."""
HEADERS = ["Content-Type", "Location", "Cache-Control", "Vary", "HX-Trigger"]


def check_page(world: World, name: str, answer: Any) -> None:
    """Return the head of the answer and the outline of its body."""
    head = [f"status {answer.status_code}"]
    head += [f"{header}: {answer[header]}" for header in HEADERS if header in answer]
    if answer["Content-Security-Policy"] != policy_text():
        head.append(f"Content-Security-Policy: {answer['Content-Security-Policy']}")
    body = outline(world.normal(answer.content.decode()), is_whole=name in WHOLE)
    check(f"pages/{name}.txt", world.normal("\n".join(head)) + "\n\n" + body)


@pytest.mark.parametrize("name", ANYBODY)
def test_a_page_for_anybody_stays_as_it_is(world: World, name: str) -> None:
    answer = world.anybody.get(world.path(ANYBODY[name]))

    check_page(world, name, answer)


@pytest.mark.parametrize("name", ADA)
def test_a_page_for_its_author_stays_as_it_is(world: World, name: str) -> None:
    answer = world.ada.get(world.path(ADA[name]))

    check_page(world, name, answer)


@pytest.mark.parametrize("name", KEEPER)
def test_a_page_for_staff_stays_as_it_is(world: World, name: str) -> None:
    answer = world.keeper.get(world.path(KEEPER[name]))

    check_page(world, name, answer)


@pytest.mark.parametrize("name", REFUSED)
def test_a_form_that_is_refused_stays_as_it_is(world: World, name: str) -> None:
    path, fields = REFUSED[name]
    client = world.anybody if path.startswith("/accounts/") else world.ada

    answer = client.post(world.path(path), fields)
    # A message that waits for the next page would be on that of whichever test comes next.
    client.get("/")

    check_page(world, name, answer)
