"""Messages about uploads that are refused before they are read."""

from django.conf import settings


def too_many_files_message() -> str:
    most = settings.DATA_UPLOAD_MAX_NUMBER_FILES
    return f"At most {most:,} files are taken at once. Send them in several goes, or as a ZIP."


def too_much_text_message() -> str:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
    return f"At most {most} MiB are accepted as text. Send larger content as a file."
