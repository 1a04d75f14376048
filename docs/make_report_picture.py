"""Make docs/images/report.png: the report of examples/backtest.yaml as a browser shows it.

python docs/make_report_picture.py

Needs Chromium or Chrome on the machine. The report is the one that `admf run examples/backtest.yaml` writes,
less the manifest of a run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from admf.core.config import load_config
from admf.market import load_market_data
from admf.reports import write_report
from admf.simulation import run_backtest

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "report.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> int:
    """Simulate, write the report, take its picture."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.stderr.write(f"no browser found; install one of: {', '.join(BROWSERS)}\n")
        return 1
    config = load_config(ROOT / "examples" / "backtest.yaml")
    bars = next(iter(load_market_data(config.data_config).values()))
    result = run_backtest(bars, config.section)
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = write_report(result, folder, title=config.name)
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--window-size=1240,1630",
            "--virtual-time-budget=8000",
            f"--user-data-dir={folder}/profile",
            f"--screenshot={PICTURE}",
            page.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 - our own arguments
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
