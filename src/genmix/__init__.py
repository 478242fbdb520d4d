"""genmix: turn a folder of labelled photos into a training set that makes a better classifier."""

__version__ = "0.1.0"
