"""A measurement with the agents of the demo lab (npm start): change a channel, watch it, take data, always clean up."""

import time

from ocs_mqtt import OK, OCSClient, OCSError

CHANNEL = 3
SECONDS = 10


def require(reply):
    """Stops the script, with the reply, where OCS's scripts check `reply.status` and `reply.session['success']`."""
    if reply.status != OK or (reply.session and reply.session['success'] is False):
        raise OCSError(repr(reply))
    return reply


def main():
    with OCSClient('ls240') as ls240:
        before = require(ls240.get_values(channel=CHANNEL)).session['data'] if hasattr(ls240, 'get_values') else {}
        was_running = ls240.acq().session.get('status') == 'running'
        try:
            require(ls240.set_values(channel=CHANNEL, enabled=1))
            if not was_running:
                require(ls240.acq.start())
            for _ in range(SECONDS):
                time.sleep(1)
                session = require(ls240.acq.status()).session
                print(session['data']['fields'][f'Channel_{CHANNEL}'])
        finally:
            if before:
                ls240.set_values(channel=CHANNEL, enabled=before['enabled'])
            if not was_running:
                ls240.acq.stop()
                print(ls240.acq.wait(timeout=10))


if __name__ == '__main__':
    main()
