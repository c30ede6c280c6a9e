"""Devices on real protocols: Modbus TCP, OPC UA and MQTT, with the faults that real ones have."""
