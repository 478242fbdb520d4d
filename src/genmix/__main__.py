"""`python -m genmix` is the `genmix` command."""

from genmix.cli import main

if __name__ == "__main__":
    main()
