"""perf_analyzer runs and what they write down."""
