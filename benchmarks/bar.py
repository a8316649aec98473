"""What the figures are held against: what must be, and what prototypes or limits say is possible."""

from typing import Literal, NamedTuple


class Bar(NamedTuple):
    """`at_least`: the ratio must reach it; `under`: it must stay below."""

    kind: Literal["at_least", "under"]
    must: float
    reach: float

    def holds(self, ratio: float) -> bool:
        return ratio >= self.must if self.kind == "at_least" else ratio < self.must

    def reaches(self, ratio: float) -> bool:
        return ratio >= self.reach if self.kind == "at_least" else ratio <= self.reach


BARS = {
    "append_vs_library_1": Bar("at_least", 0.6, 1),
    "append_vs_library_16": Bar("at_least", 8, 15),
    "append_vs_library_64": Bar("at_least", 8, 12),
    "append_vs_library_256": Bar("at_least", 15, 21),
    "append_vs_pgbench_256": Bar("at_least", 0.6, 0.85),
    "append_inline_vs_plain_64": Bar("at_least", 0.65, 0.8),
    "live_vs_library": Bar("at_least", 40, 56),
    "rebuild_vs_library": Bar("at_least", 115, 200),
    "rebuild_vs_copy_decode": Bar("at_least", 0.33, 0.6),
    "rebuild_10m_vs_1m": Bar("at_least", 0.8, 0.95),
    "rebuild_10m_rss_mib": Bar("under", 700, 400),
    "append_p99_10m_vs_100k": Bar("under", 1.5, 1.1),
    "lag_p99_ms": Bar("under", 150, 50),
    "ingest_vs_fastapi": Bar("at_least", 10, 15),
    "ingest_vs_pgbench": Bar("at_least", 0.5, 0.8),
    "ingest_p99_ms": Bar("under", 200, 20),
    "playback_vs_fastapi": Bar("at_least", 12, 20),
    "playback_fresh_vs_fastapi": Bar("at_least", 4, 5),
    "playback_p99_vs_fastapi": Bar("under", 0.1, 0.05),
    "playback_vs_bare_litestar": Bar("at_least", 0.45, 0.6),
    "playback_vs_drf": Bar("at_least", 20, 30),
    "playback_cpu_us": Bar("under", 110, 75),
    "catalogue_vs_fastapi": Bar("at_least", 12, 18),
    "catalogue_p99_signing_in_vs_idle": Bar("under", 2, 1.5),
    "playback_1m_vs_10k": Bar("under", 1.2, 1.1),
    "ladder_vs_separate": Bar("at_least", 2, 2.5),
    "hls_vs_nginx": Bar("at_least", 0.3, 0.5),
}
"""By row. `ratio` is what is looked at: of `lag_p99_ms` and `rebuild_10m_rss_mib` that is the figure itself."""
