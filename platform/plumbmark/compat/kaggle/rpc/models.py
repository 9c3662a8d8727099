"""The short names of models.

The command line turns `owner/name@variant` into `name-variant` before it sends it, so a short name
must be unique across owners.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.gateway.models import Deployment
from tasks_app.models import Contender


def shorten_slug(slug: str) -> str:
    """Return a slug as the command line shortens it."""
    return slug.rpartition("/")[2].replace("@", "-")


def as_slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


class ModelNames:
    """Short names of a set of deployments, in the order of their names.

    Where two would have the same one, both carry their owner: `maker-name`.
    """

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._alike: dict[str, list[Deployment]] = defaultdict(list)
        for deployment in sorted(deployments, key=lambda one: one.slug):
            self._alike[shorten_slug(deployment.slug)].append(deployment)
        self._by_name: dict[str, Deployment] = {}
        for name, alike in self._alike.items():
            if len(alike) == 1:
                self._by_name[name] = alike[0]
        for alike in self._alike.values():
            for deployment in alike if len(alike) > 1 else []:
                name = re.sub(r"[/@]", "-", deployment.slug)
                if name in self._by_name:
                    name = f"{name}-{deployment.pk}"
                self._by_name[name] = deployment
        self._names = {deployment.pk: name for name, deployment in self._by_name.items()}

    @property
    def all(self) -> Sequence[tuple[str, Deployment]]:
        """Names with their deployments, sorted."""
        return sorted(self._by_name.items())

    def of(self, contender: Contender) -> str:
        """Return the name of a run's model. One with its own configuration goes by its label."""
        name = self._names.get(contender.deployment_id or 0)
        deployment = contender.deployment
        if name is None and deployment is not None and deployment.owner_id is None:
            # Switched off since the run began: whoever waits for it asks by the name it had.
            name = shorten_slug(deployment.slug)
        if name is None or contender.configuration:
            return as_slug(contender.label) or contender.public_id
        return name

    def of_deployment(self, deployment: Deployment) -> str:
        return self._names[deployment.pk]

    def deployment(self, name: str) -> Deployment:
        """Return the deployment of a short name or a whole slug; raise InvalidInput."""
        found = self._by_name.get(name)
        if found is not None:
            return found
        alike = self._alike.get(shorten_slug(name), [])
        exact = [deployment for deployment in alike if deployment.slug == name]
        if len(exact or alike) == 1:
            return (exact or alike)[0]
        raise InvalidInput([Problem(self._unknown_name_message(name, alike), "modelVersionSlugs")])

    def _unknown_name_message(self, name: str, alike: Sequence[Deployment]) -> str:
        quoted_name = repr(name[:80])
        if alike:
            names = ", ".join(self._names[deployment.pk] for deployment in alike[:5])
            return f"{quoted_name} is ambiguous; use one of {names}."
        if not self._by_name:
            return (
                f"There is no model {quoted_name}, because no model can be called here yet. An "
                "administrator can add one with “manage.py add_provider”."
            )
        near = difflib.get_close_matches(name[:100], self._by_name, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return f"There is no model {quoted_name} that you can call.{hint} “b t models” lists them."
