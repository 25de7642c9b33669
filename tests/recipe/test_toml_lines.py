"""Lines of keys, counted by hand."""

from __future__ import annotations

from edge_imgq.recipe.toml_lines import key_lines

TEXT = """\
# a comment = 1
first = [
    "x = 1",
]
text = \"\"\"
hidden = 2
\"\"\"

[budget]  # a table
limit = 1
"quoted name" = "float"
input.sigma = 3

[[image]]
name = "a"

[[image]]
name = "b"
"""


def test_keys_tables_and_entries_of_arrays_have_their_lines() -> None:
    lines = key_lines(TEXT)
    assert lines == {
        ("first",): 2,
        ("text",): 5,
        ("budget",): 9,
        ("budget", "limit"): 10,
        ("budget", "quoted name"): 11,
        ("budget", "input", "sigma"): 12,
        ("image",): 14,
        ("image", 0): 14,
        ("image", 0, "name"): 15,
        ("image", 1): 17,
        ("image", 1, "name"): 18,
    }
