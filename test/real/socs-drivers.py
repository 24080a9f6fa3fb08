#!/usr/bin/env python3
"""Works simulated instruments with socs' own drivers and agent classes, unmodified, as they work real ones.

    socs-drivers.py PTY CURVE_240 CURVE_372

The 240 is at PTY, the 372 at 127.0.0.1:7777. What the agent classes published, and which parameters their operations
take, is printed as lines `JSON {…}`; ends with an error where a driver does.
"""
import inspect
import json
import math
import re
import sys
import threading
import time

from socs.agents.lakeshore240.agent import LS240_Agent
from socs.agents.lakeshore372.agent import LS372_Agent
from socs.Lakeshore.Lakeshore240 import Module
from socs.Lakeshore.Lakeshore372 import LS372, Curve


def near(a, b):
    return math.isclose(float(a), float(b), rel_tol=1e-4, abs_tol=1e-6)


def drive_240(path, curve):
    module = Module(port=path)
    assert module.inst_sn == "LSA21OQ" and len(module.channels) == 8, str(module)
    for channel in module.channels:
        for unit in "KCFS":
            assert math.isfinite(channel.get_reading(unit=unit))
    last = module.channels[7]
    last.set_values(sensor=3, auto_range=1, current_reversal=1, unit=3, enabled=1, name="Ruthenium")
    again = Module.__new__(Module)
    again.__dict__ = module.__dict__
    fresh = type(last)(again, 8)
    kept = (fresh._sensor, fresh._auto_range, fresh._current_reversal, fresh._unit, fresh._enabled, fresh.name)
    assert kept == (3, 1, 1, 3, 1, "Ruthenium"), kept
    last.load_curve(curve)
    fresh.read_curve()
    assert len(fresh.curve.breakpoints) == len(last.curve.breakpoints)
    for ours, theirs in zip(fresh.curve.breakpoints, last.curve.breakpoints):
        assert near(ours[0], theirs[0]) and near(ours[1], theirs[1]), (ours, theirs)
    last.delete_curve()
    last.set_values(sensor=1, auto_range=0, range=0, current_reversal=0, unit=1, enabled=0, name="Channel 8")
    module.com.close()


def drive_372(curve_file):
    bridge = LS372("127.0.0.1")
    assert bridge.id.startswith("LSCI,MODEL372,LSA22YG"), bridge.id
    bridge.disable_autoscan()
    assert bridge.get_autoscan() is False
    bridge.set_active_channel(3)
    channel = bridge.get_active_channel()
    assert channel.channel_num == 3
    # Autorange would change the range again.
    channel.disable_autorange()
    trips = [
        (channel.set_excitation_mode, channel.get_excitation_mode, "current"),
        (channel.set_excitation, channel.get_excitation, 3.16e-9),
        (channel.set_resistance_range, channel.get_resistance_range, 6.32e3),
        (channel.set_excitation_mode, channel.get_excitation_mode, "voltage"),
        (channel.set_excitation, channel.get_excitation, 20e-6),
        (channel.set_units, channel.get_units, "ohms"),
        (channel.set_units, channel.get_units, "kelvin"),
        (channel.set_dwell, channel.get_dwell, 17),
        (channel.set_pause, channel.get_pause, 4),
        (channel.set_calibration_curve, channel.get_calibration_curve, 0),
        (channel.set_temperature_coefficient, channel.get_temperature_coefficient, "positive"),
        (channel.set_temperature_limit, channel.get_temperature_limit, 12),
        (channel.set_temperature_limit, channel.get_temperature_limit, 0),
    ]
    for put, get, value in trips:
        put(value)
        kept = get()
        assert near(kept, value) if isinstance(value, (int, float)) else kept == value, (put, value, kept)
    channel.enable_autorange()
    channel.set_sensor_input_name("Ruthenium 3")
    assert channel.get_sensor_input_name() == "Ruthenium 3"
    channel.disable_channel()
    channel.enable_channel()
    for number in (1, 2, 3, "A"):
        one = bridge.channels[0 if number == "A" else number]
        for reading in (one.get_kelvin_reading(), one.get_resistance_reading(), one.get_sensor_reading()):
            assert math.isfinite(float(reading))
        one.get_reading_status()
        one.get_excitation_power()
    curve = Curve(bridge, 28)
    curve.set_curve(curve_file)
    points = curve.get_curve()
    assert curve.get_name() == "SIMULATED" and len(points) > 5, points
    curve.delete_curve()
    heater = bridge.sample_heater
    heater.set_mode("Open Loop")
    assert heater.get_mode() == "Open Loop"
    heater.set_heater_range(1e-3)
    assert near(heater.get_heater_range(), 1e-3)
    assert heater.set_heater_output(25, "current") and near(heater.get_manual_out(), 25)
    assert math.isfinite(heater.get_sample_heater_output())
    heater.set_pid(40, 2, 0)
    assert heater.get_pid() == (40.0, 2.0, 0.0)
    heater.set_setpoint(0.2)
    assert near(heater.get_setpoint(), 0.2)
    heater.set_heater_range("Off")
    heater.set_mode("Off")
    still = bridge.still_heater
    still.set_heater_range("On")
    assert still.get_heater_range() == "On"
    still.set_still_output(10.5)
    assert near(still.get_still_output(), 10.5)
    still.set_heater_range("Off")
    still.set_still_output(0)
    # A command it does not know leaves the connection usable.
    bridge.msg("NONSENSE 1")
    assert bridge.get_id().startswith("LSCI")
    channel.set_calibration_curve(23)
    channel.set_dwell(10)
    channel.set_pause(3)
    for number in range(1, 17):
        bridge.channels[number].set_sensor_input_name(f"Stage {number}")
    bridge.comm.close()


class Session:
    """As much of OCS's session as the operations use."""

    def __init__(self, app):
        self.app, self.data, self.degraded, self.messages = app, {}, False, []

    def set_status(self, status):
        pass

    def add_message(self, text):
        self.messages.append(text)


class Log:
    def __getattr__(self, level):
        return lambda *args, **kwargs: None


class Agent:
    """As much of OCS's agent as the agent classes use; keeps what they publish."""

    agent_address = "observatory.socs"

    def __init__(self):
        self.log, self.messages, self.started = Log(), [], []

    def register_feed(self, name, **kwargs):
        pass

    def publish_to_feed(self, feed, message):
        self.messages.append(message)

    def start(self, name, params=None):
        self.started.append(name)

    def wait(self, name):
        pass


def run(what, make, init, seconds):
    """Acquires for a while and prints each field's block and values."""
    agent = Agent()
    worker = make(agent)
    session = Session(agent)
    ok, text = worker.init_lakeshore(session, init)
    assert ok, text
    thread = threading.Thread(target=worker.acq, args=(session, {"sample_heater": True, "run_once": False}))
    thread.start()
    time.sleep(seconds)
    worker.take_data = False
    thread.join(20)
    assert not thread.is_alive()
    fields = {}
    for message in agent.messages:
        for name, value in message["data"].items():
            fields.setdefault(name, {"block": message["block_name"], "values": []})["values"].append(value)
    print("JSON", json.dumps({what: fields}), flush=True)


def parameters(cls):
    """The names of operations and of what each takes, from decorators, else from the first line of its docstring."""
    found = {}
    for name, function in inspect.getmembers(cls, inspect.isfunction):
        taken = getattr(function, "_ocs_prescreen", None)
        words = re.match(rf"\s*{name}\(([^)]*)\)", function.__doc__ or "")
        if name.startswith("_") or (taken is None and words is None):
            continue
        named = [key for key, _ in taken or []]
        if taken is None:
            named = [word.split("=")[0].strip(" \\\n") for word in words[1].split(",")]
        found[name] = [key for key in named if key not in ("", "_", "params", "params=None")]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    drive_240(sys.argv[1], sys.argv[2])
    drive_372(sys.argv[3])
    print("JSON", json.dumps({"params": {c.__name__: parameters(c) for c in (LS240_Agent, LS372_Agent)}}))
    run("240", lambda agent: LS240_Agent(agent, port=sys.argv[1]), {}, 3)
    run(
        "372",
        lambda agent: LS372_Agent(agent, "LSA22YG", "127.0.0.1", enable_control_chan=True),
        {"auto_acquire": False},
        3,
    )
    print("JSON", json.dumps({"done": True}))
