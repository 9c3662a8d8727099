"""Static files under names that change with their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files, in which modules import each other by their hashed names too.

    Otherwise a page could for a while get a module of this release with one of the last.
    """

    support_js_module_import_aggregation = True
