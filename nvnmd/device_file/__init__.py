"""The model file of the device (``model.pb``; it is no protobuf): its layout, and how to write and read it."""
