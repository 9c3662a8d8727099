"""The router of the API: addresses without a trailing slash, parameters typed by converters."""

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """Register every ViewSet under the address of its resource; a prefix may hold parameters.

    Several ViewSets may share a prefix as long as one of them alone lists and retrieves: so each
    app, and each folder of one, adds its own actions to a resource of another.
    """

    def __init__(self) -> None:
        super().__init__(trailing_slash=False, use_regex_path=False)
