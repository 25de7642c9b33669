"""The report dataclasses, and their renderings as text, JSON, Markdown, HTML and JUnit XML."""
