import subprocess
import sys
from pathlib import Path

from .project import ROOT


def test_imports_point_down_only() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_every_package_tells_its_architecture() -> None:
    packages = [*ROOT.glob("cstar_cli/**/__init__.py")]
    silent = [path for path in packages if path.parent.name != "cstar_cli" and not path.read_text().startswith('"""')]
    assert silent == []
