"""The registrations of an agent of OCS, in the form for the runtime."""
import inspect

#: Types declared with @param, by the JSON Schema of their values.
TYPES = {float: 'number', int: 'integer', str: 'string', bool: 'boolean', list: 'array', tuple: 'array', dict: 'object'}


def hello(agent, help_text):
    """
    Everything about an agent except its feeds: class, operations with their parameters, what starts with it.
    """
    startup = {name: params for _, name, params in agent.startup_ops}
    ops = {}
    for kind, registered in (('task', agent.tasks), ('process', agent.processes)):
        for name, op in registered.items():
            ops[name] = {'kind': kind, 'help': inspect.cleandoc(op.docstring or ''),
                         'params': params_of(op.launcher), 'startup': startup.get(name, False),
                         'min_privs': max(1, int(getattr(op.min_privs, 'value', op.min_privs)))}
    return {'agent_class': agent.class_name or type(agent).__name__, 'help': help_text, 'ops': ops}


def params_of(launcher):
    """
    The parameters that @param declares: {name: {type, default, choices, required}}. None if nothing is
    declared, or if the operation takes others as well: then it checks them itself.
    """
    declared = getattr(launcher, '_ocs_prescreen', None)
    if declared is None or any(name == '_no_check_strays' for name, _ in declared):
        return None
    found = {}
    for name, options in declared:
        if name == '_':
            continue
        param = {'required': 'default' not in options}
        if options.get('default') is not None:
            param['default'] = options['default']
        # A parameter that is cast may be given in another form.
        if options.get('cast') is None and options.get('type') in TYPES:
            param['type'] = TYPES[options['type']]
        if options.get('cast') is None and options.get('choices') is not None:
            param['choices'] = list(options['choices'])
        found[name] = param
    return found


def feed_of(record, agg_params):
    """The description of a feed for the runtime."""
    agg = agg_params or {}
    record = bool(record) and not agg.get('exclude_aggregator', False)
    told = {'record': record}
    if agg.get('frame_length'):
        told['frame_length'] = agg['frame_length']
    if agg.get('exclude_influx'):
        told['exclude_influx'] = True
    return told
