"""Names of files in ZIPs that people unpack on other systems than the one that made them."""

import pytest

from tasks_app.code_tasks.queries import entry_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("out/result.json", "out/result.json"),
        ("a b/ä.txt", "a b/ä.txt"),
        ("..\\..\\evil.exe", ".._.._evil.exe"),
        ("C:\\evil.exe", "C__evil.exe"),
        ("../../evil", "evil"),
        ("/etc/passwd", "etc/passwd"),
        ("a/./b//c", "a/b/c"),
        ("con.txt", "_con.txt"),
        ("folder/NUL", "folder/_NUL"),
        ("ends. ", "ends"),
        ("a\nb|c", "a_b_c"),
        ("..", "_"),
    ],
)
def test_a_name_leads_out_of_no_folder_on_any_system(path: str, name: str) -> None:
    assert entry_name(path, ()) == name


def test_names_that_become_equal_stay_apart() -> None:
    taken: list[str] = []
    for path in ("a:b", "a|b", "a_b"):
        taken.append(entry_name(path, taken))

    assert taken == ["a_b", "a_b-2", "a_b-3"]
