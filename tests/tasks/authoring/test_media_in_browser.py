"""Images and audio in a real browser: shown and playable under the policy, in both themes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tasks_app.authoring import actions as authoring
from tasks_app.authoring import drafts, publication
from tasks_app.datasets import actions as attaching
from tests.media_files import data_url, image, mp3, wav

DEFINITION = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages:
    - role: user
      content: [{text: "{question}"}, {image: "{photo}"}, {audio: "{sound}"}]
scorers: [{type: includes}]
"""
ROWS = [
    {"question": "One?", "photo": "wide.png", "sound": "beep.wav", "answer": "1"},
    {"question": "Two?", "photo": data_url(image()), "sound": "quiet.mp3", "answer": "2"},
    {
        "question": "Three?",
        "photo": "wide.png",
        "sound": data_url(wav(0.1), "audio/wav"),
        "answer": "3",
    },
]
FILES = {
    "wide.png": image(size=(3000, 400)),
    "beep.wav": wav(0.5),
    "quiet.mp3": mp3(20),
}
ITEMS = "/tasks/ada/sights/versions/1/items/"
DRAWN = "[...document.images].every(one => one.complete && one.naturalWidth > 0)"
SECONDS = """async () => {
    const seconds = [];
    for (const sound of document.querySelectorAll("audio")) {
        sound.preload = "metadata";
        sound.load();
        if (sound.readyState < 1) {
            await new Promise((met, failed) => {
                sound.onloadedmetadata = met;
                sound.onerror = () => failed(new Error(sound.error.message));
            });
        }
        seconds.push(Math.round(sound.duration * 100) / 100);
    }
    return seconds;
}"""

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    user = open_account("ada")
    task = authoring.create_task(
        namespace=user.namespace, facts=authoring.TaskFacts(title="Sights"), by=user
    )
    uploads = [SimpleUploadedFile(name, data) for name, data in FILES.items()]
    attaching.attach_media(task=task, uploads=uploads, by=user)
    drafts.save_draft(
        task=task,
        definition_text=DEFINITION,
        upload=SimpleUploadedFile("items.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
        by=user,
    )
    publication.publish_task(task=task, visibility="public", by=user)
    return user


@pytest.mark.parametrize("path", [ITEMS, "/tasks/ada/sights/edit/"])
def test_pictures_are_drawn_and_sounds_can_be_played(
    new_page: Callable[..., Any], ada: Any, sign_in: Callable[..., None], path: str
) -> None:
    page = new_page(width=360)
    sign_in(page, ada)
    page.goto(path)
    for picture in page.locator(".message img").all():
        picture.scroll_into_view_if_needed()

    page.wait_for_function(DRAWN)

    assert page.locator(".message img").count() == 3
    assert page.evaluate(SECONDS) == [0.5, 0.52, 0.1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_pages_with_pictures_and_sounds_are_accessible(
    browser_page: Any, axe: Callable[[Any], None], ada: Any, sign_in: Callable[..., None]
) -> None:
    sign_in(browser_page, ada)
    for path in (ITEMS, "/tasks/ada/sights/edit/"):
        browser_page.goto(path)
        for summary in browser_page.locator("summary", has_text="Attached files").all():
            summary.click()
        axe(browser_page)


def test_a_picture_opens_whole_by_itself(new_page: Callable[..., Any], ada: Any) -> None:
    page = new_page()
    page.goto(ITEMS)

    page.locator(".message__file a").first.click()

    page.wait_for_url("**/files/*/")
    assert page.evaluate("document.images[0].naturalWidth") == 3000
