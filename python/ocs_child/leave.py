"""The end of a process whose runtime may be gone."""
import os
import sys


def leave(code, text):
    """Ends the process at once, with a line for the runtime's log if that still exists."""
    try:
        if text:
            print(text, file=sys.stderr)
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # It was the runtime's.
    finally:
        os._exit(code)
