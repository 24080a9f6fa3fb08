"""
Devices that agents of socs read, each with the forms of commands and answers that its driver in socs has: `socs-devices.py FOLDER` serves all of them on loopback
until it is ended, and says "ready". The Lake Shore 425 is at FOLDER/ttyLS425.
"""
import base64
import http.server
import json
import os
import socketserver
import sys
import threading
import tty

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api


class Lines(socketserver.ThreadingTCPServer):
    """Answers lines by a function; None is no answer."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, port, answer, end):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    said = answer(line.decode('latin-1').strip())
                    if said is not None:
                        self.wfile.write((said + end).encode('latin-1'))
        super().__init__(('127.0.0.1', port), Handler)


class Raw(socketserver.ThreadingTCPServer):
    """Answers whatever comes at once by a function."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, port, answer):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while data := self.request.recv(4096):
                    said = answer(data)
                    if said:
                        self.request.sendall(said)
        super().__init__(('127.0.0.1', port), Handler)


def tpg366(data):
    """Pfeiffer TPG 366 (BG 5511): a mnemonic is acknowledged, and ENQ transmits what was measured, status and value each."""
    if data == b'\x05':
        return (','.join(f'{0 if ch < 5 else 5},{1.5 * 10 ** -ch:.4E}' for ch in range(6)) + '\r\n').encode()
    return b'\x06\r\n'


class Scpi:
    """A supply that keeps what it is set to (Kikusui PMX and PCR-MA, command reference)."""

    def __init__(self, measured):
        self.kept = {'OUTP': '1', 'VOLT': '12.0', 'CURR': '3.0'}
        self.measured = measured

    def __call__(self, line):
        if line == '*IDN?':
            return 'KIKUSUI,SIMULATED,AB123456,IFC01.00'
        if line.endswith('?'):
            return self.measured.get(line[:-1]) or self.kept.get(line[:-1])
        name, _, value = line.partition(' ')
        if value:
            self.kept[name] = {'ON': '1', 'OFF': '0'}.get(value, value)
        return None


def ds378(data):
    """Devantech dS378, module protocol: 0x30 status (12.1 V, 30.8 degrees), 0x33 relays (the first and the third are on)."""
    if data[0] == 0x30:
        return bytes([33, 1, 2, 1, 1, 121]) + (308).to_bytes(2, 'big', signed=True)
    return bytes([1, 0, 0, 0, 0b101]) if data[0] == 0x33 else b'\x00'


class Http(http.server.ThreadingHTTPServer):
    """Synaccess NP-05 (`cmd.cgi?$A5`: the states, the first outlet last), and an IO-Link master with an ifm SBN246."""
    outlets = ['1', '0', '1', '1', '0']

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def _say(self, text):
            self.send_response(200)
            self.send_header('Content-Length', str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self):
            wanted = 'Basic ' + base64.b64encode(b'admin:admin').decode()
            if self.headers.get('Authorization') != wanted:
                self.send_error(401)
                return
            command, *words = self.path.partition('?')[2].replace('%20', ' ').split()
            if command == '$A3':
                Http.outlets[int(words[0]) - 1] = words[1]
            self._say('$A0,' + ''.join(reversed(Http.outlets)) if command == '$A5' else '$A0')

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            # Flow in tenths of a gallon a minute in 16 bits, degrees Fahrenheit in 14, two of switching states.
            value = 'SBN246' if 'productname' in asked['adr'] else f'{(53 << 16) | (73 << 2):08X}'
            self._say(json.dumps({'cid': asked['cid'], 'data': {'value': value}, 'code': 200}))


class Snmp(socketserver.ThreadingUDPServer):
    """Dataprobe iBoot-PDU (IBOOTPDU-MIB): outletName 1.3.6.1.4.1.1418.6.5.1.2.N and outletStatus .6.N."""
    OUTLETS = (1, 3, 6, 1, 4, 1, 1418, 6, 5, 1)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            data, socket = self.request
            module = api.protoModules[api.decodeMessageVersion(data)]
            asked, _ = decoder.decode(data, asn1Spec=module.Message())
            said = module.apiMessage.getResponse(asked)
            pdu, reply = module.apiMessage.getPDU(asked), module.apiMessage.getPDU(said)
            bound = []
            for oid, _ in module.apiPDU.getVarBinds(pdu):
                column, outlet = tuple(oid)[-2:]
                bound.append((oid, module.OctetString(f'Outlet-{outlet + 1}') if column == 2
                              else module.Integer(1 - outlet % 2)))
            module.apiPDU.setVarBinds(reply, bound)
            socket.sendto(encoder.encode(said), self.client_address)


def ls425(folder):
    """Lake Shore 425 (manual 5.3): a serial line, a terminal here."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    path = os.path.join(folder, 'ttyLS425')
    os.symlink(os.ttyname(theirs), path)
    said = {'*IDN?': 'LSCI,MODEL425,4250022,1.0', 'RDGFIELD?': '+270.644E+00', 'OPST?': '004'}
    rest = b''
    while True:
        *lines, rest = (rest + os.read(ours, 1024)).split(b'\r\n')
        for line in lines:
            if line.decode() in said:
                os.write(ours, (said[line.decode()] + '\r\n').encode())


def main(folder):
    pmx = Scpi({'MEAS:VOLT': '+11.98', 'MEAS:CURR': '+2.91', 'SYST:ERR': '0,"No error"'})
    pcr = Scpi({'MEAS:VOLT:AC': '+4.9800E+01', 'MEAS:CURR:AC': '+1.2000E+00', 'MEAS:POW:AC': '+5.9760E+01',
                'MEAS:FREQ': '+6.0000E+01'})
    servers = [Raw(9101, tpg366), Raw(9102, ds378), Lines(9103, pmx, '\n'), Lines(9104, pcr, '\n'),
               Http(('127.0.0.1', 9105), Http.Handler), Snmp(('127.0.0.1', 9106), Snmp.Handler)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=ls425, args=[folder], daemon=True).start()
    print('ready', flush=True)
    threading.Event().wait()


main(sys.argv[1])
