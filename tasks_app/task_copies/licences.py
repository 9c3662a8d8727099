"""Which licences of data go together with the licence of a task. Warnings, never a refusal.

The table has what Creative Commons (creativecommons.org/share-your-work/licensing-considerations/
compatible-licenses) and Open Data Commons (opendatacommons.org/licenses) say of their licences, by
SPDX ids. It is no legal advice; what it does not know is said.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tasks_app.models import Task


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of a licence for whoever passes the data on."""

    names_authors: bool = True
    share_alike: frozenset[str] = frozenset()
    """The licences under which a changed copy may be shared; empty: any that keeps the rest."""
    is_non_commercial: bool = False
    forbids_changes: bool = False


_BY_SA_4 = frozenset({"CC-BY-SA-4.0", "GPL-3.0-only", "GPL-3.0-or-later"})
LICENCES = {
    "CC0-1.0": Licence(names_authors=False),
    "PDDL-1.0": Licence(names_authors=False),
    "Unlicense": Licence(names_authors=False),
    "CC-BY-3.0": Licence(),
    "CC-BY-4.0": Licence(),
    "CC-BY-SA-3.0": Licence(share_alike=frozenset({"CC-BY-SA-3.0", "CC-BY-SA-4.0"})),
    "CC-BY-SA-4.0": Licence(share_alike=_BY_SA_4),
    "CC-BY-NC-4.0": Licence(is_non_commercial=True),
    "CC-BY-NC-SA-4.0": Licence(is_non_commercial=True, share_alike=frozenset({"CC-BY-NC-SA-4.0"})),
    "CC-BY-ND-4.0": Licence(forbids_changes=True),
    "CC-BY-NC-ND-4.0": Licence(is_non_commercial=True, forbids_changes=True),
    "ODC-By-1.0": Licence(),
    "ODbL-1.0": Licence(share_alike=frozenset({"ODbL-1.0"})),
    "MIT": Licence(),
    "BSD-3-Clause": Licence(),
    "Apache-2.0": Licence(),
    "GPL-3.0-only": Licence(share_alike=frozenset({"GPL-3.0-only"})),
    "GPL-3.0-or-later": Licence(share_alike=frozenset({"GPL-3.0-only", "GPL-3.0-or-later"})),
}
_BY_LOWER = {name.casefold(): name for name in LICENCES}


def known_licence(text: str) -> str:
    """Return the SPDX id that a text means (`cc by 4.0` too); empty where it is not known."""
    return _BY_LOWER.get("-".join(text.casefold().split()), "")


def licence_warnings(task: Task) -> list[str]:
    """Return what its author should look at. The task comes with `copied_from__task`."""
    warnings = find_conflicts(
        task.licence, task.source_licence, authors=task.source_authors, of=_("the source")
    )
    if task.copied_from is not None:
        original = task.copied_from.task
        warnings += find_conflicts(
            task.licence,
            original.licence,
            authors=original.namespace.handle,
            of=_("the task that this is a copy of"),
        )
    return warnings


def find_conflicts(licence: str, source: str, *, authors: str, of: str) -> list[str]:
    """Return why data under `source` may not be passed on under `licence` like that."""
    if not source.strip():
        return []
    known, values = known_licence(source), {"source": source, "licence": licence, "of": of}
    if not known:
        return [_("%(source)s, the licence of %(of)s, is not an SPDX id known here.") % values]
    terms = LICENCES[known]
    warnings = []
    if terms.forbids_changes:
        warnings.append(
            _("%(source)s, the licence of %(of)s, forbids to share changed copies.") % values
        )
    if terms.names_authors and not authors.strip():
        warnings.append(_("%(source)s asks to name the authors of %(of)s.") % values)
    if not licence.strip():
        warnings.append(_("The task states no licence, and %(of)s is under %(source)s.") % values)
        return warnings
    own = known_licence(licence)
    if not own:
        warnings.append(_("%(licence)s is not an SPDX id known here.") % values)
        return warnings
    if terms.share_alike and own not in terms.share_alike:
        values["allowed"] = ", ".join(sorted(terms.share_alike))
        warnings.append(
            _(
                "%(source)s, the licence of %(of)s, asks for the same licence (%(allowed)s), and "
                "the task is under %(licence)s."
            )
            % values
        )
    if terms.is_non_commercial and not LICENCES[own].is_non_commercial:
        warnings.append(
            _("%(source)s forbids commercial use of %(of)s, and %(licence)s allows it.") % values
        )
    if terms.names_authors and not LICENCES[own].names_authors:
        warnings.append(
            _("%(source)s asks to name the authors of %(of)s, and %(licence)s does not.") % values
        )
    return warnings
