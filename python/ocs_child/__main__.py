"""
python -m ocs_child --class CLASS [--left FILE] -- ARG…            an agent among this interpreter's plugins
python -m ocs_child --file FILE --entrypoint main [--left FILE] -- ARG…
python -m ocs_child --crossbar URL [--left FILE] -- ARG…           speaks for an agent that is on a crossbar
python -m ocs_child --list                                         what plugins there are, as JSON
python -m ocs_child --look FILE                                    whether a file can be run, as JSON; it is not run
"""
import argparse
import sys

from . import find, hook


def main():
    parser = argparse.ArgumentParser(prog='ocs_child', description=__doc__)
    parser.add_argument('--class', dest='agent_class')
    parser.add_argument('--file')
    parser.add_argument('--entrypoint', default='main')
    parser.add_argument('--crossbar')
    parser.add_argument('--left')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--look')
    parser.add_argument('args', nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if given.list:
        find.tell()
        return
    if given.look:
        find.look(given.look, given.entrypoint)
        return
    # The program that starts this process has a runtime already.
    hook.remove()
    from .pipe import Pipe, take_streams
    lines, out = take_streams()
    args = given.args[1:] if given.args[:1] == ['--'] else given.args
    if given.crossbar:
        from .gateway import Gateway
        site = dict(zip(args, args[1:]))
        address = f'{site["--address-root"]}.{site["--instance-id"]}'
        Gateway(lines, Pipe(out, given.left), given.crossbar, site['--site-realm'], address).run()
        return
    from .host import Host
    start = find.entry(given.agent_class, given.file, given.entrypoint)
    host = Host(lines, Pipe(out, given.left), given.agent_class)
    host.install(args)
    start(args=args)


if __name__ == '__main__':
    sys.exit(main())
