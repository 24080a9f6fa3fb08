#!/usr/bin/env python3
"""Reads simulated instruments with Lake Shore's own driver, as it reads the real ones.

    vendor.py PTY TCP_PORT

Prints what it was given, a line each; ends with an error where the driver does.
"""
import math
import sys
import types

import lakeshore
from lakeshore import generic_instrument


def show(what, value):
    print(f"{what}: {value}")
    return value


def model_240(path):
    vid, pid = lakeshore.Model240.vid_pid[0]
    port = types.SimpleNamespace(vid=vid, pid=pid, device=path, serial_number="LSA21OQ")
    # The driver looks for USB ids, which a pseudo-terminal has not.
    generic_instrument.comports = lambda: [port]
    module = lakeshore.Model240(com_port=path)
    assert show("240 identity", module.get_identification())["serial number"] == "LSA21OQ"
    for channel in range(1, 9):
        kelvin = module.get_kelvin_reading(channel)
        sensor = module.get_sensor_reading(channel)
        assert math.isfinite(kelvin) and math.isfinite(sensor), (channel, kelvin, sensor)
        show(f"240 channel {channel}", f"{module.get_sensor_name(channel)} {kelvin} K {sensor} V")
        module.get_input_parameter(channel)
        module.get_curve_header(channel)
        module.get_curve_data_point(channel, 1)
        module.get_channel_reading_status(channel)
    module.disconnect_usb()


def model_372(port):
    bridge = lakeshore.Model372(57600, ip_address="127.0.0.1", tcp_port=port)
    assert show("372 serial number", bridge.serial_number) == "LSA22YG"
    show("372 scanner", bridge.get_scanner_status())
    for channel in range(1, 9):
        readings = bridge.get_all_input_readings(channel)
        assert all(math.isfinite(value) for value in readings.values()), readings
        show(f"372 channel {channel}", readings)
        bridge.get_input_setup_parameters(channel)
        bridge.get_input_channel_parameters(channel)
        bridge.get_excitation_power(channel)
        bridge.get_reading_status(channel)
    show("372 sample heater", bridge.get_heater_output_settings(0))
    show("372 still", bridge.get_still_output())
    bridge.disconnect_tcp()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model_240(sys.argv[1])
    model_372(int(sys.argv[2]))
