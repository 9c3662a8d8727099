"""The figure of a board: a drawing with an address of its own."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.django_db(transaction=True)

SVG = "{http://www.w3.org/2000/svg}"


def address(board: Any) -> str:
    """Return the drawing's address, as the board's page has it."""
    from leaderboards_app.models import Standings

    return f"{Standings.objects.get(version=board).get_absolute_url()}figure.svg"


def drawn(response: Any) -> ElementTree.Element:
    assert response.status_code == 200
    assert response["Content-Type"].startswith("image/svg+xml")
    return ElementTree.fromstring(response.content)


def labels(drawing: ElementTree.Element) -> list[str]:
    return [mark.findtext(f"{SVG}text") or "" for mark in drawing.findall(f"{SVG}g")]


def test_it_shows_each_row_with_its_value_and_interval(board: Any, client: Any) -> None:
    drawing = drawn(client.get(address(board)))

    assert labels(drawing) == ["best (submitted)", "mid <b> (submitted)", "low (submitted)"]
    first = drawing.find(f"{SVG}g")
    assert first is not None
    assert first.findtext(f"{SVG}title") == "best (submitted): 98.33 % (91.1 to 99.7)"
    assert [text.text for text in first.findall(f"{SVG}text")] == ["best (submitted)", "98.33 %"]
    title = drawing.findtext(f"{SVG}title")
    assert title == "best leads with 98.33 %, significantly above every other row"


def test_the_page_names_it_by_what_it_shows(board: Any, client: Any) -> None:
    page = client.get(board.benchmark.get_absolute_url()).content.decode()
    image = re.search(r'<img class="dot-plot"[^>]*>', page)

    assert image is not None
    assert f'src="{address(board)}"' in image.group()
    assert 'alt="best leads with 98.33 %, significantly above every other row.' in image.group()
    drawing = drawn(client.get(address(board)))
    for side in ("width", "height"):
        assert f'{side}="{drawing.get(side)}"' in image.group()


def test_it_follows_the_filter_and_the_order_of_the_page(board: Any, client: Any) -> None:
    query = "?q=o&sort=score&nonsense=1"
    page = client.get(board.benchmark.get_absolute_url() + "?q=l&sort=score").content.decode()

    assert labels(drawn(client.get(address(board) + "?sort=score"))) == [
        "low (submitted)",
        "mid <b> (submitted)",
        "best (submitted)",
    ]
    assert client.get(address(board) + query).status_code == 404  # one row makes no figure
    assert "dot-plot" not in page


def test_it_is_drawn_in_the_reader_s_theme_and_runs_no_other_style(board: Any, client: Any) -> None:
    import base64
    import hashlib

    seen = set()
    for theme in ("", "light", "dark"):
        client.cookies["theme"] = theme
        response = client.get(address(board))
        style = drawn(response).findtext(f"{SVG}style")
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in response["Content-Security-Policy"]
        seen.add((style, response["ETag"]))

    assert len({style for style, _ in seen}) == 3
    assert len({etag for _, etag in seen}) == 3
    dark = next(style for style, _ in seen if "color-scheme:dark" in style)
    assert "light-dark" not in dark
    assert "#14181f" not in dark  # the ink of the light theme


def test_who_has_it_already_gets_a_304(board: Any, client: Any) -> None:
    first = client.get(address(board))

    again = client.get(address(board), headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304
    assert "style-src 'sha256-" in again["Content-Security-Policy"]


def test_it_is_seen_by_whom_the_board_is_seen(
    board: Any, ada: Any, client: Any, open_account: Any
) -> None:
    public = address(board)
    assert client.get(public)["Cross-Origin-Resource-Policy"] == "cross-origin"

    board.benchmark.visibility = "private"
    board.benchmark.save()

    assert client.get(public).status_code == 404
    client.force_login(open_account(handle="bob"))
    assert client.get(public).status_code == 404
    client.force_login(ada)
    own = client.get(public)
    assert own.status_code == 200
    assert own["Cross-Origin-Resource-Policy"] == "same-origin"
    assert client.get("/standings/nosuchstandings/figure.svg").status_code == 404


def test_no_number_of_the_axis_is_cut_off_where_it_is_narrow(board: Any, client: Any) -> None:
    from leaderboards_app.models import Standings

    standings = Standings.objects.get(version=board)
    for row in standings.content["rows"]:
        row["score"] |= {"low": 0.62, "high": 1.0}
    Standings.objects.filter(pk=standings.pk).update(content=standings.content)

    drawing = drawn(client.get(address(board) + "?size=narrow"))
    width = int(drawing.get("width") or 0)
    numbers = [one for one in drawing.findall(f"{SVG}text") if one.get("class") == "k"]

    assert numbers[-1].text == "100.0"
    for one in numbers:
        half = 17 if one.get("text-anchor") == "middle" else 0
        assert half <= int(one.get("x") or 0) <= width - half
