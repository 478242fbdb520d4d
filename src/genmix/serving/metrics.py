"""What a server counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """The numbers of one server; each server has its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self.requests = Counter(
            "genmix_requests", "Requests, by status.", ["status"], registry=registry
        )
        self.pictures = Counter("genmix_pictures", "Pictures edited.", registry=registry)
        self.failures = Counter(
            "genmix_failures", "Pictures that the editor failed on.", registry=registry
        )
        self.waiting = Gauge("genmix_queue_pictures", "Pictures that wait.", registry=registry)
        self.ready = Gauge("genmix_ready", "1 once the editor is loaded.", registry=registry)
        self.batch = Histogram(
            "genmix_batch_pictures",
            "Pictures in a batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=registry,
        )
        self.seconds = Histogram(
            "genmix_batch_seconds",
            "Time that the editor takes for a batch.",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
            registry=registry,
        )

    def text(self) -> bytes:
        """Write the numbers as Prometheus reads them."""
        return generate_latest(self.registry)
