"""Reviews: what people say of the pictures of an output, and what follows from it.

Decisions live in SQLite beside the output. Needs no web framework: the command line and jobs use it
as the page does.
"""
