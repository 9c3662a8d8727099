"""A board on other pages: pictures, frames, badges, previews."""

import html
import io
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from benchmarks_app.models import Entry
from tests.factories import publish_benchmark, publish_task, settle, submit
from tests.leaderboards.test_pages_of_boards import grow

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = '</title><script>alert(1)</script>"]]> & \x0b\ud7ff{{x}} 模型'


def place_of(board: Any) -> str:
    from leaderboards_app.models import Standings

    return str(
        Standings.objects.filter(version=board).order_by("-number").first().get_absolute_url()
    )


def rename(board: Any, label: str) -> str:
    """Return a snapshot whose first row has another name, and its address."""
    from leaderboards_app.models import Standings

    newest = Standings.objects.filter(version=board).order_by("-number").first()
    content = newest.content
    content["rows"][0]["contender"]["label"] = label
    made = Standings.objects.create(
        version=board,
        number=newest.number + 1,
        content_hash="h1:other",
        content=content,
        row_count=3,
    )
    return str(made.get_absolute_url())


def contender(board: Any, label: str) -> str:
    return str(Entry.objects.get(version=board, contender__label=label).contender.public_id)


def picture(response: Any) -> Image.Image:
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    return Image.open(io.BytesIO(response.content))


def test_a_figure_is_a_png_of_twice_its_size_with_its_finding_above(
    board: Any, client: Any
) -> None:
    drawn = picture(client.get(f"{place_of(board)}figures/scores.png"))
    svg = ElementTree.fromstring(client.get(f"{place_of(board)}figures/scores.svg").content)

    assert drawn.size[0] == 2 * (int(svg.get("width", "0")) + 40)
    assert drawn.size[1] > 2 * int(svg.get("height", "0")) + 100
    head = drawn.convert("L").crop((0, 0, 1600, 80))
    assert sum(head.histogram()[:90]) > 500  # the finding, in ink


def test_the_numbers_of_a_figure_are_a_csv_of_what_it_draws(board: Any, client: Any) -> None:
    import csv

    grow(board, 40)
    place = place_of(board)
    found = client.get(f"{place}figures/scores.csv?scope=all").content.decode()
    rows = list(csv.DictReader(io.StringIO(found)))

    assert len(rows) == 30
    assert rows[0]["contender"] == "best"
    assert float(rows[0]["score_low"]) < float(rows[0]["score"]) < float(rows[0]["score_high"])
    assert rows[0]["canary"] == board.tasks.get().task_version.canary
    cost = list(
        csv.DictReader(io.StringIO(client.get(f"{place}figures/cost.csv").content.decode()))
    )
    assert len(cost) == 40
    assert cost[0]["on_front"] == "true"
    assert 0 < float(cost[0]["cost_per_item_usd"]) < 0.1


@pytest.mark.parametrize("name", ["scores", "cost"])
@pytest.mark.parametrize("extension", ["svg", "png", "csv"])
def test_a_figure_without_rows_or_with_an_unknown_name_is_no_page(
    ada: Any, client: Any, name: str, extension: str
) -> None:
    empty = publish_benchmark(ada, [publish_task(ada)], "Empty")
    settle()

    assert client.get(f"{place_of(empty)}figures/{name}.{extension}").status_code == 404
    assert client.get(f"{place_of(empty)}figures/nothing.{extension}").status_code == 404
    assert client.get(f"{place_of(empty)}embed/?figure={name}").status_code == 404


def test_hostile_names_break_no_picture_frame_or_badge(board: Any, client: Any) -> None:
    place = rename(board, HOSTILE)
    badge = client.get(f"{place}badges/{contender(board, 'best')}.svg")
    figure = client.get(f"{place}figures/scores.svg")

    for response in (badge, figure):
        drawing = ElementTree.fromstring(response.content)
        assert drawing.find(".//{http://www.w3.org/2000/svg}script") is None
        assert "alert(1)" in "".join(drawing.itertext())
    picture(client.get(f"{place}figures/scores.png"))
    assert picture(client.get(f"{place}card.png")).size == (1200, 630)
    for path in ("embed/", "embed/?figure=scores", "cite/", ""):
        page = client.get(place + path).content.decode()
        assert "<script>alert" not in page


def test_a_badge_tells_the_rank_of_a_row(board: Any, client: Any) -> None:
    place = place_of(board)
    badge = client.get(f"{place}badges/{contender(board, 'best')}.svg")
    drawing = ElementTree.fromstring(badge.content)

    assert badge["Content-Type"].startswith("image/svg+xml")
    assert badge["Cross-Origin-Resource-Policy"] == "cross-origin"
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["World", "rank 1 of 3, submitted"]
    platform = client.get(f"{place}badges/{contender(board, 'best')}.svg?scope=platform")
    assert "not ranked, submitted" in platform.content.decode()
    assert client.get(f"{place}badges/nobody.svg").status_code == 404
    live = client.get(f"{board.benchmark.get_absolute_url()}badges/{contender(board, 'best')}.svg")
    assert live.content == badge.content


def test_any_site_may_frame_the_embedded_page_and_no_other(board: Any, client: Any) -> None:
    place = place_of(board)
    for path in ("embed/", "embed/?figure=scores"):
        framed = client.get(place + path)
        assert framed.status_code == 200
        assert "frame-ancestors *" in framed["Content-Security-Policy"]
        assert "script-src 'none'" in framed["Content-Security-Policy"]
        assert "X-Frame-Options" not in framed
        assert "<script" not in framed.content.decode()
        assert "best leads with 98.33 %" in framed.content.decode()
    for path in ("", "cite/", "standings.csv", "figures/scores.svg"):
        other = client.get(place + path)
        assert "frame-ancestors 'none'" in other["Content-Security-Policy"]
        assert other["X-Frame-Options"] == "DENY"
    live = client.get(f"{board.benchmark.get_absolute_url()}embed/")
    assert "frame-ancestors *" in live["Content-Security-Policy"]
    assert client.get(f"{place}embed/?figure=nothing").status_code == 404


def test_the_frame_shows_a_person_what_a_stranger_sees(
    board: Any, ada: Any, client: Any, open_account: Callable[..., Any]
) -> None:
    place = place_of(board)
    strangers = client.get(f"{place}embed/").content
    client.force_login(ada)
    assert client.get(f"{place}embed/").content == strangers

    for visibility in ("unlisted", "private"):
        board.benchmark.visibility = visibility
        board.benchmark.save()
        assert client.get(f"{place}embed/").status_code == 404
        assert client.get(f"{board.benchmark.get_absolute_url()}embed/").status_code == 404


def test_a_private_board_has_no_picture_badge_or_preview_for_others(
    board: Any, ada: Any, client: Any
) -> None:
    place, best = place_of(board), contender(board, "best")
    paths = [f"{place}{path}" for path in ("card.png", "figures/scores.png", "figures/scores.csv")]
    paths += [f"{place}badges/{best}.svg", f"{place}cite/", f"{place}citation.bib"]
    assert [client.get(path).status_code for path in paths] == [200] * 6
    board.benchmark.visibility = "private"
    board.benchmark.save()

    assert [client.get(path).status_code for path in paths] == [404] * 6
    client.force_login(ada)
    assert [client.get(path).status_code for path in paths] == [200] * 6
    assert "og:image" not in client.get(board.benchmark.get_absolute_url()).content.decode()


def test_links_to_a_board_have_a_preview(board: Any, client: Any, settings: Any) -> None:
    settings.SITE_URL = "https://plumbmark.example"
    page = client.get(board.benchmark.get_absolute_url()).content.decode()
    found = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))

    assert found["title"] == "World"
    assert html.unescape(found["description"]).startswith("best leads with 98.33 %")
    assert found["url"] == f"https://plumbmark.example{board.benchmark.get_absolute_url()}"
    assert found["image"] == f"https://plumbmark.example{place_of(board)}card.png"
    assert 'name="twitter:card" content="summary_large_image"' in page
    card = picture(client.get(found["image"].removeprefix("https://plumbmark.example")))
    assert card.size == (1200, 630)


def test_a_board_with_one_row_and_with_none_can_be_taken_away(ada: Any, client: Any) -> None:
    from benchmarks_app.actions.entries import enter

    version = publish_task(ada)
    empty = publish_benchmark(ada, [version], "Empty")
    single = publish_benchmark(ada, [version], "Single")
    enter(version=single, contender=submit(ada, version, "alone", 4).contender, by=ada)
    settle()

    for board in (empty, single):
        for path in ("cite/", "embed/", "card.png", "standings.csv", "items.csv", ""):
            assert client.get(place_of(board) + path).status_code == 200, path


def test_a_board_of_a_thousand_rows_can_be_taken_away(board: Any, client: Any) -> None:
    grow(board, 997)
    place = place_of(board)

    for path in ("cite/", "embed/", "card.png", "figures/scores.png", "figures/cost.png"):
        assert client.get(f"{place}{path}?scope=all").status_code == 200, path
    assert len(client.get(f"{place}standings.csv?scope=all").content.splitlines()) == 1001
    assert client.get(f"{place}embed/?scope=all").content.count(b'<th scope="row">') == 10


def test_the_embed_code_is_html_whatever_the_finding_says(board: Any, client: Any) -> None:
    place = rename(board, '"><img src=x onerror=alert(1)>')
    page = client.get(f"{place}cite/").content.decode()
    code = html.unescape(re.findall(r'<code id="frame-scores">(.*?)</code>', page)[0])

    assert code.startswith('<iframe src="')
    assert code.endswith("></iframe>")
    assert code.count("<") == 2
    ids = re.findall(r'<code id="([^"]*)">', page)
    assert len(set(ids)) == len(ids) == 10
    assert "badge-1" in ids
