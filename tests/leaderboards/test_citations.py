"""Citations: what people typed stays text in every format."""

import re
from datetime import date
from typing import Any

import pytest
import yaml

from leaderboards_app.citations.texts import CitedStandings, as_apa, as_bibtex, as_cff

HOSTILE = '}, note={x}}\n@book{evil, title="\\input{/etc/passwd} 50% of $x_1$ & #~^'


def cited(title: str, author: str = "Ada Lovelace") -> CitedStandings:
    return CitedStandings(
        author=author,
        title=title,
        claim="What is measured.",
        slug="world",
        version=2,
        number=7,
        made_on=date(2026, 3, 4),
        url="https://x.example/standings/abc/",
        content_hash="h1:" + "0" * 64,
    )


def test_bibtex_has_the_address_of_the_snapshot() -> None:
    assert as_bibtex(cited("World & Co")) == (
        "@misc{world-v2-7,\n"
        "  author       = {{Ada Lovelace}},\n"
        "  title        = {{World \\& Co}},\n"
        "  howpublished = {Plumbmark, version 2, standings 7},\n"
        "  year         = {2026},\n"
        "  month        = {3},\n"
        "  url          = {https://x.example/standings/abc/},\n"
        f"  note         = {{Content hash h1:{'0' * 64}}},\n"
        "}\n"
    )


def test_a_hostile_title_ends_no_field_of_bibtex() -> None:
    text = as_bibtex(cited(HOSTILE, HOSTILE))

    # Without escaped braces, every brace is one of the format's own.
    bare = re.sub(
        r"\\.", "", text.replace(r"\textbackslash{}", "").replace(r"\textasciitilde{}", "")
    )
    bare = bare.replace(r"\textasciicircum{}", "").replace("asciicircum{}", "")
    assert bare.count("{") == bare.count("}")
    assert len(text.splitlines()) == 9
    assert text.count("\n@") == 0
    assert "50\\% of \\$x\\_1\\$ \\& \\#" in text


@pytest.mark.parametrize("title", ["World", HOSTILE, "a: b # c", "- x", "é 模型 \u2028 \x07"])
def test_a_citation_file_is_yaml_whatever_the_title(title: str) -> None:
    document = yaml.safe_load(as_cff(cited(title)))

    assert document["cff-version"] == "1.2.0"
    assert document["type"] == "dataset"
    assert document["title"] == " ".join(re.sub(r"[\x00-\x1f\u2028]", " ", title).split())
    assert document["authors"] == [{"name": "Ada Lovelace"}]
    assert document["date-released"] == date(2026, 3, 4)
    assert document["url"] == "https://x.example/standings/abc/"
    assert document["identifiers"][0]["value"] == "h1:" + "0" * 64


def test_apa_is_one_line() -> None:
    assert as_apa(cited("World")) == (
        "Ada Lovelace (2026, March 4). World (Version 2, standings 7) [Data set]. Plumbmark. "
        "https://x.example/standings/abc/"
    )
    assert "\n" not in as_apa(cited(HOSTILE))


@pytest.mark.django_db(transaction=True)
def test_the_files_name_the_snapshot(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    snapshot = Standings.objects.get(version=board)
    place = snapshot.get_absolute_url()

    for extension in ("bib", "txt", "cff"):
        response = client.get(f"{place}citation.{extension}")
        assert response.status_code == 200
        assert place in response.content.decode()
    assert snapshot.content_hash in client.get(f"{place}citation.bib").content.decode()
    assert client.get(f"{place}citation.exe").status_code == 404
    page = client.get(f"{place}cite/?maker=Arbor").content.decode()
    assert "@misc{world-v1-1," in page
    assert "standings.csv?maker=Arbor" in page
    assert "cff-version: 1.2.0" in page
    assert f'href="{place}cite/"' in client.get(place).content.decode()
