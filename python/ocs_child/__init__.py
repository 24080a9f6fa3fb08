"""Runs an agent of OCS as the child of `ocs agent`: JSON lines in place of a WAMP router (docs/protocol.md)."""

__version__ = '0.1.0'
