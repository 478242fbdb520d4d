"""Networks by name and on disk: classifiers that are trained, and that screens ask."""

import os

# Threads that wait for each other sleep instead of spinning. On processors that others use too,
# spinning ones take the time of the thread that they wait for, and a step takes many times as long.
# It is read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
