"""Figures and tables of what the experiments found."""
