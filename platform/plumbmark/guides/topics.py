"""The sections of all guides, as the search finds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.urls import reverse

from plumbmark.guides.library import Guide, Library, read_library
from plumbmark.guides.rendering import render_guide


@dataclass(frozen=True, slots=True)
class HelpTopic:
    """A section of a guide. The text before the first heading is one too, without an anchor."""

    guide: str
    guide_title: str
    anchor: str
    heading: str
    text: str

    @property
    def name(self) -> str:
        """The name in the index, which no other topic has: `readers/boards#ranks`."""
        return f"{self.guide}#{self.anchor}" if self.anchor else self.guide

    @property
    def title(self) -> str:
        return f"{self.guide_title}: {self.heading}" if self.anchor else self.guide_title

    def get_absolute_url(self) -> str:
        address = reverse("guide", args=[self.guide])
        return f"{address}#{self.anchor}" if self.anchor else address


def help_topics() -> Sequence[HelpTopic]:
    """Return the sections of all guides as they are now, in the order of the list."""
    return _topics_of(read_library())


@lru_cache(maxsize=1)
def _topics_of(library: Library) -> Sequence[HelpTopic]:
    return [topic for guide in library.guides.values() for topic in _topics_in(guide, library)]


def _topics_in(guide: Guide, library: Library) -> list[HelpTopic]:
    return [
        HelpTopic(guide.name, guide.title, one.anchor, one.title, one.text)
        for one in render_guide(guide, library).sections
    ]


def topic_named(name: str) -> HelpTopic | None:
    """Return a topic by its name in the index; None if the guides no longer have it."""
    library = read_library()
    guide = library.guides.get(name.partition("#")[0])
    topics = _topics_in(guide, library) if guide else []
    return next((topic for topic in topics if topic.name == name), None)
