"""Training and judging classifiers: models, the loop, checkpoints, evaluation, robustness."""
