"""Named writes of model suites."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from benchmarks_app.models import ModelSuite, SuiteContender
from benchmarks_app.suites.permissions import can_write_suites
from benchmarks_app.suites.queries import suite_fingerprint
from plumbmark.accounts.models import Namespace, User
from plumbmark.common import audit
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed, Problem
from plumbmark.common.names import unseen_character_problem
from tasks_app.models import Contender

MAX_SUITE_CONTENDERS = 100
MAX_SUITES = 100
"""Of one owner."""


def create_suite(
    *,
    namespace: Namespace | None,
    name: str,
    contenders: Sequence[Contender],
    description: str = "",
    is_public: bool = False,
    by: User,
) -> ModelSuite:
    """Create a suite of a namespace; without one, of the platform."""
    _check_write(namespace, by)
    if ModelSuite.objects.filter(namespace=namespace).count() >= MAX_SUITES:
        raise Conflict(f"There are {MAX_SUITES} model suites already; erase one first.")
    suite = ModelSuite(namespace=namespace, created_by=by)
    return _save(suite, name, description, is_public, contenders, by)


def update_suite(
    *,
    suite: ModelSuite,
    name: str | None = None,
    contenders: Sequence[Contender] | None = None,
    description: str | None = None,
    is_public: bool | None = None,
    fingerprint: str = "",
    by: User,
) -> ModelSuite:
    """Change a suite; None leaves a part as it is. With a `fingerprint`, only if the suite is
    still the one that was read.
    """
    _check_write(suite.namespace, by)
    with transaction.atomic():
        locked = ModelSuite.objects.select_for_update().get(pk=suite.pk)
        if fingerprint and fingerprint != suite_fingerprint(locked):
            raise Conflict(
                "Somebody saved this suite since you read it. Look at it in another tab; what you "
                "typed is still here, and saving again replaces the other.",
                code="suite-changed",
            )
        places = locked.suitecontender_set.select_related("contender__deployment")
        members = [one.contender for one in places] if contenders is None else contenders
        return _save(
            locked,
            locked.name if name is None else name,
            locked.description if description is None else description,
            locked.is_public if is_public is None else is_public,
            members,
            by,
        )


def erase_suite(*, suite: ModelSuite, by: User) -> None:
    """Erase a suite. Runs and entries of its contenders stay."""
    _check_write(suite.namespace, by)
    with transaction.atomic():
        audit.record("erase-suite", f"suite:{suite.public_id}", by=by, name=suite.name)
        suite.delete()


def _check_write(namespace: Namespace | None, by: User) -> None:
    if not can_write_suites(by, namespace):
        raise NotAllowed(
            "Only staff may write the platform's model suites."
            if namespace is None
            else f"You may not write model suites of {namespace.handle}."
        )


def _save(
    suite: ModelSuite,
    name: str,
    description: str,
    is_public: bool,
    contenders: Sequence[Contender],
    by: User,
) -> ModelSuite:
    suite.name, suite.description, suite.is_public = name.strip(), description.strip(), is_public
    members = list(dict.fromkeys(contenders))
    if problems := _problems(suite, members):
        raise InvalidInput(problems)
    try:
        with transaction.atomic():
            suite.save()
            SuiteContender.objects.filter(suite=suite).delete()
            SuiteContender.objects.bulk_create(
                SuiteContender(suite=suite, contender=contender, position=position)
                for position, contender in enumerate(members)
            )
            audit.record("save-suite", f"suite:{suite.public_id}", by=by)
    except IntegrityError as error:
        message = "another suite of this owner has this name; choose another"
        raise InvalidInput([Problem(message, "name")]) from error
    return suite


def _problems(suite: ModelSuite, members: Sequence[Contender]) -> list[Problem]:
    problems = []
    if not 1 <= len(suite.name) <= 80:
        problems.append(Problem("must have 1 to 80 characters", "name"))
    elif unseen := unseen_character_problem(suite.name):
        problems.append(Problem(unseen, "name"))
    if len(suite.description) > 300:
        problems.append(Problem("must have at most 300 characters", "description"))
    if not members:
        problems.append(Problem("a suite needs at least one contender", "contenders"))
    if len(members) > MAX_SUITE_CONTENDERS:
        message = f"has {len(members)} contenders; at most {MAX_SUITE_CONTENDERS} fit"
        problems.append(Problem(message, "contenders"))
    for index, contender in enumerate(members):
        where = f"contenders[{index}]"
        if contender.deployment is None:
            problems.append(Problem(f"{contender.label} cannot be called", where))
        elif (suite.is_public or suite.namespace is None) and contender.deployment.owner_id:
            message = (
                f"{contender.label} is a deployment of somebody's own; a public suite has the "
                "platform's alone"
            )
            problems.append(Problem(message, where))
    return problems
