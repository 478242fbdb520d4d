"""The proof of concept: three stages, each judged before the next, then one decision."""
