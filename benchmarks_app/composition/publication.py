"""The reasons against publishing a version: one list for the editor, the API and the action."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from benchmarks_app.card import QUESTIONS, card_problems
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from plumbmark.common.errors import Problem
from tasks_app.models.tasks import Visibility

_TASK_PATH = "tasks["


@dataclass(frozen=True, slots=True)
class MissingPart:
    """One entry of the list of what is missing, with the place where it is mended."""

    text: str
    path: str
    field: str = ""
    """The id of the field whose text settles it; empty where a text alone does not."""
    anchor: str = ""


def find_publication_problems(
    version: BenchmarkVersion, members: Sequence[BenchmarkTask], *, visibility: str
) -> list[Problem]:
    """Return what hinders the version from being published with this visibility."""
    problems = card_problems(version.card, complete=True)
    if not version.benchmark.claim.strip():
        problems.append(Problem("say in one sentence what is measured", "claim"))
    if not members:
        problems.append(Problem("a benchmark needs at least one task", "tasks"))
    return problems + _member_problems(members, visibility)


def missing_parts(version: BenchmarkVersion, members: Sequence[BenchmarkTask]) -> list[MissingPart]:
    """Return what a draft lacks to be published for everybody, each with a link's anchor."""
    visibility = Visibility.PUBLIC
    problems = find_publication_problems(version, members, visibility=visibility)
    return [_as_part(problem, members) for problem in problems]


def _as_part(problem: Problem, members: Sequence[BenchmarkTask]) -> MissingPart:
    path = problem.path
    questions = {f"card.{question.key}": question for question in QUESTIONS}
    if path == "claim":
        text = _("Say in one sentence what it measures.")
        return MissingPart(text, path, field="id_claim", anchor="id_claim")
    if path == "tasks":
        return MissingPart(_("Add at least one task."), path, anchor="add-heading")
    if path in questions and problem.message.startswith("is required"):
        field = f"id_card_{questions[path].key}"
        text = _("Answer in the card: %(question)s") % {"question": questions[path].title}
        return MissingPart(text, path, field=field, anchor=field)
    if path.startswith(_TASK_PATH):
        member = members[int(path.removeprefix(_TASK_PATH).split("]")[0])]
        text = f"{member.task_version.task.title}: {problem.message}."
        return MissingPart(text, path, anchor=f"member-{member.task_version.public_id}")
    return MissingPart(f"{problem.message}.", path, anchor="card-heading")


def _member_problems(members: Sequence[BenchmarkTask], visibility: str) -> list[Problem]:
    """Return what hinders a whole set from being published, beside the checks of each member."""
    problems = []
    seen_questions: dict[str, str] = {}
    for index, member in enumerate(members):
        version = member.task_version
        same = seen_questions.setdefault(version.question_hash, version.task.title)
        if same != version.task.title:
            problems.append(
                Problem(
                    f"asks the same questions as {same}; keep only one of them", f"tasks[{index}]"
                )
            )
        is_hidden = version.task.visibility == Visibility.PRIVATE and version.pinned_at is None
        if visibility != Visibility.PRIVATE and is_hidden:
            problems.append(
                Problem(
                    f"{version.task.title} is private; publish it or make it unlisted first, or "
                    "publish the benchmark as private",
                    f"tasks[{index}]",
                )
            )
        if len(members) > 1 and (version.metric_lower is None or version.metric_upper is None):
            problems.append(
                Problem(
                    f"{version.task.title} declares no bounds for {version.metric_name}, so it "
                    "cannot be averaged with others",
                    f"tasks[{index}]",
                )
            )
    return problems
