"""Find libpython, which Triton's Python stub links and which Debian's python3 alone does not bring.

python -m triptych.stack.libpython      prints the Debian package that is missing, if one is
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from triptych.errors import EnvironmentUnfit

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBRARY = f"libpython{_VERSION}.so.1.0"
DEBIAN_PACKAGE = f"libpython{_VERSION}"


def find_libpython() -> Path | None:
    """Find the folder of libpythonX.Y.so.1.0, or None.

    Where Python itself says, beside the base interpreter, and where Debian's package puts it.
    """
    libdir = Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    multiarch = sysconfig.get_config_var("MULTIARCH") or "."
    folders = (libdir, Path(sys.base_prefix) / "lib", Path("/usr/lib") / multiarch)
    return next((folder for folder in folders if (folder / LIBRARY).is_file()), None)


def require_libpython() -> Path:
    """Find the folder of libpython.

    Raises:
        EnvironmentUnfit: it is not there; the message names the package.
    """
    folder = find_libpython()
    if folder is None:
        raise EnvironmentUnfit(
            f"{LIBRARY} is missing, and Triton's Python backend needs it. "
            f"Please run: sudo apt-get install --yes {DEBIAN_PACKAGE}"
        )
    return folder


if __name__ == "__main__":
    if find_libpython() is None:
        sys.stdout.write(DEBIAN_PACKAGE + "\n")
