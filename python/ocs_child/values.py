"""Python values as JSON lines carry them: types are sent separately, not guessed from the JSON."""
import math


def type_of(values):
    """The type of a column by its values: a float among integers makes it 'double'."""
    kinds = {_kind(each) for each in set(map(type, values))}
    if kinds <= {'int', 'double'}:
        return 'double' if 'double' in kinds else 'int'
    return kinds.pop() if len(kinds) == 1 else 'string'


def _kind(of):
    # Before int, since bool is a subclass of it in Python.
    if issubclass(of, bool):
        return 'bool'
    if issubclass(of, int):
        return 'int'
    if issubclass(of, float):
        return 'double'
    return 'string'


def wires(kind, values):
    """The values of a column of this type, as transmitted."""
    if kind == 'double':
        floats = list(map(float, values))
        # Zero may have a minus sign.
        if 0 not in floats and all(map(math.isfinite, floats)):
            return floats
    return [wire(kind, value) for value in values]


def wire(kind, value):
    """One value of a column of this type, as transmitted."""
    if kind == 'double':
        return plain(float(value))
    if kind == 'int':
        return plain(int(value))
    return bool(value) if kind == 'bool' else str(value)


def from_wire(kind, value):
    """A transmitted value of a column of this type; None if there is none."""
    if kind == 'int' and isinstance(value, str):
        return int(value)
    if kind == 'double':
        return math.nan if value is None else float(value)
    return value


def plain(data):
    """
    Any data in a form that JSON can hold: non-finite numbers and integers beyond 2**53 become text; numpy's
    arrays and scalars become lists and numbers; any other object becomes its text.
    """
    if data is None or isinstance(data, (bool, str)):
        return data
    if isinstance(data, int):
        return int(data) if -2**53 < data < 2**53 else str(int(data))
    if isinstance(data, float):
        if math.isfinite(data):
            return '-0' if data == 0 and math.copysign(1, data) < 0 else float(data)
        return 'NaN' if math.isnan(data) else ('Infinity' if data > 0 else '-Infinity')
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [plain(value) for value in data]
    if hasattr(data, 'tolist'):
        return plain(data.tolist())
    if isinstance(data, bytes):
        return data.decode('utf-8', 'replace')
    return str(data)
