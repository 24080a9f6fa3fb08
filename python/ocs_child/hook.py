"""
Imported at the start of each Python that has this package installed (ocs_child.pth): patches OCS's agents
once they are imported, so that an agent started by hand finds its runtime. Does nothing if OCS_CHILD_HOOK is
off.
"""
import os
import sys

NAME = 'ocs.ocs_agent'


class Finder:
    """Lets the module be found as usual, and patches it once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        remove()
        import importlib.util
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                from . import hand
                hand.patch(module)

            spec.loader.exec_module = exec_module
        return spec


def install():
    if os.environ.get('OCS_CHILD_HOOK') != 'off' and NAME not in sys.modules:
        sys.meta_path.insert(0, Finder())


def remove():
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
