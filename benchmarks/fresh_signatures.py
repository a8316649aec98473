"""The command line of the product, in which Mux's tokens are never given twice: what a signature to each play costs.

python -m benchmarks.fresh_signatures api --fd FD
"""

from datetime import timedelta

from adapters.mux import platform
from entrypoints.cli.main import main

if __name__ == "__main__":
    platform.REUSED_FROM = timedelta.max
    main()
