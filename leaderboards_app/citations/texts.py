"""A snapshot as BibTeX, in APA style and as a citation file (CFF). Pure."""

import re
from dataclasses import dataclass
from datetime import date

import yaml

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{one: f"\\{one}" for one in "{}%&$#_"},
}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class CitedStandings:
    """The facts that a citation names."""

    author: str
    title: str
    claim: str
    slug: str
    version: int
    number: int
    """Of the snapshot."""
    made_on: date
    url: str
    """The address of the snapshot, which never changes."""
    content_hash: str
    site: str = "Plumbmark"


def as_bibtex(cited: CitedStandings) -> str:
    """Return an entry for BibTeX and biblatex; what people typed can end no field."""
    key = f"{cited.slug}-v{cited.version}-{cited.number}"
    fields = {
        "author": f"{{{_tex(cited.author)}}}",
        "title": f"{{{_tex(cited.title)}}}",
        "howpublished": _tex(f"{cited.site}, version {cited.version}, standings {cited.number}"),
        "year": str(cited.made_on.year),
        "month": str(cited.made_on.month),
        "url": cited.url,
        "note": _tex(f"Content hash {cited.content_hash}"),
    }
    lines = "".join(f"  {name:12} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{key},\n{lines}}}\n"


def as_apa(cited: CitedStandings) -> str:
    """Return a reference in APA style, as plain text."""
    made = f"{cited.made_on.year}, {cited.made_on:%B} {cited.made_on.day}"
    return (
        f"{_line(cited.author)} ({made}). {_line(cited.title)} (Version {cited.version}, standings "
        f"{cited.number}) [Data set]. {cited.site}. {cited.url}"
    )


def as_cff(cited: CitedStandings) -> str:
    """Return a `CITATION.cff` of version 1.2.0."""
    document = {
        "cff-version": "1.2.0",
        "message": "If you use these standings, please cite them as below.",
        "type": "dataset",
        "title": _line(cited.title),
        "authors": [{"name": _line(cited.author)}],
        "version": f"{cited.version}, standings {cited.number}",
        "date-released": cited.made_on,
        "url": cited.url,
        "identifiers": [
            {
                "type": "other",
                "value": cited.content_hash,
                "description": "Hash of the content: h1: and the SHA-256 of its canonical JSON.",
            }
        ],
    }
    if cited.claim:
        document["abstract"] = _line(cited.claim)
    text: str = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)
    return text


def _line(text: str) -> str:
    return " ".join(_UNSEEN.sub(" ", text).split())


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(one, one) for one in _line(text))
