"""The state of the editor's page: what is saved, what was typed, and what can be added."""

from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from benchmarks_app.actions.authoring import MAX_TASKS
from benchmarks_app.composition.forms import BenchmarkDraftForm, MemberForm, PickerForm
from benchmarks_app.composition.publication import MissingPart, missing_parts
from benchmarks_app.composition.queries import (
    SCOPES,
    candidate_versions,
    fingerprint_of,
    versions_named,
)
from benchmarks_app.models import BenchmarkTask, BenchmarkVersion
from benchmarks_app.queries import members_of
from plumbmark.accounts.models import User
from plumbmark.common.errors import DomainError, InvalidInput
from tasks_app.models import TaskVersion

MOVES = {"up", "down"}
LOOKS = {"search", "page", *MOVES}
"""Values of buttons that save nothing."""
_FOUND_ON_A_PAGE = 10


class DraftEditor:
    """The forms of a draft. With `data` they are as sent; with `kept` as typed, not judged."""

    def __init__(
        self,
        version: BenchmarkVersion,
        *,
        by: User,
        data: QueryDict | None = None,
        kept: QueryDict | None = None,
        query: QueryDict | None = None,
    ) -> None:
        self.version = version
        self.by = by
        self.stored = list(members_of(version))
        self.differences: list[tuple[str, str]] = []
        typed = kept if data is None else data
        asked = "" if data is None else data.get("then", "save")[:80]
        self.then, _colon, self.argument = asked.partition(":")
        self.is_moved = self.then in MOVES
        self.is_judged = data is not None and self.then not in LOOKS
        self._query = typed if typed is not None else query or QueryDict()
        picked = [one[:20] for one in self._query.getlist("add")[:MAX_TASKS]]
        self.fingerprint = fingerprint_of(version, self.stored)
        if typed is None:
            self.form = BenchmarkDraftForm.of(version)
            self.rows = [MemberForm(member=member) for member in self.stored]
            named = versions_named(picked, to=by)
            self.ticked = [named[one] for one in picked if one in named]
            return
        # Of what was read first: looking around must not pass over what others save meanwhile.
        self.fingerprint = typed.get("fingerprint", "")[:40] or self.fingerprint
        members = self._sent_members(typed, picked)
        if self.is_judged:
            self.form = BenchmarkDraftForm(typed)
            self.rows = [MemberForm(_with_weight(typed, one), member=one) for one in members]
        else:
            self.form = BenchmarkDraftForm.typed(typed)
            self.rows = [MemberForm.typed(typed, member) for member in members]
        if self.is_moved:
            self._move(self.argument, -1 if self.then == "up" else 1)

    def _sent_members(self, typed: QueryDict, picked: list[str]) -> list[BenchmarkTask]:
        """Return the rows in the order in which they were sent, and those that were ticked."""
        by_key = {one.task_version.public_id: one for one in self.stored}
        sent = list(dict.fromkeys(one[:20] for one in typed.getlist("member")[: MAX_TASKS + 1]))
        named = versions_named([one for one in [*sent, *picked] if one not in by_key], to=self.by)
        # Ticked ones become rows where something is saved.
        wanted = list(dict.fromkeys([*sent, *picked])) if self.is_judged else sent
        self.ticked = [named[one] for one in picked if one in named and one not in wanted]
        members = []
        for key in wanted:
            if key in by_key:
                members.append(by_key[key])
            elif key in named:
                members.append(self._new_member(named[key]))
        return members

    def _new_member(self, version: TaskVersion) -> BenchmarkTask:
        return BenchmarkTask(
            version=self.version,
            task_version=version,
            weight=Decimal(1),
            metric=version.metric_name,
        )

    def _move(self, key: str, by: int) -> None:
        index = next((i for i, row in enumerate(self.rows) if row.key == key), None)
        if index is not None and 0 <= index + by < len(self.rows):
            self.rows.insert(index + by, self.rows.pop(index))

    def is_valid(self) -> bool:
        are_valid = [self.form.is_valid(), *(row.is_valid() for row in self.rows)]
        return all(are_valid)

    @property
    def facts(self) -> dict[str, Any]:
        values = self.form.cleaned_data
        return {
            "title": values["title"],
            "claim": values["claim"],
            "tags": [tag for tag in values["tags"].split(",") if tag.strip()],
        }

    @property
    def content(self) -> dict[str, Any]:
        values = self.form.cleaned_data
        newer = self.argument if self.then == "newer" else ""
        names = ("entry_policy", "entrants", "unscored_allowed", "smallest_difference")
        return {
            **{name: values[name] for name in (*names, "score_format", "contributors", "notes")},
            "card": self.form.card,
            "members": [
                row.as_member(is_newer=row.key == newer)
                for row in self.rows
                if not row.cleaned_data["remove"]
            ],
        }

    def add_problems(self, error: DomainError) -> None:
        """Add each problem beside its field or row, or above the form."""
        if not isinstance(error, InvalidInput):
            self.form.add_error(None, error.message)
            return
        kept = [row for row in self.rows if not row.cleaned_data["remove"]]
        for problem in error.problems:
            path = problem.path
            if path.startswith("tasks["):
                index, _bracket, rest = path.removeprefix("tasks[").partition("]")
                row = kept[int(index)]
                name = rest.removeprefix(".")
                row.add_error(name if name in row.fields else None, problem.message)
                if name not in row.fields:
                    title = row.member.task_version.task.title
                    self.form.add_error(None, f"{title}: {problem.message}.")
                continue
            name = path.replace("card.", "card_")
            self.form.add_error(name if name in self.form.fields else None, str(problem))

    def show_differences(self) -> None:
        """List what was typed differently from what is saved by now."""
        benchmark = self.version.benchmark
        benchmark.refresh_from_db()
        self.version.refresh_from_db()
        self.version.benchmark = benchmark
        self.stored = list(members_of(self.version))
        self.fingerprint = fingerprint_of(self.version, self.stored)
        self.differences = self.form.differing_from(self.version)
        saved = [MemberForm(member=one) for one in self.stored]
        if [_written(row) for row in saved] != [_written(row) for row in self.rows]:
            lines = [
                f"{row.member.task_version.task.title}: {row['weight'].value()}" for row in saved
            ]
            self.differences.append((_("Tasks and weights"), "\n".join(lines)))

    # --- What the page shows ------------------------------------------------------------------

    @property
    def total(self) -> Decimal:
        weights = [row.weight_value or Decimal(0) for row in self.rows]
        return sum(weights, Decimal(0)).normalize()

    @property
    def total_text(self) -> str:
        return format(self.total, "f")

    @property
    def shares(self) -> list[tuple[MemberForm, str]]:
        """The rows, each with its share of the sum of weights."""
        total = self.total
        return [
            (row, _percent(row.weight_value / total) if row.weight_value else "")
            for row in self.rows
        ]

    @property
    def groups(self) -> list[tuple[str, str]]:
        """The groups by their names, each with its share."""
        found: dict[str, Decimal] = {}
        for row in self.rows:
            name = str(row["group"].value() or "").strip()
            if name:
                found[name] = found.get(name, Decimal(0)) + (row.weight_value or 0)
        total = self.total
        return [(name, _percent(sum_ / total if total else total)) for name, sum_ in found.items()]

    @cached_property
    def missing(self) -> list[MissingPart]:
        """The parts that the saved draft lacks for publication."""
        return missing_parts(self.version, self.stored)

    @property
    def search_query(self) -> dict[str, str]:
        """The parameters of the search, for an address."""
        names = ("q", "scope")
        found = {name: self._query.get(name, "")[:100] for name in names}
        return found if found["q"] else {}

    @cached_property
    def picker(self) -> PickerForm:
        names = ("q", "scope")
        return PickerForm(initial={name: self._query.get(name, "")[:100] for name in names})

    @cached_property
    def found(self) -> Page[TaskVersion]:
        """One page of the tasks to choose from, without the draft's and those that are ticked."""
        scope = self._query.get("scope", "")
        number = self.argument if self.then == "page" else self._query.get("page", "1")
        used = {row.member.task_version.task_id for row in self.rows}
        candidates = candidate_versions(
            to=self.by,
            words=self._query.get("q", "").strip()[:100],
            scope=scope if scope in SCOPES else "all",
            without=used | {one.task_id for one in self.ticked},
        )
        return Paginator(candidates, _FOUND_ON_A_PAGE).get_page(number)


def _percent(share: Decimal) -> str:
    return f"{100 * share:.1f} %"


def _with_weight(typed: QueryDict, member: BenchmarkTask) -> QueryDict:
    """Return what was typed; with a weight of 1 for a row that was not there yet."""
    name = f"member-{member.task_version.public_id}-weight"
    if name in typed:
        return typed
    filled = typed.copy()
    filled[name] = format(member.weight.normalize(), "f")
    return filled


def _written(row: MemberForm) -> tuple[str, ...]:
    values = [str(row[name].value() or "") for name in ("weight", "label", "group")]
    return (row.key, *values)
