"""A lab script on the demo lab (npm start): set up a channel, take data for a while, put all back whatever happens."""

import time
from typing import Any

from ocs_mqtt import OK, OCSClient, OCSError, OCSReply

CHANNEL = 1
SECONDS = 10


def done(reply: OCSReply) -> dict[str, Any]:
    """The session of a reply; ends the script where a request was refused or an operation has failed."""
    if reply.status != OK or reply.session.get('success') is False:
        raise OCSError(repr(reply))
    return reply.session


def main() -> None:
    with OCSClient('ls240') as ls240:
        before = done(ls240.get_values(channel=CHANNEL))['data']
        was_running = ls240.acq().session.get('status') == 'running'
        try:
            done(ls240.set_values(channel=CHANNEL, enabled=1, name='4K plate'))
            if not was_running:
                done(ls240.acq.start())
            for _ in range(SECONDS):
                time.sleep(1)
                fields = done(ls240.acq())['data'].get('fields', {})
                print(fields.get(f'Channel_{CHANNEL}'))
        finally:
            print(ls240.set_values(channel=CHANNEL, enabled=before['enabled'], name=before['name']))
            if not was_running:
                ls240.acq.stop()
                print(ls240.acq.wait(timeout=10))


if __name__ == '__main__':
    main()
