"""The file that is run as the keeper: finds its own few modules by place, without the package `llmauto`."""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    if sys.platform == "win32":
        from child.windows_program import main
    elif sys.argv[1:] == ["--spare"]:
        from child.spare import main  # type: ignore[import-not-found]
    else:
        from child.program import main  # type: ignore[import-not-found]

    del sys.path[0]
    os._exit(main())
