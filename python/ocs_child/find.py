"""Finds agent classes among the OCS plugins of this interpreter."""
import ast
import importlib
import importlib.util
import json
import os
import sys
from importlib import metadata


def plugins():
    """
    Every class: {class: {module, entry_point, package}}. A plugin that cannot be loaded loses only itself.
    """
    found, faults = {}, {}
    for point in _entry_points():
        try:
            agents = point.load().agents
        except Exception as error:  # noqa: BLE001, whatever its module does
            faults[point.name] = f'{type(error).__name__}: {error}'
            continue
        for name, entry in agents.items():
            found.setdefault(name, dict(entry, package=point.name))
    return found, faults


def _entry_points():
    points = metadata.entry_points()
    # A mapping before Python 3.10.
    return points.select(group='ocs.plugins') if hasattr(points, 'select') else points.get('ocs.plugins', [])


def entry(agent_class, file, entry_point):
    """
    The function that starts an agent: of a class among the plugins, or of a file.
    Exits with 2 and one sentence if there is none.
    """
    if file:
        spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(file))[0], file)
        module = importlib.util.module_from_spec(spec)
        sys.path.insert(0, os.path.dirname(os.path.abspath(file)))
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return getattr(module, entry_point)
    found, faults = plugins()
    if agent_class not in found:
        told = ''.join(f'; the plugin {name} cannot be loaded: {fault}' for name, fault in faults.items())
        sys.exit(f'no plugin of OCS in {sys.executable} has the agent class {agent_class}{told}')
    module = importlib.import_module(found[agent_class]['module'])
    return getattr(module, found[agent_class].get('entry_point', 'main'))


def look(file, entry_point):
    """
    Prints what prevents a file from being run as an agent, as JSON; null if nothing does. Nothing of it is
    run.
    """
    fault = None
    try:
        with open(file, 'rb') as source:
            body = ast.parse(source.read(), file).body
        names = {name for node in body for name in _names(node)}
        if entry_point not in names:
            fault = f'it has no function {entry_point}'
    except OSError as error:
        fault = error.strerror
    except (SyntaxError, ValueError) as error:
        fault = f'line {error.lineno}: {error.msg}' if getattr(error, 'lineno', None) else str(error)
    print(json.dumps({'fault': fault}))


def _names(node):
    """
    The names that a statement at the top of a file, or within an `if` or `try` there, defines or imports.
    """
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name) for alias in node.names}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    inner = [one for kind in ('body', 'orelse', 'finalbody') for one in getattr(node, kind, [])]
    inner += [one for handler in getattr(node, 'handlers', []) for one in handler.body]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    return {name for one in inner if isinstance(one, ast.stmt) for name in _names(one)}


def tell():
    """Prints the classes of this interpreter and the versions behind them, as JSON."""
    found, faults = plugins()
    versions = {}
    for name in {'ocs', *(agent['package'] for agent in found.values())}:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    print(json.dumps({'classes': {name: agent['package'] for name, agent in found.items()},
                      'versions': versions, 'faults': faults}))
