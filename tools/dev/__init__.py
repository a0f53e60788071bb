"""The commands behind ./dev: Python 3.11, standard library only."""
