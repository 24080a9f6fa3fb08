"""
A plugin of pytest with which the integration tests of ocs and socs run on our hub: what they have in Docker are processes here.

crossbar is `ocs hub`, on their port; agents in containers are started by their site file. $OCS_PROGRAM is `ocs`.
"""
import contextlib
import os
import subprocess
import sys
import time
import types
import urllib.request

import ocs.testing
import pytest
from snmpsim import daemon

PORT = 18001
SITE = ['--site-file', './default.yaml']
OCS = os.environ['OCS_PROGRAM']
INSIDE = [*SITE, '--site-host', 'ocs-docker']


#: Their seconds for a start are those of a machine that has nothing else to do.
PATIENCE = 10


def patient(make, seconds):
    """A maker of fixtures that waits longer; the last of its words are as they were."""
    return lambda *args, timeout=seconds, **words: make(*args, timeout=timeout * PATIENCE, **words)


# The simulated SNMP devices refuse to be root's, which CI is.
if os.getuid() == 0:
    daemon.PrivilegesOf = lambda *_, **__: contextlib.nullcontext()

ocs.testing.create_agent_runner_fixture = patient(ocs.testing.create_agent_runner_fixture, 60)
ocs.testing.create_client_fixture = patient(ocs.testing.create_client_fixture, 30)


class Container:
    """A process, with what the tests ask of a container."""

    def __init__(self, name, words, env=None):
        self._name, self._words, self._env, self._process = name, words, env or {}, None

    def start(self):
        with open(f'{self._name}.log', 'ab') as log:
            self._process = subprocess.Popen(self._words, stdout=log, stderr=log, env={**os.environ, **self._env})

    def stop(self):
        self._process.terminate()
        self._process.wait(20 * PATIENCE)

    def restart(self):
        self.stop()
        self.start()

    @property
    def status(self):
        return 'running' if self._process.poll() is None else 'exited'


containers = {
    'ocs-tests-crossbar': Container('crossbar', [OCS, 'hub', *SITE, '--site-host', 'localhost', '--listen-ws', f'127.0.0.1:{PORT}']),
    'ocs-tests-fake-data-agent': Container('fake-data1', ['ocs-agent-cli', '--instance-id', 'fake-data1', *INSIDE]),
    'aggregator': Container('aggregator', [OCS, 'aggregate', '--instance-id', 'aggregator', *INSIDE,
                                           '--data-dir', os.path.abspath('data')]),
    'influxdb': Container('influxdb', ['influxd'], {
        'INFLUXDB_HTTP_BIND_ADDRESS': '127.0.0.1:18086', 'INFLUXDB_BIND_ADDRESS': '127.0.0.1:18088',
        **{f'INFLUXDB_{name}_DIR': os.path.abspath(f'influx-{name}') for name in ('META', 'DATA', 'DATA_WAL')}}),
}
docker = types.ModuleType('docker')
docker.from_env = lambda: types.SimpleNamespace(containers=containers)
sys.modules['docker'] = docker


def pytest_collection_modifyitems(items):
    """Last what leaves the hub stopped where it fails."""
    items.sort(key=lambda item: 'shutdown_on_lost_transport' in item.name)


def is_up():
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{PORT}/info') as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope='session')
def docker_services():
    """The hub, and what the tests have beside it in containers."""
    hub, *others = containers.values()
    hub.start()
    while not is_up():
        time.sleep(0.1)
    with open('default.yaml', encoding='utf-8') as site:
        wanted = others if 'ocs-docker' in site.read() else []
    for one in wanted:
        one.start()
    # A path from the root, as the tests have those of a container's folder; gone again before others look for tests.
    top = os.getcwd().split('/')[1]
    if wanted:
        os.symlink(f'/{top}', top)
    yield
    if wanted:
        os.remove(top)
    for one in [*wanted, hub]:
        one.stop()
