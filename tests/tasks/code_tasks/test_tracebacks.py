"""What is told of a traceback."""

from tasks_app.code_tasks.output.tracebacks import last_error

FRAMES = 'Traceback (most recent call last):\n  File "task.py", line 3, in main\n    go()\n'


def test_the_last_exception_is_told_with_its_whole_message() -> None:
    text = (
        f"{FRAMES}ValueError: first\n\nDuring handling of it, another came:\n\n{FRAMES}"
        "    ^^^^\n"
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Answer\n"
        "  Invalid JSON: expected ident\n"
        "    For further information visit https://example.org\n"
        "\n(2 of 2 runs failed. Try again.)\n"
    )

    assert last_error(text) == (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Answer "
        "Invalid JSON: expected ident For further information visit https://example.org"
    )


def test_an_exception_without_a_message_is_told_by_its_name() -> None:
    assert last_error(f"before\n{FRAMES}StopIteration\n") == "StopIteration"


def test_without_a_traceback_the_last_line_is_told() -> None:
    assert last_error("one\nKilled by hand: yes\n\n") == "Killed by hand: yes"
    assert last_error(" \n") == ""


def test_what_is_told_is_bounded() -> None:
    assert len(last_error(FRAMES + "ValueError: " + "x" * 9000)) == 500
