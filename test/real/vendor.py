#!/usr/bin/env python3
"""Reads simulated instruments with Lake Shore's own driver, as it reads the real ones.

    vendor.py PTY_240 TCP_PORT_372 TCP_PORT_336

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


def model_336(port):
    controller = lakeshore.Model336(ip_address="127.0.0.1", tcp_port=port)
    assert show("336 serial number", controller.serial_number) == "LSA336X"
    for channel, kelvin, sensor in zip("ABCD", controller.get_all_kelvin_reading(), controller.get_all_sensor_reading()):
        show(f"336 channel {channel}", f"{controller.get_sensor_name(channel)} {kelvin} K {sensor} V")
        assert math.isfinite(kelvin) and math.isfinite(sensor), (channel, kelvin, sensor)
        assert math.isclose(controller.get_kelvin_reading(channel), kelvin, rel_tol=0.1)
        assert math.isclose(controller.get_sensor_reading(channel), sensor, rel_tol=0.1)
        controller.get_input_sensor(channel)
        controller.get_input_reading_status(channel)
        controller.get_filter(channel)
        controller.get_temperature_limit(channel)
        curve = controller.get_input_curve(channel)
        if curve:
            controller.get_curve_header(curve)
    # Each command is followed by a look at the errors of the instrument, and ends with an exception for one.
    for output in (1, 2):
        controller.get_heater_setup(output)
        controller.get_heater_status(output)
        controller.set_heater_output_mode(output, controller.HeaterOutputMode.OPEN_LOOP, controller.InputChannel.CHANNEL_B)
        controller.set_heater_pid(output, 20, 10, 5)
        controller.set_control_setpoint(output, 4.5)
        controller.set_setpoint_ramp_parameter(output, True, 2.5)
        controller.set_manual_output(output, 12.5)
        controller.set_heater_range(output, controller.HeaterRange.LOW)
        assert controller.get_heater_output_mode(output)["channel"] == controller.InputChannel.CHANNEL_B
        assert controller.get_heater_pid(output) == {"gain": 20, "integral": 10, "derivative": 5}
        assert controller.get_control_setpoint(output) == 4.5
        assert controller.get_setpoint_ramp_parameter(output) == {"ramp_enable": True, "rate_value": 2.5}
        assert controller.get_setpoint_ramp_status(output) is False
        assert controller.get_manual_output(output) == 12.5
        assert controller.get_heater_range(output) == controller.HeaterRange.LOW
        assert show(f"336 heater {output}", controller.get_heater_output(output)) == 12.5
    try:
        controller.command("FROBNICATE 1")
    except lakeshore.InstrumentException as refusal:
        show("336 refuses", refusal)
    else:
        raise AssertionError("an unknown command was not refused")
    controller.clear_interface_command()
    controller.command("*OPC")
    assert controller.get_standard_event_enable_mask() is not None
    show("336 status byte", controller.get_status_byte())
    assert controller.get_self_test() is False
    controller.disconnect_tcp()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model_240(sys.argv[1])
    model_372(int(sys.argv[2]))
    model_336(int(sys.argv[3]))
