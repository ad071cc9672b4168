"""Health checks, Prometheus metrics and structured logs, for operators. See docs/monitoring.md."""
